//! What programs put on a packet.

use aya::programs::TestRunOptions;
use portclass::dataplane::{Role, Settings};
use portclass_common::{
    counter::{Counter, UNTAGGED},
    label::Class,
    names,
    packet::Link,
    tag::{MarkMask, TAG_VERSION, Tag, mark},
    transport::Transport,
};
use testbed::{
    frame::{arp_request, ether_type, ethernet},
    ip::{Hosts, Ipv4, ipv4, protocol},
    kernel::Feature,
    privilege::is_root_or_skips,
    segment,
    test_run::{SkBuff, xdp_md},
};

use super::subject::{Kernel, MARK_BEFORE, Program};

fn over_ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    ethernet(ether_type::IPV4, &ipv4(protocol, payload))
}

/// What XDP leaves of the frame behind `metadata`.
fn after_xdp(kernel: &mut Kernel, metadata: &[u8], frame: &[u8]) -> Option<Vec<u8>> {
    let data = [metadata, frame].concat();
    let context = xdp_md(metadata.len() as u32, data.len() as u32);
    let mut after = vec![0; data.len() + size_of::<Tag>()];
    let mut options = TestRunOptions::new();
    options.data_in = Some(&data);
    options.data_out = Some(&mut after);
    options.ctx_in = Some(&context);
    let image = kernel.image(Program::of_name(names::XDP));
    let result = image.run(Role::Ingress, Link::Ethernet, options).ok()?;
    after.truncate(result.data_size_out as usize);
    Some(after)
}

#[test]
fn a_tag_tells_class_protocol_and_port() {
    const TEST: &str = "a_tag_tells_class_protocol_and_port";
    if !is_root_or_skips(TEST) || !Feature::XdpContext.is_there_or_skips(TEST) {
        return;
    }
    let mut kernel = Kernel::new(Settings {
        tag_metadata: true,
        ..Settings::default()
    });
    let hosts = Hosts::V4;
    let later = Ipv4 {
        fragment_offset: 100,
        ..Ipv4::default()
    };
    let later = later.packet(protocol::UDP, &[0; 16]);
    for (frame, class, protocol, port) in [
        (
            over_ipv4(6, &segment::tcp(&hosts, 40_000, 443, b"")),
            Class::Labelled,
            6,
            443,
        ),
        (
            over_ipv4(136, &segment::udp_lite(&hosts, 40_000, 53, b"")),
            Class::Labelled,
            136,
            53,
        ),
        (
            over_ipv4(132, &segment::sctp(40_000, 60_000, b"")),
            Class::Dynamic,
            132,
            60_000,
        ),
        (
            over_ipv4(6, &segment::tcp(&hosts, 40_000, 0, b"")),
            Class::Reserved,
            6,
            0,
        ),
        (
            over_ipv4(1, &segment::echo_request(&hosts, b"")),
            Class::Protocol,
            1,
            0,
        ),
        (ethernet(ether_type::IPV4, &later), Class::Fragment, 17, 0),
        (arp_request(), Class::NonIp, 0, 0),
        (ethernet(ether_type::IPV4, &[0x45]), Class::Truncated, 0, 0),
        (
            ethernet(ether_type::IPV4, &[0x65; 20]),
            Class::Malformed,
            0,
            0,
        ),
    ] {
        let after = after_xdp(&mut kernel, &[], &frame).expect("a test run");
        let (tag, rest) = after.split_first_chunk().expect("a tag");
        let tag = Tag::from_bytes(*tag);
        assert_eq!(
            (
                tag.version(),
                tag.class_code(),
                tag.protocol(),
                tag.port(),
                rest
            ),
            (TAG_VERSION, class as u8, protocol, port, &frame[..])
        );
    }
}

#[test]
fn a_frame_without_room_for_a_tag_passes_as_it_is_and_is_counted_as_untagged() {
    const TEST: &str = "a_frame_without_room_for_a_tag_passes_as_it_is_and_is_counted_as_untagged";
    if !is_root_or_skips(TEST) || !Feature::XdpContext.is_there_or_skips(TEST) {
        return;
    }
    let mut kernel = Kernel::new(Settings {
        tag_metadata: true,
        ..Settings::default()
    });
    let program = Program::of_name(names::XDP);
    let frame = over_ipv4(6, &segment::tcp(&Hosts::V4, 40_000, 443, b""));
    let labelling = kernel.labelling(&kernel.parsed(program, &frame));
    let size = Counter::new(1, frame.len() as u64);

    // A tag ends where the frame begins, and the metadata of others stays.
    let counted = kernel.counted(program, |kernel| {
        let after = after_xdp(kernel, &[0x5a; 8], &frame).expect("a test run");
        assert_eq!(after, [&[0x5a; 8], &frame[..]].concat());
    });
    assert_eq!(
        counted,
        [(labelling.counter(), size), (UNTAGGED, size)].into()
    );

    // As much as there may be: 216 bytes, which leave the kernel what it needs before them, or 32 on older ones.
    let counted = kernel.counted(program, |kernel| {
        let full = [216, 32].into_iter().find_map(|length| {
            let metadata = vec![0x5a; length];
            Some((after_xdp(kernel, &metadata, &frame)?, metadata))
        });
        let (after, metadata) = full.expect("a test run");
        assert_eq!(after, [metadata, frame.clone()].concat());
    });
    assert_eq!(
        counted,
        [(labelling.counter(), size), (UNTAGGED, size)].into()
    );
}

#[test]
fn metadata_tells_the_original_length_where_it_is_asked_to() {
    const TEST: &str = "metadata_tells_the_original_length_where_it_is_asked_to";
    if !is_root_or_skips(TEST) || !Feature::XdpContext.is_there_or_skips(TEST) {
        return;
    }
    let mut kernel = Kernel::new(Settings {
        original_length: true,
        ..Settings::default()
    });
    let program = Program::of_name(names::XDP);
    let frame = over_ipv4(6, &segment::tcp(&Hosts::V4, 40_000, 443, b""));
    let index = kernel.labelling(&kernel.parsed(program, &frame)).counter();
    let length = frame.len() as u64;
    for (metadata, bytes) in [
        (&1_514_u64.to_ne_bytes()[..], 1_514),
        (&u64::MAX.to_ne_bytes(), u64::MAX),
        // Too short to be one.
        (&[1, 0, 0, 0], length),
        (&[], length),
    ] {
        let counted = kernel.counted(program, |kernel| {
            let after = after_xdp(kernel, metadata, &frame).expect("a test run");
            assert_eq!(after, [metadata, &frame].concat());
        });
        assert_eq!(counted, [(index, Counter::new(1, bytes))].into());
    }
}

#[test]
fn a_mark_tells_transport_and_port_and_other_bits_stay() {
    if !is_root_or_skips("a_mark_tells_transport_and_port_and_other_bits_stay") {
        return;
    }
    let tcp = over_ipv4(6, &segment::tcp(&Hosts::V4, 40_000, 443, b""));
    let unlabelled = over_ipv4(6, &segment::tcp(&Hosts::V4, 40_000, 60_000, b""));
    for bits in [0x0007_ffff, 0xffff_ffff, 0xffff_e000, 0x00ff_ffe0] {
        let mask = MarkMask::new(bits).expect("a mask");
        let mut kernel = Kernel::new(Settings {
            mark: Some(mask),
            ..Settings::default()
        });
        for name in [names::MARK, names::EGRESS] {
            let program = Program::of_name(name);
            for (frame, value) in [(&tcp, mark(Transport::Tcp, 443)), (&unlabelled, 0)] {
                let before = SkBuff::new(frame.len() as u32)
                    .marked(MARK_BEFORE)
                    .to_bytes();
                let mut after = [0; SkBuff::SIZE];
                let mut options = TestRunOptions::new();
                options.data_in = Some(frame);
                options.ctx_in = Some(&before);
                options.ctx_out = Some(&mut after);
                let image = kernel.image(program);
                let result = image.run(program.role, program.link, options);
                result.expect("a test run");
                assert_eq!(
                    SkBuff::from_bytes(&after).mark(),
                    MARK_BEFORE & !bits | value << mask.shift(),
                    "{name}, {bits:#x}"
                );
            }
        }
    }
}
