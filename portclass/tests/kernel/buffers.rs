//! Long frames, which a test run puts into several buffers: 3,520 bytes in the first one, a page in each that follows.

use aya::programs::TestRunOptions;
use portclass::dataplane::{Role, Settings};
use portclass_common::{
    counter::Counter,
    names,
    packet::{Link, Reason, Tunnel},
};
use testbed::{
    frame::{ether_type, ethernet, tagged},
    ip::{Hosts, extended, ipv4, ipv6, options, protocol},
    kernel::Feature,
    privilege::is_root_or_skips,
    segment,
    test_run::xdp_md,
    tunnel::vxlan,
};

use super::subject::{Case, Kernel, Program};

const FIRST_BUFFER: usize = 3_520;
const IDENTIFIER: u8 = 0x08;

fn program() -> Program {
    Program::of_name(names::XDP_FRAGS)
}

fn kernel(decapsulate: bool) -> Kernel {
    Kernel::new(Settings {
        decapsulate,
        tag_metadata: true,
        ..Settings::default()
    })
}

/// An IPv6 packet with Destination Options of these lengths.
fn behind(lengths: &[usize], protocol: u8, payload: &[u8]) -> Vec<u8> {
    let (mut packet, mut next) = (payload.to_vec(), protocol);
    for &length in lengths.iter().rev() {
        packet = [options(next, length), packet].concat();
        next = protocol::DESTINATION;
    }
    ipv6(next, &packet)
}

fn tcp(payload: usize) -> Vec<u8> {
    segment::tcp(&Hosts::V6, 40_000, 443, &vec![0; payload])
}

#[test]
fn bytes_are_those_of_the_whole_frame_also_in_several_buffers() {
    const TEST: &str = "bytes_are_those_of_the_whole_frame_also_in_several_buffers";
    if !is_root_or_skips(TEST) || !Feature::MultiBuffer.is_there_or_skips(TEST) {
        return;
    }
    const HEADERS: usize = 42;
    let lengths = [60, 900, 1_023, 1_024, 1_025, 1_514, 3_500, 9_014, 65_535];
    let around = FIRST_BUFFER - 2..FIRST_BUFFER + 3;
    let cases = lengths.into_iter().chain(around).map(|length| {
        let datagram = segment::udp(&Hosts::V4, 40_000, 53, &vec![0; length - HEADERS]);
        let frame = ethernet(ether_type::IPV4, &ipv4(protocol::UDP, &datagram));
        assert_eq!(frame.len(), length);
        Case::new(format!("{length} bytes"), frame)
    });
    kernel(false).assert_agrees(program(), cases.collect());
}

#[test]
fn a_first_buffer_of_a_few_bytes_makes_a_frame_no_shorter() {
    const TEST: &str = "a_first_buffer_of_a_few_bytes_makes_a_frame_no_shorter";
    if !is_root_or_skips(TEST) || !Feature::MultiBuffer.is_there_or_skips(TEST) {
        return;
    }
    let datagram = segment::udp(&Hosts::V4, 40_000, 53, &[0; 2_000]);
    let frame = ethernet(ether_type::IPV4, &ipv4(protocol::UDP, &datagram));
    let mut kernel = kernel(false);
    let counter = kernel
        .labelling(&kernel.parsed(program(), &frame))
        .counter();
    // The ports lie behind 34 bytes.
    for first in [14, 20, 33, 36] {
        let context = xdp_md(0, first);
        let mut is_possible = true;
        let counted = kernel.counted(program(), |kernel| {
            let mut options = TestRunOptions::new();
            options.data_in = Some(&frame);
            options.ctx_in = Some(&context);
            let image = kernel.image(program());
            is_possible = image.run(Role::Ingress, Link::Ethernet, options).is_ok();
        });
        if !is_possible {
            eprintln!("SKIPPED a first buffer of {first} bytes: this kernel makes none so short");
            continue;
        }
        let size = Counter::new(1, frame.len() as u64);
        assert_eq!(counted.get(&counter), Some(&size), "{first}: {counted:?}");
    }
}

#[test]
fn headers_in_every_buffer_and_across_two_are_found() {
    const TEST: &str = "headers_in_every_buffer_and_across_two_are_found";
    if !is_root_or_skips(TEST) || !Feature::MultiBuffer.is_there_or_skips(TEST) {
        return;
    }
    let mut cases = Vec::new();
    // The ports come to lie before, across and behind the end of the first buffer, by steps of two.
    for last in (1_200..1_600).step_by(8) {
        let packet = behind(&[2_048, last], protocol::TCP, &tcp(700));
        for tags in [&[][..], &[0x8100], &[0x88a8, 0x8100]] {
            let frame = tagged(tags, ether_type::IPV6, &packet);
            cases.push(Case::new(format!("{tags:x?}, {last}"), frame));
        }
    }
    for count in 1..=9 {
        let packet = behind(&vec![2_048; count], protocol::TCP, &tcp(0));
        let frame = ethernet(ether_type::IPV6, &packet);
        for cut in 0..=60 {
            let cut_off = frame[..frame.len() - cut].to_vec();
            cases.push(Case::new(format!("{count} headers less {cut}"), cut_off));
        }
    }
    for decapsulate in [false, true] {
        let mut kernel = kernel(decapsulate);
        let deepest = ethernet(
            ether_type::IPV6,
            &behind(&[2_048; 8], protocol::TCP, &tcp(0)),
        );
        let parsed = kernel.parsed(program(), &deepest);
        assert!(parsed.outcome().is_ok() && parsed.offset > 16_000);
        let copy = |case: &Case| Case::new(case.what.clone(), case.frame.clone());
        kernel.assert_agrees(program(), cases.iter().map(copy).collect());
    }
}

#[test]
fn tunnels_in_every_buffer_are_gone_into() {
    const TEST: &str = "tunnels_in_every_buffer_are_gone_into";
    if !is_root_or_skips(TEST) || !Feature::MultiBuffer.is_there_or_skips(TEST) {
        return;
    }
    let mut kernel = kernel(true);
    let inner = ethernet(
        ether_type::IPV6,
        &behind(&[2_048, 2_048], protocol::TCP, &tcp(0)),
    );
    let datagram = segment::udp(&Hosts::V6, 40_000, 4_789, &vxlan(IDENTIFIER, &inner));
    let packet = behind(&[2_048, 2_048], protocol::UDP, &datagram);
    let frame = ethernet(ether_type::IPV6, &packet);
    let parsed = kernel.parsed(program(), &frame);
    assert_eq!(parsed.tunnels.iter().collect::<Vec<_>>(), [Tunnel::Vxlan]);
    assert!(parsed.outcome().is_ok());
    let mut cases = vec![Case::new("vxlan", frame)];

    for last in (1_200..1_600).step_by(8) {
        let datagram = segment::udp(&Hosts::V6, 40_000, 4_789, &vxlan(IDENTIFIER, &inner));
        let packet = behind(&[2_048, last], protocol::UDP, &datagram);
        let frame = ethernet(ether_type::IPV6, &packet);
        cases.push(Case::new(format!("vxlan behind {last}"), frame));
        let inside = behind(&[last, 8], protocol::SCTP, &segment::sctp(40_000, 443, b""));
        let packet = behind(&[2_048, 8], protocol::IPV6, &inside);
        let frame = ethernet(ether_type::IPV6, &packet);
        cases.push(Case::new(format!("6in6 with {last}"), frame));
    }
    // Further than the parser follows.
    let inside = behind(&[2_048; 8], protocol::TCP, &tcp(0));
    let packet = behind(&[2_048; 8], protocol::IPV6, &inside);
    let frame = ethernet(ether_type::IPV6, &packet);
    let parsed = kernel.parsed(program(), &frame);
    assert_eq!(parsed.outcome(), Err(Reason::TooDeep));
    cases.push(Case::new("too deep", frame));
    kernel.assert_agrees(program(), cases);
}

#[test]
fn frames_without_a_link_header_may_be_long_as_well() {
    const TEST: &str = "frames_without_a_link_header_may_be_long_as_well";
    if !is_root_or_skips(TEST) || !Feature::MultiBuffer.is_there_or_skips(TEST) {
        return;
    }
    let mut cases = Vec::new();
    for last in (1_200..1_600).step_by(8) {
        let packet = behind(&[2_048, last], protocol::TCP, &tcp(700));
        cases.push(Case::new(format!("{last}"), packet));
    }
    let chain = [protocol::DESTINATION; 8];
    let packet = ipv6(chain[0], &extended(&chain, protocol::TCP, &tcp(60_000)));
    cases.push(Case::new("short headers and a long payload", packet));
    kernel(true).assert_agrees(Program::of_name(names::XDP_IP_FRAGS), cases);
}
