//! The parser against the fixture table, against random bytes, and against an independent parser.

use etherparse::{PacketBuilder, SlicedPacket, TransportSlice};
use portclass_common::{
    packet::{Flow, Linear, Link, Reason, Start, parse},
    transport::Transport,
};
use proptest::{arbitrary::any, collection::vec, option, prop_assert_eq, proptest, sample::Index};
use testbed::fixture::fixtures;

fn parsed(frame: &[u8]) -> Result<Flow, Reason> {
    parse(Linear::new(frame), Start::of(Link::Ethernet), false).outcome()
}

#[test]
fn every_fixture_gives_what_is_expected() {
    let wrong: Vec<String> = fixtures()
        .into_iter()
        .filter_map(|fixture| {
            let outcome = parsed(&fixture.frame);
            let (description, expected) = (fixture.description, fixture.expected);
            (outcome != expected)
                .then(|| format!("{description}: {outcome:?} instead of {expected:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_truncated_frame_never_becomes_another_flow() {
    for fixture in fixtures() {
        for length in 0..fixture.frame.len() {
            // An allocation of just this size lets a memory checker see a read beyond the end.
            let frame: Box<[u8]> = fixture.frame[..length].into();
            let outcome = parsed(&frame);
            assert!(
                outcome.is_err() || outcome == fixture.expected,
                "{}, {length} bytes of it: {outcome:?}",
                fixture.description
            );
        }
    }
}

#[test]
fn a_parser_never_gives_a_reason_that_is_the_registrys_to_say() {
    for fixture in fixtures() {
        let outcome = parsed(&fixture.frame);
        assert!(!matches!(
            outcome,
            Err(Reason::Dynamic(_) | Reason::Unassigned(_))
        ));
    }
}

/// The flow that etherparse sees.
fn witnessed(frame: &[u8]) -> Option<Flow> {
    let (transport, source, destination) =
        match SlicedPacket::from_ethernet(frame).ok()?.transport? {
            TransportSlice::Tcp(tcp) => (Transport::Tcp, tcp.source_port(), tcp.destination_port()),
            TransportSlice::Udp(udp) => (Transport::Udp, udp.source_port(), udp.destination_port()),
            _ => return None,
        };
    Some(Flow {
        protocol: transport.protocol(),
        transport,
        source,
        destination,
    })
}

proptest! {
    #[test]
    fn random_bytes_never_panic(frame in vec(any::<u8>(), 0..256)) {
        let _ = parsed(&frame);
    }

    #[test]
    fn a_fixture_with_changed_bytes_never_panics(
        choice in any::<Index>(),
        changes in vec((any::<Index>(), any::<u8>()), 1..8),
    ) {
        let fixtures = fixtures();
        let mut frame = choice.get(&fixtures).frame.clone();
        if !frame.is_empty() {
            for (at, value) in changes {
                *at.get_mut(&mut frame) = value;
            }
        }
        let _ = parsed(&frame);
    }

    #[test]
    fn generated_packets_have_the_ports_that_etherparse_sees(
        addresses in (any::<[u8; 16]>(), any::<[u8; 16]>()),
        ports in (any::<u16>(), any::<u16>()),
        v6 in any::<bool>(),
        tcp in any::<bool>(),
        vlan in option::of(0..4_096u16),
        payload in vec(any::<u8>(), 0..64),
    ) {
        let (source, destination) = ports;
        let link = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
        let four = |address: [u8; 16]| [address[0], address[1], address[2], address[3]];
        let network = match (vlan, v6) {
            (None, false) => link.ipv4(four(addresses.0), four(addresses.1), 64),
            (None, true) => link.ipv6(addresses.0, addresses.1, 64),
            (Some(id), v6) => {
                let link = link.single_vlan(id.try_into().expect("a VLAN number"));
                if v6 {
                    link.ipv6(addresses.0, addresses.1, 64)
                } else {
                    link.ipv4(four(addresses.0), four(addresses.1), 64)
                }
            }
        };
        let mut frame = Vec::new();
        let transport = if tcp {
            network.tcp(source, destination, 1, 1_024).write(&mut frame, &payload).expect("a frame");
            Transport::Tcp
        } else {
            network.udp(source, destination).write(&mut frame, &payload).expect("a frame");
            Transport::Udp
        };
        prop_assert_eq!(parsed(&frame), Ok(Flow { protocol: transport.protocol(), transport, source, destination }));
        prop_assert_eq!(parsed(&frame).ok(), witnessed(&frame));
    }

    #[test]
    fn a_flow_that_etherparse_sees_in_changed_frames_is_the_parsers(
        choice in any::<Index>(),
        changes in vec((any::<Index>(), any::<u8>()), 0..3),
    ) {
        let fixtures = fixtures();
        let mut frame = choice.get(&fixtures).frame.clone();
        if !frame.is_empty() {
            for (at, value) in changes {
                *at.get_mut(&mut frame) = value;
            }
        }
        if let (Some(witnessed), Ok(flow)) = (witnessed(&frame), parsed(&frame)) {
            prop_assert_eq!(flow, witnessed);
        }
    }
}
