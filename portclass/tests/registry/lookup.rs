//! What a look-up answers, and in which words.

use portclass::registry::{Found, Index, Layer, Registry, Sources, Status};

fn registry() -> Registry {
    Registry::load(&Sources::default())
        .expect("the shipped registry is readable")
        .0
}

fn ask<'registry>(registry: &'registry Registry, query: &str) -> Vec<Found<'registry>> {
    Index::new(registry).lookup(&query.parse().expect(query))
}

#[test]
fn a_pair_gives_its_canonical_name_and_the_others() {
    let registry = registry();
    let [found] = &ask(&registry, "4846/tcp")[..] else {
        panic!("one pair")
    };
    assert_eq!(found.service, Some("contamac-icm"));
    assert_eq!(found.other_names, ["contamac_icm"]);
    assert_eq!(found.status, Status::Assigned);
    assert_eq!(found.registered, Some("2008-03-20"));
    assert_eq!(found.layer, Some(Layer::Iana));
    let [found] = &ask(&registry, "4789/udp")[..] else {
        panic!("one pair")
    };
    assert_eq!(found.service, Some("vxlan"));
}

#[test]
fn a_pair_without_a_name_still_has_a_status() {
    let registry = registry();
    let status = |query| {
        ask(&registry, query)
            .iter()
            .map(|found| found.status)
            .collect::<Vec<_>>()
    };
    assert_eq!(status("4748"), [Status::Unassigned]);
    assert_eq!(status("4788/udp"), [Status::Reserved]);
    assert_eq!(status("60000/tcp"), [Status::Dynamic]);
    assert_eq!(status("4788/dccp"), [Status::NotListed]);
}

#[test]
fn a_port_gives_one_answer_per_transport_that_has_a_row() {
    let registry = registry();
    let found = ask(&registry, "443");
    let transports: Vec<_> = found.iter().map(|found| found.transport).collect();
    assert_eq!(transports, [Some("tcp"), Some("udp"), Some("sctp")]);
    assert!(found.iter().all(|found| found.service == Some("https")));
    let [found] = &ask(&registry, "4748")[..] else {
        panic!("one row")
    };
    assert_eq!((found.transport, found.layer), (None, Some(Layer::Iana)));
    let [found] = &ask(&registry, "60000")[..] else {
        panic!("one answer")
    };
    assert_eq!((found.transport, found.layer), (None, None));
}

#[test]
fn a_name_gives_every_row_that_carries_it_whatever_its_case() {
    let registry = registry();
    let pairs: Vec<_> = ask(&registry, "HTTPS")
        .iter()
        .map(|found| (found.port, found.transport, found.service))
        .collect();
    assert_eq!(
        pairs,
        [
            (Some(443), Some("tcp"), Some("https")),
            (Some(443), Some("udp"), Some("https")),
            (Some(443), Some("sctp"), Some("https")),
            (None, Some("tcp"), Some("https")),
        ]
    );
    assert_eq!(ask(&registry, "https/udp").len(), 1);
    assert_eq!(ask(&registry, "http-alt")[0].port, Some(591));
    let other = ask(&registry, "contamac_icm");
    assert_eq!(other[0].service, Some("contamac-icm"));
    assert_eq!(ask(&registry, "no-such-service"), []);
}

#[test]
fn a_range_gives_the_named_pairs_in_it() {
    let registry = registry();
    let found = ask(&registry, "4740-4851");
    let count = |transport| {
        found
            .iter()
            .filter(|found| found.transport == Some(transport))
            .count()
    };
    assert_eq!((count("tcp"), count("udp"), found.len()), (38, 42, 81));
    assert!(found.is_sorted_by_key(|found| found.port));
    assert_eq!(ask(&registry, "0-65535").len(), 11_598);
}

#[test]
fn a_range_without_a_name_gives_the_status_of_its_ports() {
    let registry = registry();
    let statuses = |query| {
        let found = ask(&registry, query);
        found
            .iter()
            .map(|found| (found.port, found.status))
            .collect::<Vec<_>>()
    };
    assert_eq!(statuses("4748-4748"), [(Some(4_748), Status::Unassigned)]);
    assert_eq!(
        statuses("60000-60001/udp"),
        [
            (Some(60_000), Status::Dynamic),
            (Some(60_001), Status::Dynamic)
        ]
    );
}

#[test]
fn a_preferred_name_shows_what_lies_beneath_it() {
    let registry = registry();
    let [found] = &ask(&registry, "2049/tcp")[..] else {
        panic!("one pair")
    };
    assert_eq!(
        (found.service, found.layer),
        (Some("nfs"), Some(Layer::Preferred))
    );
    assert_eq!(found.beneath[0].service, Some("shilp"));
    assert_eq!(found.other_names, ["shilp"]);
}
