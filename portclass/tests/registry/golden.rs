//! Totals of the file as IANA published it on 2024-06-12, without any layer on top.

use std::{collections::BTreeMap, fmt::Write as _};

use portclass::registry::{Registry, Sources};
use portclass_common::{label::Class, port::PortKey, transport::Transport};
use sha2::{Digest as _, Sha256};

fn plain() -> Registry {
    let (registry, findings) =
        Registry::load(&Sources::plain(None)).expect("the shipped registry is readable");
    assert_eq!(findings.kept(), []);
    registry
}

#[test]
fn every_record_is_read() {
    let registry = plain();
    assert_eq!(registry.records().len(), 14_447);
    let kind = |named: bool, ranged: Option<bool>| {
        registry
            .records()
            .iter()
            .filter(|record| record.is_named() == named)
            .filter(|record| {
                let port = record.column(portclass::registry::Column::PortNumber);
                (!port.is_empty()).then(|| port.contains('-')) == ranged
            })
            .count()
    };
    assert_eq!(kind(true, Some(false)), 11_708);
    assert_eq!(kind(true, Some(true)), 8);
    assert_eq!(kind(false, Some(false)), 944);
    assert_eq!(kind(false, Some(true)), 748);
    assert_eq!(kind(true, None), 1_039);
    assert_eq!(
        registry
            .records()
            .iter()
            .filter(|record| record.is_alias())
            .count(),
        184
    );
}

#[test]
fn named_pairs_agree_with_the_golden_totals_of_each_transport() {
    let registry = plain();
    assert_eq!(registry.named_pairs(), 11_598);
    let mut pairs = BTreeMap::<_, (u32, u64)>::new();
    for entry in registry.entries() {
        if entry.class == Class::Labelled && !entry.any_transport {
            let (count, sum) = pairs.entry(entry.key.transport()).or_default();
            *count += 1;
            *sum += u64::from(entry.key.port());
        }
    }
    let expected = [
        (Transport::Tcp, (5_946, 31_773_602)),
        (Transport::Udp, (5_556, 27_157_818)),
        (Transport::Dccp, (9, 28_439)),
        (Transport::Sctp, (87, 998_900)),
    ];
    assert_eq!(
        pairs,
        expected
            .map(|(transport, totals)| (Some(transport), totals))
            .into()
    );
}

#[test]
fn canonical_names_agree_with_the_golden_digest() {
    let registry = plain();
    let mut lines = String::new();
    for entry in registry.entries() {
        if let (Class::Labelled, false, Some(transport)) =
            (entry.class, entry.any_transport, entry.key.transport())
        {
            writeln!(
                lines,
                "{}/{}\t{}",
                entry.key.port(),
                transport.name(),
                entry.name
            )
            .expect("a string");
        }
    }
    let digest: String = Sha256::digest(lines)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(
        digest,
        "1eef691dccbeb2b6c7031790ef5a0ce9bc1073140d1968eac01663228ead5d16"
    );
}

#[test]
fn the_kernel_gets_an_entry_for_every_port_that_has_a_name_or_a_status_of_its_own() {
    let registry = plain();
    let mut classes = BTreeMap::<_, u32>::new();
    for entry in registry.entries() {
        *classes
            .entry((entry.class, entry.any_transport))
            .or_default() += 1;
        assert_eq!(entry.name.is_empty(), entry.class != Class::Labelled);
    }
    let expected = [
        ((Class::Labelled, false), 11_598),
        ((Class::Labelled, true), 760),
        ((Class::Reserved, false), 951),
        ((Class::PrivateUse, false), 14),
        ((Class::Withdrawn, false), 39),
    ];
    assert_eq!(classes, expected.into());
    assert_eq!(registry.entries().count(), 13_362);
}

#[test]
fn all_ports_of_all_transports_have_the_golden_statuses() {
    let registry = plain();
    let count = |transport| {
        let mut statuses = BTreeMap::<_, u32>::new();
        for port in 0..=u16::MAX {
            let status = registry.status(PortKey::new(port, transport));
            *statuses.entry(status.name()).or_default() += 1;
        }
        statuses
    };
    // 190 of the assigned ones are so on any transport.
    for (transport, expected) in [
        (Transport::Tcp, [5_946 + 190, 16_384, 17, 7, 240, 42_743, 9]),
        (
            Transport::Udp,
            [5_556 + 190, 16_384, 19, 7, 623, 42_745, 12],
        ),
        (Transport::Dccp, [9 + 190, 16_384, 6_173, 0, 44, 42_727, 9]),
        (Transport::Sctp, [87 + 190, 16_384, 6_093, 0, 44, 42_729, 9]),
    ] {
        let names = [
            "assigned",
            "dynamic",
            "not-listed",
            "private-use",
            "reserved",
            "unassigned",
            "withdrawn",
        ];
        let expected = names.into_iter().zip(expected);
        let expected: BTreeMap<_, _> = expected.filter(|&(_, count)| count > 0).collect();
        assert_eq!(count(transport), expected, "{transport:?}");
    }
}

#[test]
fn preferred_names_change_five_names_and_nothing_else() {
    let plain = plain();
    let (preferred, _) =
        Registry::load(&Sources::default()).expect("the shipped registry is readable");
    let changed: Vec<_> = plain
        .entries()
        .zip(preferred.entries())
        .filter(|(before, after)| before != after)
        .map(|(before, after)| {
            assert_eq!((before.key, before.class), (after.key, after.class));
            (after.key.port(), before.name, after.name)
        })
        .collect();
    assert_eq!(
        changed,
        [
            (113, "ident", "auth"),
            (465, "urd", "submissions"),
            (512, "comsat", "biff"),
            (2049, "shilp", "nfs"),
            (2049, "shilp", "nfs"),
        ]
    );
    assert_eq!(plain.entries().count(), preferred.entries().count());
}
