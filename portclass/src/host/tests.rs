//! Frames counted without a kernel.

use portclass_common::{
    counter::{Counter, FIRST_SLOT, is_of_totals},
    labelling::{Answer, Matching},
    packet::{Link, Reason, Tunnel},
    port::PortKey,
    transport::Transport,
};
use testbed::{
    fixture::{SOURCE, fixtures},
    frame::{ether_type, ethernet},
    ip::{Hosts, ipv4, protocol},
    segment::udp,
};

use super::{Host, Settings};
use crate::registry::{Registry, Slots, Sources};

fn shipped() -> Registry {
    Registry::load(&Sources::default())
        .expect("the shipped registry")
        .0
}

/// What a frame is counted under, each by the name of its service.
fn counted(host: &Host) -> Vec<(String, Counter)> {
    let counters = (0..).zip(host.counters());
    counters
        .filter(|(_, counter)| counter.packets() > 0)
        .map(|(index, &counter)| {
            let service = u32::checked_sub(index, FIRST_SLOT).and_then(|slot| host.service(slot));
            let name = service.map_or_else(
                || format!("{:?}", Reason::at_counter(index)),
                |service| service.name().to_owned(),
            );
            (name, counter)
        })
        .collect()
}

#[test]
fn a_frame_counts_with_the_length_that_it_had() {
    let mut host = Host::new(&shipped(), Settings::default()).expect("enough slots");
    let packet = ipv4(protocol::UDP, &udp(&Hosts::V4, SOURCE, 53, b"query"));
    host.count(Link::Ip, &packet, 900);
    host.count(Link::Ethernet, &ethernet(ether_type::IPV4, &packet), 100);
    assert_eq!(
        counted(&host),
        [("domain".to_owned(), Counter::new(2, 1_000))]
    );
    host.count(Link::Ethernet, &[], 60);
    let truncated = Reason::Truncated.counter_index() as usize;
    assert_eq!(host.counters()[truncated], Counter::new(1, 60));
}

#[test]
fn tunnels_count_aside_and_every_frame_counts_once() {
    let registry = shipped();
    let settings = Settings {
        matching: Matching::Destination,
        decapsulate: true,
    };
    let mut host = Host::new(&registry, settings).expect("enough slots");
    let fixtures = fixtures();
    for fixture in &fixtures {
        host.count(fixture.link, &fixture.frame, 1);
    }
    for tunnel in Tunnel::ALL {
        let expected = fixtures
            .iter()
            .flat_map(|fixture| &fixture.tunnels)
            .filter(|&&found| found == tunnel)
            .count() as u64;
        let counted = host.counters()[tunnel.counter_index() as usize];
        assert_eq!(counted, Counter::new(expected, expected), "{tunnel:?}");
    }
    let all: u64 = (0..)
        .zip(host.counters())
        .filter(|&(index, _)| is_of_totals(index))
        .map(|(_, counter)| counter.packets())
        .sum();
    assert_eq!(all, fixtures.len() as u64);
}

#[test]
fn slots_are_numbered_in_the_order_of_entries_and_old_ones_keep_their_meaning() {
    let registry = shipped();
    let slots = Slots::of(&registry, 0, |_| None);
    assert_eq!(slots.contents.slots, 13_362);
    assert_eq!(slots.contents.named_pairs, 11_598);
    for (position, (key, label)) in slots.labels.iter().enumerate() {
        assert_eq!(usize::from(label.slot()), position);
        assert_eq!(slots.new_services[position].key(), Some(*key));
    }
    let old: Vec<_> = slots.new_services.iter().rev().copied().collect();
    let again = Slots::of(&registry, old.len() as u32, |slot| {
        old.get(slot as usize).copied()
    });
    assert_eq!(again.new_services, []);
    assert_eq!(again.contents, slots.contents);
    for (key, label) in &again.labels {
        assert_eq!(old[usize::from(label.slot())].key(), Some(*key));
    }
}

#[test]
fn every_entry_is_found_and_no_other_port() {
    let registry = shipped();
    let host = Host::new(&registry, Settings::default()).expect("enough slots");
    let mut found = 0;
    for transport in Transport::ALL {
        for port in 0..=u16::MAX {
            let key = PortKey::new(port, transport);
            let answer = host.answers.get(transport, port);
            let Some(slot) = answer.counter().checked_sub(FIRST_SLOT) else {
                assert_eq!(answer, Answer::of(None, transport, port));
                continue;
            };
            let service = host.service(slot).expect("a slot with a meaning");
            assert_eq!(service.key(), Some(key));
            assert_eq!(
                service.class().map(|class| class as u8),
                Some(answer.class_code())
            );
            found += 1;
        }
    }
    assert_eq!(found, host.contents().entries);
}
