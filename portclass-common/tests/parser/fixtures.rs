//! The fixture table, and what holds of every packet of a kind.

use portclass_common::{
    packet::{Link, Reason, Start},
    transport::Transport,
};
use testbed::{
    fixture::fixtures,
    frame::{ether_type, ethernet},
    ip::{Ipv4, extended, ipv4, ipv6},
};

use crate::{MODES, found, parsed};

#[test]
fn every_fixture_gives_what_is_expected() {
    let wrong: Vec<String> = fixtures()
        .into_iter()
        .filter_map(|fixture| {
            let outside = parsed(&fixture.frame, Start::of(fixture.link), false);
            let inside = parsed(&fixture.frame, Start::of(fixture.link), true);
            let given = (
                outside.outcome(),
                found(&outside),
                inside.outcome(),
                found(&inside),
            );
            let expected = (
                fixture.expected,
                Vec::new(),
                fixture.inside,
                fixture.tunnels,
            );
            (given != expected).then(|| {
                let description = fixture.description;
                format!("{description}: {given:?} instead of {expected:?}")
            })
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_flows_ports_are_the_last_bytes_that_were_read() {
    for fixture in fixtures() {
        for decapsulate in MODES {
            let parsed = parsed(&fixture.frame, Start::of(fixture.link), decapsulate);
            let Ok(flow) = parsed.outcome() else { continue };
            let ports = [flow.source.to_be_bytes(), flow.destination.to_be_bytes()].concat();
            let read = &fixture.frame[..parsed.offset];
            assert!(read.ends_with(&ports), "{}", fixture.description);
        }
    }
}

#[test]
fn the_parser_never_gives_a_reason_that_is_the_registrys_to_say() {
    for fixture in fixtures() {
        for decapsulate in MODES {
            let parsed = parsed(&fixture.frame, Start::of(fixture.link), decapsulate);
            assert!(!matches!(
                parsed.outcome(),
                Err(Reason::Dynamic(_) | Reason::Unassigned(_))
            ));
        }
    }
}

/// IPv6 extension headers, AH among them, which IPv4 has as well.
const EXTENSIONS: [u8; 8] = [0, 43, 44, 51, 60, 135, 139, 140];
const AUTHENTICATION: u8 = 51;

#[test]
fn all_protocol_numbers_are_told_apart() {
    let payload = [0x9c, 0x40, 0x12, 0xe8];
    for number in 0..=u8::MAX {
        let without_ports = Err(Reason::Protocol { protocol: number });
        let given = |packet: &[u8]| {
            let outcome = parsed(packet, Start::of(Link::Ip), false).outcome();
            outcome.map(|flow| (flow.protocol, flow.transport, flow.source, flow.destination))
        };
        let expected = match Transport::of_protocol(number) {
            Some(transport) => Ok((number, transport, 40_000, 4_840)),
            None => without_ports,
        };
        if number != AUTHENTICATION {
            assert_eq!(given(&ipv4(number, &payload)), expected, "{number}");
            let behind = extended(&[AUTHENTICATION], number, &payload);
            assert_eq!(given(&ipv4(AUTHENTICATION, &behind)), expected, "{number}");
        }
        if !EXTENSIONS.contains(&number) {
            assert_eq!(given(&ipv6(number, &payload)), expected, "{number}");
            for extension in EXTENSIONS {
                let behind = extended(&[extension], number, &payload);
                assert_eq!(given(&ipv6(extension, &behind)), expected, "{number}");
            }
        }
    }
}

#[test]
fn a_later_fragment_is_one_at_every_offset_and_of_every_protocol() {
    for fragment_offset in (1..0x2000).step_by(13).chain([0x1fff]) {
        for more_fragments in [false, true] {
            for protocol in [0, 1, 4, 6, 17, 41, 47, 51, 132, 255] {
                let header = Ipv4 {
                    fragment_offset,
                    more_fragments,
                    ..Ipv4::default()
                };
                let frame = ethernet(ether_type::IPV4, &header.packet(protocol, &[0x45; 64]));
                let parsed = parsed(&frame, Start::of(Link::Ethernet), true);
                assert_eq!(parsed.outcome(), Err(Reason::Fragment { protocol }));
                assert_eq!(found(&parsed), []);
            }
        }
    }
}
