//! What leaves as one large packet is counted as the packets that the wire sees.

use aya::programs::TestRunOptions;
use portclass::dataplane::Settings;
use portclass_common::{counter::Counter, names};
use testbed::{
    frame::{arp_request, ether_type, ethernet},
    ip::{Hosts, ipv4, ipv6, protocol},
    privilege::is_root_or_skips,
    segment,
    test_run::SkBuff,
};

use super::subject::{Kernel, Program};

/// A TCP segment with twelve bytes of options.
fn tcp_with_options(hosts: &Hosts, payload: usize) -> Vec<u8> {
    let mut segment = segment::tcp(hosts, 40_000, 443, &vec![0; 12 + payload]);
    segment[12] = 8 << 4;
    segment
}

#[test]
fn segments_are_counted_as_told_or_else_by_their_size() {
    if !is_root_or_skips("segments_are_counted_as_told_or_else_by_their_size") {
        return;
    }
    let mut kernel = Kernel::new(Settings::default());
    let program = Program::of_name(names::EGRESS);
    let v4 = |payload| {
        let segment = tcp_with_options(&Hosts::V4, payload);
        ethernet(ether_type::IPV4, &ipv4(protocol::TCP, &segment))
    };
    let v6 = |payload| {
        let segment = tcp_with_options(&Hosts::V6, payload);
        ethernet(ether_type::IPV6, &ipv6(protocol::TCP, &segment))
    };
    let udp = |payload: usize| {
        let datagram = segment::udp(&Hosts::V4, 40_000, 443, &vec![0; payload]);
        ethernet(ether_type::IPV4, &ipv4(protocol::UDP, &datagram))
    };
    for (what, frame, segments, size, packets) in [
        ("no segments", v4(3_000), 0, 0, 1),
        ("a number of segments and no size", v4(3_000), 5, 0, 1),
        ("three, as told", v4(3_000), 3, 1_000, 3),
        (
            "seven, as told, whatever the size says",
            v4(3_000),
            7,
            1_000,
            7,
        ),
        ("payload of three sizes", v4(3_000), 0, 1_000, 3),
        ("a byte more", v4(3_001), 0, 1_000, 4),
        ("a byte less", v4(2_999), 0, 1_000, 3),
        ("no payload", v4(0), 0, 1_000, 1),
        ("payload below one size", v4(10), 0, 1_000, 1),
        ("sizes of one byte", v4(300), 0, 1, 300),
        ("IPv6", v6(3_000), 0, 1_000, 3),
        ("IPv6, a byte more", v6(3_001), 0, 1_000, 4),
        ("UDP", udp(3_000), 0, 1_000, 3),
        ("UDP, a byte more", udp(3_001), 0, 1_000, 4),
        ("no IP", arp_request(), 0, 1_000, 1),
    ] {
        let index = kernel.labelling(&kernel.parsed(program, &frame)).counter();
        // What the headers of the segments add.
        let wire_length = frame.len() as u32 + 54 * (packets - 1);
        let context = SkBuff::new(wire_length)
            .segmented(segments, size)
            .to_bytes();
        let counted = kernel.counted(program, |kernel| {
            let mut options = TestRunOptions::new();
            options.data_in = Some(&frame);
            options.ctx_in = Some(&context);
            let image = kernel.image(program);
            let result = image.run(program.role, program.link, options);
            result.expect("a test run");
        });
        let expected = Counter::new(u64::from(packets), u64::from(wire_length));
        assert_eq!(counted, [(index, expected)].into(), "{what}");
    }
}
