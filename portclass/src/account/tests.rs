use std::time::{Duration, Instant};

use portclass_common::{
    counter::{Counter, FIRST_SLOT},
    label::{Class, Service},
    packet::{NonIp, Reason},
    settings::Contents,
    transport::Transport,
};

mod origins;

use super::{Account, Direction, Observed, Origin, PortRow, Sort, Totals};

/// Four slots: https on two transports, x11 on two ports, and a reserved port.
fn meaning(slot: u32) -> Option<Service> {
    let service = |name, port, transport, class| Service::new(name, port, transport, class);
    match slot {
        0 => service("https", 443, Transport::Tcp, Class::Labelled),
        1 => service("https", 443, Transport::Udp, Class::Labelled),
        2 => service("x11", 6000, Transport::Tcp, Class::Labelled),
        3 => service("x11", 6001, Transport::Tcp, Class::Labelled),
        4 => service("", 4788, Transport::Udp, Class::Reserved),
        _ => None,
    }
}

/// What an account is of that counts in one place and tells nothing more.
fn observed(sort: Sort) -> Observed {
    let contents = Contents {
        registry_date: 20_240_612,
        named_pairs: 4,
        ..Contents::default()
    };
    Observed {
        registry: contents.into(),
        interfaces: Vec::new(),
        origins: vec![Origin {
            interface: None,
            direction: Direction::Ingress,
        }],
        sort,
        tunnels: false,
        tags: false,
    }
}

fn account(sort: Sort, now: Instant) -> Account {
    Account::new(observed(sort), now)
}

fn counters(slots: &[(u64, u64)], reasons: &[(Reason, u64, u64)]) -> Vec<Counter> {
    let mut counters = vec![Counter::default(); FIRST_SLOT as usize];
    for &(reason, packets, bytes) in reasons {
        counters[reason.counter_index() as usize] = Counter::new(packets, bytes);
    }
    counters.extend(
        slots
            .iter()
            .map(|&(packets, bytes)| Counter::new(packets, bytes)),
    );
    counters
}

#[test]
fn services_and_reasons_add_up_to_the_totals() {
    let counters = counters(
        &[(3, 300), (0, 0), (1, 60), (2, 200), (5, 700)],
        &[
            (Reason::Dynamic(Transport::Udp), 2, 100),
            (Reason::Fragment { protocol: 17 }, 1, 10),
            (Reason::Fragment { protocol: 136 }, 1, 20),
            (Reason::Fragment { protocol: 1 }, 1, 40),
            (Reason::Protocol { protocol: 58 }, 4, 400),
            (Reason::NonIp(NonIp::Arp), 1, 42),
            (Reason::Truncated, 1, 13),
        ],
    );
    let snapshot =
        account(Sort::Bytes, Instant::now()).whole(std::slice::from_ref(&counters), meaning);
    let services: Vec<_> = snapshot
        .services
        .iter()
        .map(|row| (row.service.as_str(), row.transport, row.packets, row.bytes))
        .collect();
    assert_eq!(services, [("https", "tcp", 3, 300), ("x11", "tcp", 3, 260)]);
    let port = |port, packets, bytes| PortRow {
        port,
        packets,
        bytes,
    };
    assert_eq!(
        snapshot.services[1].ports,
        [port(6000, 1, 60), port(6001, 2, 200)]
    );
    let unlabelled: Vec<_> = snapshot
        .unlabelled
        .iter()
        .map(|row| {
            (
                row.class,
                row.transport.or(row.detail.as_deref()),
                row.packets,
                row.bytes,
            )
        })
        .collect();
    assert_eq!(
        unlabelled,
        [
            ("reserved", Some("udp"), 5, 700),
            ("protocol", Some("ipv6-icmp"), 4, 400),
            ("dynamic", Some("udp"), 2, 100),
            ("non-ip", Some("arp"), 1, 42),
            ("fragment", Some("icmp"), 1, 40),
            ("fragment", Some("udp"), 2, 30),
            ("truncated", None, 1, 13),
        ]
    );
    let sum = |counts: &[Counter]| {
        counts
            .iter()
            .copied()
            .fold(Counter::default(), Counter::plus)
    };
    let all = sum(&counters);
    assert_eq!(
        snapshot.totals,
        Totals {
            packets: all.packets(),
            bytes: all.bytes()
        }
    );
    assert_eq!(snapshot.interval_seconds, None);
    assert_eq!(snapshot.services[0].rates, None);
}

#[test]
fn a_slot_without_a_meaning_is_counted_all_the_same() {
    let counters = counters(&[(1, 60), (0, 0), (0, 0), (0, 0), (0, 0), (2, 120)], &[]);
    let unfilled = |slot| meaning(slot).or(Some(zeroed()));
    let snapshot = account(Sort::Bytes, Instant::now()).whole(&[counters], unfilled);
    assert_eq!((snapshot.totals.packets, snapshot.totals.bytes), (3, 180));
    let row = &snapshot.unlabelled[0];
    assert_eq!(
        (row.class, row.detail.as_deref()),
        ("unassigned", Some("slot 5"))
    );
    assert_eq!((row.packets, row.bytes), (2, 120));
}

/// A slot as the kernel makes it, before anybody fills it.
fn zeroed() -> Service {
    // SAFETY: plain numbers, for which zero is valid.
    unsafe { std::mem::zeroed() }
}

#[test]
fn rates_are_of_the_interval_and_counters_of_the_whole_run() {
    let start = Instant::now();
    let mut account = account(Sort::Bytes, start);
    account.interval(
        vec![counters(&[(10, 1_000)], &[])],
        start + Duration::from_secs(1),
        meaning,
    );
    let snapshot = account.interval(
        vec![counters(&[(14, 1_500)], &[])],
        start + Duration::from_secs(3),
        meaning,
    );
    let row = &snapshot.services[0];
    assert_eq!((row.packets, row.bytes), (14, 1_500));
    let rates = row.rates.expect("an interval has rates");
    assert_eq!(
        (rates.packets_per_second, rates.bits_per_second),
        (2.0, 2_000.0)
    );
    assert_eq!(snapshot.interval_seconds, Some(2.0));
}

#[test]
fn an_interval_without_traffic_has_rates_of_zero_and_keeps_its_rows() {
    let start = Instant::now();
    let mut account = account(Sort::Bytes, start);
    account.interval(
        vec![counters(&[(1, 60)], &[])],
        start + Duration::from_secs(1),
        meaning,
    );
    let snapshot = account.interval(
        vec![counters(&[(1, 60)], &[])],
        start + Duration::from_secs(2),
        meaning,
    );
    assert_eq!(
        snapshot.services[0]
            .rates
            .map(|rates| rates.bits_per_second),
        Some(0.0)
    );
}

#[test]
fn rows_come_in_the_order_that_was_asked_for() {
    let order = |sort| {
        let counters = counters(&[(1, 900), (9, 100), (3, 300)], &[]);
        let snapshot = account(sort, Instant::now()).whole(&[counters], meaning);
        let rows = snapshot
            .services
            .iter()
            .map(|row| (row.service.clone(), row.transport));
        rows.collect::<Vec<_>>()
    };
    let row = |service: &str, transport| (service.to_owned(), transport);
    let (tcp, udp, x11) = (row("https", "tcp"), row("https", "udp"), row("x11", "tcp"));
    assert_eq!(order(Sort::Bytes), [tcp.clone(), x11.clone(), udp.clone()]);
    assert_eq!(
        order(Sort::Packets),
        [udp.clone(), x11.clone(), tcp.clone()]
    );
    assert_eq!(order(Sort::Name), [tcp.clone(), udp.clone(), x11.clone()]);
    assert_eq!(order(Sort::Port), [tcp, udp, x11]);
}
