//! What a program costs a packet: by frame, by option, and by mix of ports.

use anyhow::Result;
use portclass::{
    dataplane::{OBJECT, Settings},
    registry::{Registry, Sources},
};
use portclass_common::{labelling::Matching, names, tag::MarkMask};

use crate::{
    cpu, frames,
    kernel::{MEMO, PLAIN, Programs, name},
    measure::{Cost, Plan, compare},
    mix::Mix,
    report::{Cell, Column, Report, Table},
    size,
};

const NAME: Column = Column {
    key: "case",
    heading: "",
    decimals: 0,
};

/// What every variant says of itself.
pub const COST: [Column; 6] = [
    column("ns", "ns", 1),
    column("added_ns", "+ns", 1),
    column("added_ns_lower_quartile", "25 %", 1),
    column("added_ns_upper_quartile", "75 %", 1),
    column("ratio", "ratio", 2),
    column("mpps", "Mpps", 1),
];

const PLAIN_ADDED: Column = column("plain_added_ns", "plain +ns", 1);
const PLAIN_RATIO: Column = column("plain_ratio", "plain/ours", 1);

const FRAMES: [Column; 10] = [
    NAME,
    column("bytes", "bytes", 0),
    COST[0],
    COST[1],
    COST[2],
    COST[3],
    COST[4],
    COST[5],
    PLAIN_ADDED,
    PLAIN_RATIO,
];

const OPTIONS: [Column; 7] = [NAME, COST[0], COST[1], COST[2], COST[3], COST[4], COST[5]];

const MIXES: [Column; 9] = [
    NAME,
    COST[0],
    COST[1],
    COST[2],
    COST[3],
    COST[4],
    COST[5],
    PLAIN_ADDED,
    PLAIN_RATIO,
];

const LOOKUPS: [Column; 4] = [
    NAME,
    column("lookup_ns", "ours +ns", 1),
    column("plain_lookup_ns", "plain +ns", 1),
    column("plain_ratio", "plain/ours", 1),
];

/// A column of numbers.
pub const fn column(key: &'static str, heading: &'static str, decimals: usize) -> Column {
    Column {
        key,
        heading,
        decimals,
    }
}

/// The cells of [`COST`].
pub fn cost(cost: Cost, base: Cost) -> [Cell; 6] {
    [
        cost.whole.median,
        cost.added.median,
        cost.added.lower,
        cost.added.upper,
        cost.ratio_to(base),
        cost.millions_a_second(),
    ]
    .map(Cell::from)
}

/// How many times as much `plain` costs as `ours`; nothing where that is no more than noise.
pub fn times(plain: f64, ours: f64) -> Option<f64> {
    const NOISE_NS: f64 = 0.5;
    (ours > NOISE_NS).then(|| plain / ours)
}

/// The shipped registry.
///
/// # Errors
///
/// It cannot be read.
pub fn shipped() -> Result<Registry> {
    Ok(Registry::load(&Sources::plain(None))?.0)
}

/// Measures the section.
///
/// # Errors
///
/// What the kernel says.
pub fn measure(plan: Plan, report: &mut Report) -> Result<()> {
    let registry = shipped()?;
    cpu::pinned(|| {
        report.add(&by_frame(plan, &registry)?);
        report.add(&by_option(plan, &registry)?);
        let (mixes, lookups) = by_mix(plan, &registry)?;
        report.add(&mixes);
        report.add(&lookups);
        report.add(&size::table(&registry)?);
        Ok(())
    })
}

fn by_frame(plan: Plan, registry: &Registry) -> Result<Table> {
    let load = |object, decapsulate| {
        let settings = Settings {
            decapsulate,
            ..Settings::default()
        };
        Programs::load(object, settings, registry, &[names::XDP_FRAGS])
    };
    let empty = Programs::load(
        MEMO,
        Settings::default(),
        &Registry::empty(),
        &[name::EMPTY_FRAGS],
    )?;
    let (ours, plain) = (load(OBJECT, false)?, load(PLAIN, false)?);
    let (ours_inside, plain_inside) = (load(OBJECT, true)?, load(PLAIN, true)?);
    let mut rows = Vec::new();
    for frame in frames::all() {
        let (ours, plain) = match frame.decapsulate {
            true => (&ours_inside, &plain_inside),
            false => (&ours, &plain),
        };
        let mut variants = vec![ours.variant(names::XDP_FRAGS, &frame.bytes)];
        if frame.has_port {
            variants.push(plain.variant(names::XDP_FRAGS, &frame.bytes));
        }
        let base = empty.variant(name::EMPTY_FRAGS, &frame.bytes);
        let costs = compare(plan, &base, &variants)?;
        let (base, ours) = (costs[0], costs[1]);
        let plain = costs.get(2).map(|plain| plain.added.median);
        let ratio = plain.and_then(|plain| times(plain, ours.added.median));
        let mut row = vec![frame.name.into(), (frame.bytes.len() as f64).into()];
        row.extend(cost(ours, base));
        row.extend([plain.into(), ratio.into()]);
        rows.push(row);
    }
    Ok(Table {
        title: "Frames to one port; +ns: the difference to an empty program, plain: without a memo",
        columns: &FRAMES,
        rows,
    })
}

/// A program with options, to be compared with another one.
struct Case {
    name: &'static str,
    object: &'static [u8],
    program: &'static str,
    base: &'static str,
    settings: Settings,
}

fn cases() -> Vec<Case> {
    let default = Settings::default();
    let xdp = |name, settings| Case {
        name,
        object: OBJECT,
        program: names::XDP_FRAGS,
        base: name::EMPTY_FRAGS,
        settings,
    };
    let matching = |matching| Settings {
        matching,
        ..default
    };
    let tc = |name, program, mark| Case {
        name,
        object: OBJECT,
        program,
        base: name::EMPTY_TC,
        settings: Settings { mark, ..default },
    };
    let mask = MarkMask::new(0xffff);
    vec![
        Case {
            object: MEMO,
            program: name::EMPTY_FRAGS,
            ..xdp("empty again", default)
        },
        xdp("default", default),
        Case {
            program: names::XDP,
            base: name::EMPTY,
            ..xdp("without multi-buffer frames", default)
        },
        Case {
            program: names::XDP_FRAGS_COPIED,
            ..xdp("without CAP_PERFMON", default)
        },
        xdp("match source", matching(Matching::Source)),
        xdp("match best", matching(Matching::Best)),
        xdp(
            "decapsulate",
            Settings {
                decapsulate: true,
                ..default
            },
        ),
        xdp(
            "log unlabelled",
            Settings {
                log_unlabelled: true,
                ..default
            },
        ),
        Case {
            object: MEMO,
            program: name::TAGGED,
            base: name::EMPTY_TAGGED,
            ..xdp(
                "tag metadata",
                Settings {
                    tag_metadata: true,
                    ..default
                },
            )
        },
        tc("tc egress", names::EGRESS, None),
        tc("tc egress, without CAP_PERFMON", names::EGRESS_COPIED, None),
        tc("tc egress, mark", names::EGRESS, mask),
        tc("tc ingress, mark", names::MARK, mask),
    ]
}

fn by_option(plan: Plan, registry: &Registry) -> Result<Table> {
    let bases = [
        name::EMPTY,
        name::EMPTY_FRAGS,
        name::EMPTY_TC,
        name::EMPTY_TAGGED,
    ];
    let empty = Programs::load(MEMO, Settings::default(), &Registry::empty(), &bases)?;
    let frame = frames::hot();
    let mut rows = Vec::new();
    for case in cases() {
        let programs = Programs::load(case.object, case.settings, registry, &[case.program])?;
        let base = empty.variant(case.base, &frame);
        let costs = compare(plan, &base, &[programs.variant(case.program, &frame)])?;
        let mut row = vec![case.name.into()];
        row.extend(cost(costs[1], costs[0]));
        rows.push(row);
    }
    Ok(Table {
        title: "Options, on an IPv4/TCP frame to one port",
        columns: &OPTIONS,
        rows,
    })
}

fn by_mix(plan: Plan, registry: &Registry) -> Result<(Table, Table)> {
    let programs = [name::EMPTY_MIXED, name::MIXED, name::NO_LOOKUP_MIXED];
    let load = |object| Programs::load(object, Settings::default(), registry, &programs);
    let (mut ours, mut plain) = (load(MEMO)?, load(PLAIN)?);
    let (mut mixes, mut lookups) = (Vec::new(), Vec::new());
    for (title, mix) in [
        ("one port", Mix::hot()),
        ("skewed", Mix::skewed(registry)),
        ("uniform", Mix::uniform(registry)),
    ] {
        ours.set_mix(&mix)?;
        plain.set_mix(&mix)?;
        let frame = mix.frame_at(0);
        let variants = [
            ours.variant(name::MIXED, &frame),
            plain.variant(name::MIXED, &frame),
            ours.variant(name::NO_LOOKUP_MIXED, &frame),
        ];
        let base = ours.variant(name::EMPTY_MIXED, &frame);
        let costs = compare(plan, &base, &variants)?;
        let [ours, plain, without] = [1, 2, 3].map(|variant| costs[variant].added.median);
        let mut row = vec![title.into()];
        row.extend(cost(costs[1], costs[0]));
        row.extend([plain.into(), times(plain, ours).into()]);
        mixes.push(row);
        let (ours, plain) = (ours - without, plain - without);
        lookups.push(vec![
            title.into(),
            ours.into(),
            plain.into(),
            times(plain, ours).into(),
        ]);
    }
    let mixes = Table {
        title: "Mixes of the whole registry's ports, IPv4; +ns: the difference to taking the next port",
        columns: &MIXES,
        rows: mixes,
    };
    let lookups = Table {
        title: "The look-up alone: the difference to labels without one",
        columns: &LOOKUPS,
        rows: lookups,
    };
    Ok((mixes, lookups))
}

#[cfg(test)]
mod tests {
    use super::times;

    #[test]
    fn nothing_is_compared_with_noise() {
        assert_eq!(times(20.0, 5.0), Some(4.0));
        assert_eq!(times(20.0, 0.1), None);
        assert_eq!(times(20.0, -3.0), None);
    }
}
