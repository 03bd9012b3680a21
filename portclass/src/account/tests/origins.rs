//! Counters of more than one origin, and counters beside the totals.

use std::time::{Duration, Instant};

use portclass_common::{
    counter::{Counter, TAGGED, UNTAGGED},
    packet::{Reason, Tunnel},
    transport::Transport,
};

use super::{counters, meaning, observed};
use crate::account::{
    Account, Direction, InterfaceInfo, Observed, Origin, Snapshot, Sort, Tags, Totals,
};

use Direction::{Egress, Ingress};

fn interface(name: &str, index: u32) -> InterfaceInfo {
    InterfaceInfo {
        name: name.to_owned(),
        index,
        mode: Some("native"),
        egress: Some("tcx"),
        directions: vec![Ingress, Egress],
        features: Vec::new(),
    }
}

fn of_origins(origins: &[(Option<u32>, Direction)]) -> Observed {
    let origins = origins.iter().map(|&(interface, direction)| Origin {
        interface,
        direction,
    });
    Observed {
        interfaces: vec![interface("wan", 2), interface("lan", 3)],
        origins: origins.collect(),
        ..observed(Sort::Bytes)
    }
}

fn whole(observed: Observed, counters: &[Vec<Counter>]) -> Snapshot {
    Account::new(observed, Instant::now()).whole(counters, meaning)
}

type Place<'a> = (Option<&'a str>, Direction);

fn services(snapshot: &Snapshot) -> Vec<(Place<'_>, &str, &str, u64)> {
    let row = snapshot.services.iter().map(|row| {
        let place = (row.interface.as_deref(), row.direction);
        (place, row.service.as_str(), row.transport, row.bytes)
    });
    row.collect()
}

/// What the rows add up to.
fn sum_of_rows(snapshot: &Snapshot) -> Totals {
    let services = snapshot.services.iter().map(|row| (row.packets, row.bytes));
    let reasons = snapshot
        .unlabelled
        .iter()
        .map(|row| (row.packets, row.bytes));
    services
        .chain(reasons)
        .fold(Totals::default(), |sum, (packets, bytes)| Totals {
            packets: sum.packets + packets,
            bytes: sum.bytes + bytes,
        })
}

#[test]
fn each_direction_has_rows_of_its_own() {
    let dynamic = Reason::Dynamic(Transport::Tcp);
    let snapshot = whole(
        of_origins(&[(None, Egress), (None, Ingress)]),
        &[
            counters(&[(2, 200)], &[(dynamic, 1, 60)]),
            counters(&[(2, 200), (1, 900)], &[(dynamic, 1, 60)]),
        ],
    );
    assert_eq!(
        services(&snapshot),
        [
            ((None, Ingress), "https", "udp", 900),
            ((None, Ingress), "https", "tcp", 200),
            ((None, Egress), "https", "tcp", 200),
        ]
    );
    let directions = snapshot.unlabelled.iter().map(|row| row.direction);
    assert_eq!(directions.collect::<Vec<_>>(), [Ingress, Egress]);
    assert_eq!(sum_of_rows(&snapshot), snapshot.totals);
    assert_eq!((snapshot.totals.packets, snapshot.totals.bytes), (7, 1_420));
}

#[test]
fn equal_origins_share_their_rows() {
    let start = Instant::now();
    let mut account = Account::new(of_origins(&[(None, Ingress), (None, Ingress)]), start);
    let row = |packets| counters(&[(packets, packets * 100)], &[(Reason::Truncated, 1, 10)]);
    let second = |seconds| start + Duration::from_secs(seconds);
    account.interval(vec![row(1), row(2)], second(1), meaning);
    let snapshot = account.interval(vec![row(2), row(5)], second(2), meaning);
    assert_eq!(
        services(&snapshot),
        [((None, Ingress), "https", "tcp", 700)]
    );
    let rates = snapshot.services[0].rates.expect("an interval has rates");
    assert_eq!(rates.packets_per_second, 4.0);
    assert_eq!(snapshot.services[0].ports.len(), 1);
    assert_eq!(snapshot.unlabelled.len(), 1);
    assert_eq!(sum_of_rows(&snapshot), snapshot.totals);
}

#[test]
fn rows_of_an_interface_carry_the_name_that_it_has_now() {
    let origins = of_origins(&[(Some(2), Ingress), (Some(3), Ingress)]);
    let mut account = Account::new(origins, Instant::now());
    let counters = [
        counters(&[(1, 100)], &[(Reason::Truncated, 1, 10)]),
        counters(&[(1, 100)], &[]),
    ];
    let snapshot = account.whole(&counters, meaning);
    assert_eq!(
        services(&snapshot),
        [
            ((Some("lan"), Ingress), "https", "tcp", 100),
            ((Some("wan"), Ingress), "https", "tcp", 100),
        ]
    );
    assert_eq!(snapshot.unlabelled[0].interface.as_deref(), Some("wan"));
    account.rename_interface(2, "dsl");
    let snapshot = account.whole(&counters, meaning);
    assert_eq!(services(&snapshot)[0].0.0, Some("dsl"));
    assert_eq!(snapshot.unlabelled[0].interface.as_deref(), Some("dsl"));
    // As it can happen in two network namespaces.
    account.rename_interface(2, "lan");
    let snapshot = account.whole(&counters, meaning);
    assert_eq!(snapshot.services.len(), 2, "{:#?}", snapshot.services);
}

#[test]
fn tunnels_and_tags_stand_beside_the_totals() {
    let mut row = counters(&[(3, 300)], &[(Reason::Truncated, 1, 10)]);
    let mut aside = |index: u32, packets, bytes| {
        row[index as usize] = Counter::new(packets, bytes);
    };
    aside(Tunnel::Gre.counter_index(), 1, 100);
    aside(Tunnel::Geneve.counter_index(), 2, 250);
    aside(Tunnel::Vxlan.counter_index(), 1, 100);
    aside(TAGGED, 3, 300);
    aside(UNTAGGED, 1, 10);
    let origins = of_origins(&[(Some(2), Ingress), (Some(2), Egress)]);
    let told = Observed {
        tunnels: true,
        tags: true,
        ..origins.clone()
    };
    let counters = [row.clone(), row];

    let snapshot = whole(origins, &counters);
    assert!(snapshot.tunnels.is_none() && snapshot.tags.is_none());

    let snapshot = whole(told, &counters);
    assert_eq!((snapshot.totals.packets, snapshot.totals.bytes), (8, 620));
    assert_eq!(sum_of_rows(&snapshot), snapshot.totals);
    let tags = Tags {
        tagged: 6,
        untagged: 2,
    };
    assert_eq!(snapshot.tags, Some(tags));
    let tunnels = snapshot.tunnels.expect("tunnels are told");
    let rows = tunnels.iter().map(|row| {
        assert_eq!(row.interface.as_deref(), Some("wan"));
        (row.service, row.transport, row.direction, row.bytes)
    });
    assert_eq!(
        rows.collect::<Vec<_>>(),
        [
            ("geneve", Some("udp"), Ingress, 250),
            ("geneve", Some("udp"), Egress, 250),
            ("gre", None, Ingress, 100),
            ("gre", None, Egress, 100),
            ("vxlan", Some("udp"), Ingress, 100),
            ("vxlan", Some("udp"), Egress, 100),
        ]
    );
}

#[test]
fn no_tunnel_is_an_empty_list() {
    let told = Observed {
        tunnels: true,
        ..of_origins(&[(None, Ingress)])
    };
    let snapshot = whole(told, &[counters(&[(3, 300)], &[])]);
    assert!(snapshot.tunnels.is_some_and(|rows| rows.is_empty()));
}

#[test]
fn a_frame_that_is_counted_during_the_reading_is_in_rows_and_totals_or_in_neither() {
    let half_read = counters(&[(0, 60), (1, 100)], &[(Reason::Truncated, 0, 10)]);
    let snapshot = whole(of_origins(&[(None, Ingress)]), &[half_read]);
    assert_eq!((snapshot.totals.packets, snapshot.totals.bytes), (1, 100));
    assert_eq!(sum_of_rows(&snapshot), snapshot.totals);
}
