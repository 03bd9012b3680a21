//! The quick way gives what the parser gives, and takes the frames that it is for.

use portclass_common::packet::{Flow, Linear, Link, Start, quick};
use testbed::{
    fixture::fixtures,
    frame::{
        self,
        ether_type::{IPV4, IPV6, SERVICE_VLAN, VLAN},
    },
    ip::{self, Hosts},
    random::Frames,
    segment,
};

use crate::parsed;

/// What the quick way says of a frame, which is what the parser says if it is anything.
fn checked(frame: &[u8]) -> Option<Flow> {
    let flow = quick(&mut Linear::new(frame));
    if let Some(flow) = flow {
        let parsed = parsed(frame, Start::of(Link::Ethernet), false);
        assert_eq!(parsed.outcome(), Ok(flow), "{frame:02x?}");
    }
    flow
}

/// TCP and UDP in IPv4 and IPv6, with no tag, one and two.
fn frames() -> Vec<Vec<u8>> {
    let packets = [
        (
            IPV4,
            ip::ipv4(6, &segment::tcp(&Hosts::V4, 40_000, 443, b"")),
        ),
        (
            IPV4,
            ip::ipv4(17, &segment::udp(&Hosts::V4, 40_000, 443, b"")),
        ),
        (
            IPV6,
            ip::ipv6(6, &segment::tcp(&Hosts::V6, 40_000, 443, b"")),
        ),
        (
            IPV6,
            ip::ipv6(17, &segment::udp(&Hosts::V6, 40_000, 443, b"")),
        ),
    ];
    let tags: [&[u16]; 3] = [&[], &[VLAN], &[SERVICE_VLAN, VLAN]];
    let tagged = packets
        .iter()
        .flat_map(|(ether_type, packet)| tags.map(|tags| frame::tagged(tags, *ether_type, packet)));
    tagged.collect()
}

#[test]
fn tcp_and_udp_behind_plain_headers_take_the_quick_way() {
    for frame in frames() {
        let flow = checked(&frame).expect("a quick frame");
        assert_eq!((flow.source, flow.destination), (40_000, 443));
    }
}

#[test]
fn a_quick_frame_of_any_length_and_with_any_changed_byte_gives_what_the_parser_gives() {
    const HEADERS: usize = 14 + 2 * 4 + 40 + 4;
    for frame in frames() {
        for length in 0..frame.len() {
            checked(&frame[..length]);
        }
        let (mut quick, mut others) = (0, 0);
        for position in 0..frame.len().min(HEADERS) {
            let mut changed = frame.clone();
            for byte in 0..=u8::MAX {
                changed[position] = byte;
                match checked(&changed) {
                    Some(_) => quick += 1,
                    None => others += 1,
                }
            }
        }
        assert!(quick > 1_000 && others > 1_000, "{quick}, {others}");
    }
}

#[test]
fn any_fixture_and_any_frame_give_what_the_parser_gives() {
    for fixture in fixtures() {
        if fixture.link == Link::Ethernet {
            checked(&fixture.frame);
        }
    }
    let frames = Frames::new(7).take(150_000);
    let quick = frames.filter(|(frame, _)| checked(frame).is_some()).count();
    assert!(quick > 5_000, "only {quick}");
}
