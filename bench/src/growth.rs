//! How the cost grows: with entries, frame size, CPUs and interfaces.

use std::{
    cell::{Cell, RefCell},
    sync::Barrier,
    thread,
};

use anyhow::{Result, ensure};
use portclass::{
    dataplane::{OBJECT, Settings},
    registry::{Format, Registry},
};
use portclass_common::names;

use crate::{
    cpu, frames,
    kernel::{MEMO, PLAIN, Programs, name, run},
    measure::{Cost, Plan, Variant, compare},
    mix::{self, Mix},
    program::{COST, column, cost, shipped, times},
    report::{Column, Report, Table},
};

/// Entries of the registries that are measured; no registry may have more than the last.
const ENTRIES: [u32; 6] = [100, 1_000, 4_000, 16_000, 32_000, 65_535];
/// Bytes of the frames that are measured; the first is Ethernet's least, without an FCS.
const LENGTHS: [usize; 7] = [60, 256, 512, 1_024, 1_500, 4_000, 9_000];
const CPUS: [usize; 4] = [1, 2, 4, 8];
const INTERFACES: [usize; 4] = [1, 2, 4, 8];
/// A run with a call of its own takes as long as this many without.
const CALL_RUNS: u32 = 10;

const BY_ENTRIES: [Column; 9] = [
    column("entries", "entries", 0),
    COST[0],
    COST[1],
    COST[2],
    COST[3],
    COST[4],
    COST[5],
    column("plain_added_ns", "plain +ns", 1),
    column("plain_ratio", "plain/ours", 1),
];
const BY_LENGTH: [Column; 7] = with_cost(column("bytes", "bytes", 0));
const BY_INTERFACES: [Column; 7] = with_cost(column("interfaces", "interfaces", 0));
const BY_CPUS: [Column; 8] = [
    column("cpus", "CPUs", 0),
    column("cpu", "CPU", 0),
    COST[0],
    COST[1],
    COST[2],
    COST[3],
    COST[4],
    COST[5],
];

const fn with_cost(first: Column) -> [Column; 7] {
    [first, COST[0], COST[1], COST[2], COST[3], COST[4], COST[5]]
}

/// Measures the section.
///
/// # Errors
///
/// What the kernel says.
pub fn measure(plan: Plan, report: &mut Report) -> Result<()> {
    let registry = shipped()?;
    cpu::pinned(|| {
        report.add(&by_entries(plan)?);
        report.add(&by_length(plan, &registry)?);
        Ok(())
    })?;
    report.add(&by_cpus(plan, &registry)?);
    report.add(&cpu::pinned(|| by_interfaces(plan, &registry))?);
    Ok(())
}

/// A registry with as many entries, of TCP and of UDP in turn, spread over all ports.
fn synthetic(entries: u32) -> Result<Registry> {
    let ports = entries.div_ceil(2);
    let line = |entry: u32| {
        let port = u64::from(entry / 2) * 65_536 / u64::from(ports);
        let transport = ["tcp", "udp"][entry as usize % 2];
        format!("service-{entry},{port},{transport}\n")
    };
    let csv: String = (0..entries).map(line).collect();
    let (registry, _) = Registry::of_bytes("synthetic", csv.as_bytes(), Some(Format::Short))?;
    let read = registry.entries().count();
    ensure!(
        read == entries as usize,
        "{read} entries of {entries} are there"
    );
    Ok(registry)
}

fn by_entries(plan: Plan) -> Result<Table> {
    let mut rows = Vec::new();
    for entries in ENTRIES {
        let registry = synthetic(entries)?;
        let programs = [name::EMPTY_MIXED, name::MIXED];
        let load = |object| Programs::load(object, Settings::default(), &registry, &programs);
        let (mut ours, mut plain) = (load(MEMO)?, load(PLAIN)?);
        let mix = Mix::uniform(&registry);
        ours.set_mix(&mix)?;
        plain.set_mix(&mix)?;
        let frame = mix.frame_at(0);
        let variants = [&ours, &plain].map(|programs| programs.variant(name::MIXED, &frame));
        let costs = compare(plan, &ours.variant(name::EMPTY_MIXED, &frame), &variants)?;
        let [ours, plain] = [1, 2].map(|variant| costs[variant].added.median);
        let mut row = vec![f64::from(entries).into()];
        row.extend(cost(costs[1], costs[0]));
        row.extend([plain.into(), times(plain, ours).into()]);
        rows.push(row);
    }
    Ok(Table {
        title: "Entries of the registry, a uniform mix of them all",
        columns: &BY_ENTRIES,
        rows,
    })
}

fn by_length(plan: Plan, registry: &Registry) -> Result<Table> {
    let (empty, ours) = empty_and_ours(registry)?;
    let mut rows = Vec::new();
    for length in LENGTHS {
        let frame = frames::hot_of(length);
        let costs = compare(
            plan,
            &empty.variant(name::EMPTY_FRAGS, &frame),
            &[ours.variant(names::XDP_FRAGS, &frame)],
        )?;
        let mut row = vec![(length as f64).into()];
        row.extend(cost(costs[1], costs[0]));
        rows.push(row);
    }
    Ok(Table {
        title: "Bytes of an IPv4/TCP frame to one port",
        columns: &BY_LENGTH,
        rows,
    })
}

fn empty_and_ours(registry: &Registry) -> Result<(Programs, Programs)> {
    let load = |object, registry, program| {
        Programs::load(object, Settings::default(), registry, &[program])
    };
    Ok((
        load(MEMO, &Registry::empty(), name::EMPTY_FRAGS)?,
        load(OBJECT, registry, names::XDP_FRAGS)?,
    ))
}

fn by_cpus(plan: Plan, registry: &Registry) -> Result<Table> {
    let (empty, ours) = empty_and_ours(registry)?;
    let allowed = cpu::allowed()?;
    let mut rows = Vec::new();
    for count in CPUS.into_iter().filter(|&count| count <= allowed.len()) {
        let used = &allowed[..count];
        for (&cpu, costs) in used.iter().zip(at_once(plan, used, &empty, &ours)?) {
            let mut row = vec![(count as f64).into(), (cpu as f64).into()];
            row.extend(cost(costs[1], costs[0]));
            rows.push(row);
        }
    }
    Ok(Table {
        title: "CPUs at once, each with an IPv4/TCP frame to the same port",
        columns: &BY_CPUS,
        rows,
    })
}

/// The costs on each of the CPUs, all of which run the same program at any time.
fn at_once(
    plan: Plan,
    cpus: &[usize],
    empty: &Programs,
    ours: &Programs,
) -> Result<Vec<Vec<Cost>>> {
    let frame = frames::hot();
    let barrier = Barrier::new(cpus.len());
    // What waits here takes no CPU time.
    let together = |image, program| -> Variant<'_> {
        let (barrier, frame) = (&barrier, &frame);
        Box::new(move |runs| {
            barrier.wait();
            run(image, program, frame, runs)
        })
    };
    let (empty, ours) = (empty.image(0), ours.image(0));
    // Whoever fails later leaves the others waiting.
    run(empty, name::EMPTY_FRAGS, &frame, 1)?;
    run(ours, names::XDP_FRAGS, &frame, 1)?;
    let on = &|cpu| {
        let pinned = cpu::pin(cpu);
        let base = together(empty, name::EMPTY_FRAGS);
        let costs = compare(plan, &base, &[together(ours, names::XDP_FRAGS)]);
        pinned.and(costs)
    };
    thread::scope(|scope| {
        let threads: Vec<_> = cpus
            .iter()
            .map(|&cpu| scope.spawn(move || on(cpu)))
            .collect();
        let costs = threads.into_iter().map(|thread| {
            thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        costs.collect()
    })
}

fn by_interfaces(plan: Plan, registry: &Registry) -> Result<Table> {
    let loaded = [name::EMPTY_MIXED, name::MIXED];
    let mix = Mix::uniform(registry);
    let plan = Plan {
        runs: plan.runs.div_ceil(CALL_RUNS),
        ..plan
    };
    let mut rows = Vec::new();
    for interfaces in INTERFACES {
        let mut programs = Programs::load(MEMO, Settings::default(), registry, &loaded)?;
        for _ in 1..interfaces {
            programs.add_image(&loaded)?;
        }
        programs.set_mix(&mix)?;
        let base = in_turn(&programs, interfaces, name::EMPTY_MIXED, &mix);
        let ours = in_turn(&programs, interfaces, name::MIXED, &mix);
        let costs = compare(plan, &base, &[ours])?;
        let mut row = vec![(interfaces as f64).into()];
        row.extend(cost(costs[1], costs[0]));
        rows.push(row);
    }
    Ok(Table {
        title: "Interfaces with counters of their own in turn, a uniform mix; ns has a call for every frame",
        columns: &BY_INTERFACES,
        rows,
    })
}

/// The images' programs in turn, each of which sees the whole mix over time.
///
/// A call has one run: for more, the kernel patches its dispatcher of XDP programs, which takes longer than all of them.
fn in_turn<'a>(programs: &'a Programs, images: usize, name: &'a str, mix: &'a Mix) -> Variant<'a> {
    let next = Cell::new(0_usize);
    let frame = RefCell::new(mix.frame_at(0));
    let entries = mix.entries().len();
    Box::new(move |runs| {
        for _ in 0..runs {
            let now = next.replace(next.get() + 1);
            let image = programs.image((now + now / entries) % images);
            let mut frame = frame.borrow_mut();
            mix::set_position(&mut frame, now as u16);
            run(image, name, &frame, 1)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::{ENTRIES, synthetic};

    #[test]
    fn registries_of_any_size_can_be_made() {
        for entries in ENTRIES {
            synthetic(entries).expect("a registry of that size");
        }
    }
}
