//! pcapng files.

use super::{Kept, Link, ORDERS, Order, PcapngFile, data, error, frames, read};
use crate::capture::{CaptureError, MAX_INTERFACES};

fn lengths(frames: &[Kept]) -> Vec<(usize, u64)> {
    let length = |frame: &Kept| (frame.bytes.len(), frame.original_length);
    frames.iter().map(length).collect()
}

#[test]
fn every_kind_of_packet_block_is_read_in_both_byte_orders() {
    for order in ORDERS {
        let file = PcapngFile::new(order)
            .interface(1, 0)
            .enhanced(0, 1514, &data(61))
            .simple(62, &data(62))
            .obsolete(0, 1000, &data(63))
            .bytes;
        let frames = frames(&file);
        assert_eq!(lengths(&frames), [(61, 1514), (62, 62), (63, 1000)]);
        for (frame, length) in frames.iter().zip([61, 62, 63]) {
            assert_eq!(frame.bytes, data(length));
            assert_eq!(frame.link, Link::Ethernet);
        }
        let positions: Vec<_> = frames.iter().map(|frame| frame.position).collect();
        let start = 28 + 20;
        assert_eq!(
            positions,
            [start + 96, start + 96 + 80, start + 96 + 80 + 96]
        );
    }
}

#[test]
fn simple_packets_are_cut_at_the_snap_length_of_the_first_interface() {
    let file = |snap_length| {
        PcapngFile::new(Order::Little)
            .interface(1, snap_length)
            .interface(101, 1)
    };
    let cut = file(61).simple(1514, &data(61)).simple(60, &data(60));
    assert_eq!(lengths(&frames(&cut.bytes)), [(61, 1514), (60, 60)]);
    let whole = file(0).simple(1514, &data(1514));
    assert_eq!(lengths(&frames(&whole.bytes)), [(1514, 1514)]);
    let lying = error(&file(0).simple(1514, &data(60)).bytes);
    assert_eq!(
        lying,
        "byte 68: malformed Simple Packet Block: 1514 captured bytes do not fit in the block's 60; the file is damaged \
         from here on"
    );
}

#[test]
fn each_interface_of_each_section_has_its_own_link_type() {
    let file = PcapngFile::new(Order::Little)
        .interface(1, 0)
        .enhanced(0, 60, &data(60))
        .interface(101, 0)
        .enhanced(1, 61, &data(61))
        .enhanced(0, 62, &data(62))
        .section(Order::Big)
        .interface(101, 0)
        .interface(1, 0)
        .enhanced(0, 63, &data(63))
        .obsolete(1, 64, &data(64))
        .section(Order::Little)
        .interface(1, 0)
        .simple(65, &data(65))
        .bytes;
    let frames = frames(&file);
    let links: Vec<_> = frames.iter().map(|frame| frame.link).collect();
    use Link::{Ethernet, Ip};
    assert_eq!(links, [Ethernet, Ip, Ethernet, Ip, Ethernet, Ethernet]);
    for (frame, length) in frames.iter().zip(60..) {
        assert_eq!(frame.bytes, data(length));
    }
}

#[test]
fn other_blocks_are_passed_over_however_long_they_are() {
    let name_resolution_of_nonsense = [0xff; 20];
    let file = PcapngFile::new(Order::Big)
        .block(0x0bad, &[])
        .interface(1, 0)
        .block(4, &[&name_resolution_of_nonsense])
        .enhanced(0, 60, &data(60))
        .block(0x8000_1234, &[&vec![7; 3 << 20]])
        .enhanced(0, 61, &data(61))
        .block(5, &[&[0; 12]]);
    assert_eq!(lengths(&frames(&file.bytes)), [(60, 60), (61, 61)]);
}

#[test]
fn options_change_nothing_but_the_frame_check_sequence() {
    for order in ORDERS {
        let options = PcapngFile::new(order);
        let comment = options.option(1, b"hi");
        let broken = [1, 1, 0xff, 0xff];
        let outbound = options.option(2, &order.u32(2));
        let outbound_with_fcs = options.option(2, &order.u32(2 | 4 << 5));
        for (fcs_length, is_there) in [(None, 0), (Some(4), 4), (Some(32), 4)] {
            let option = fcs_length.map_or_else(Vec::new, |length| options.option(13, &[length]));
            let file = PcapngFile::new(order)
                .interface_with(1, 0, &option)
                .enhanced_with(0, 64, &data(64), &comment)
                .enhanced_with(0, 64, &data(64), &broken)
                .enhanced_with(0, 64, &data(64), &outbound)
                .enhanced_with(0, 64, &data(64), &outbound_with_fcs);
            let plain = 64 - is_there;
            let expected = [plain, plain, plain, 60].map(|n| (n, n as u64));
            assert_eq!(lengths(&frames(&file.bytes)), expected);
        }
    }
}

#[test]
fn a_link_type_that_cannot_be_read_matters_only_for_packets() {
    let file = || {
        PcapngFile::new(Order::Little)
            .interface(1, 0)
            .interface(127, 0)
            .enhanced(0, 60, &data(60))
    };
    assert_eq!(lengths(&frames(&file().bytes)), [(60, 60)]);
    let file = file().enhanced(1, 60, &data(60)).bytes;
    assert_eq!(
        error(&file),
        "byte 160: a packet of interface 1, which has link type 127 (IEEE 802.11 with radiotap header); expected \
         Ethernet, raw IP, Linux cooked or BSD loopback: capture on another interface, or leave this one out"
    );
    let (frames, position, _) = read(&file[..]);
    assert_eq!((frames.len(), position), (1, 160));
}

#[test]
fn an_interface_that_was_not_described_is_an_error() {
    let start = || PcapngFile::new(Order::Little).interface(1, 0);
    for file in [
        start().enhanced(1, 60, &data(60)),
        start().obsolete(1, 60, &data(60)),
    ] {
        assert_eq!(
            error(&file.bytes),
            "byte 48: a packet of interface 1, but its section describes 1 so far; the file is damaged"
        );
    }
    // The interfaces of another section do not count.
    for file in [
        start().section(Order::Big).simple(60, &data(60)),
        start().section(Order::Big).enhanced(0, 60, &data(60)),
    ] {
        assert!(error(&file.bytes).contains("interface 0, but its section describes 0 so far"));
    }
}

#[test]
fn interfaces_are_kept_up_to_a_limit() {
    let mut file = PcapngFile::new(Order::Little);
    for _ in 0..MAX_INTERFACES {
        file = file.interface(1, 0);
    }
    let last = MAX_INTERFACES as u32 - 1;
    let file = file.enhanced(last, 60, &data(60));
    assert_eq!(lengths(&frames(&file.bytes)), [(60, 60)]);
    let (_, _, end) = read(&file.interface(1, 0).bytes[..]);
    let error = end.expect_err("one more");
    assert!(matches!(error, CaptureError::TooManyInterfaces { .. }));
}

#[test]
fn lengths_that_contradict_each_other_are_errors() {
    let start = || PcapngFile::new(Order::Little).interface(1, 0);
    let spoiled = |file: PcapngFile, at: usize, value: u32| {
        let mut bytes = file.bytes;
        bytes[48 + at..][..4].copy_from_slice(&value.to_le_bytes());
        error(&bytes)
    };
    let enhanced = || start().enhanced(0, 60, &data(60));
    for (message, why) in [
        (
            spoiled(enhanced(), 4, 91),
            "Enhanced Packet Block: its length is 91; expected a multiple of 4, at least 12",
        ),
        (
            spoiled(enhanced(), 4, 8),
            "Enhanced Packet Block: its length is 8; expected a multiple of 4, at least 12",
        ),
        (
            spoiled(enhanced(), 88, 96),
            "Enhanced Packet Block: its length is 92 at its start and 96 at its end",
        ),
        (
            spoiled(enhanced(), 20, 64),
            "Enhanced Packet Block: what it announces does not fit in its 92 bytes",
        ),
        (
            spoiled(enhanced(), 20, u32::MAX),
            "Enhanced Packet Block: what it announces does not fit in its 92 bytes",
        ),
        (
            spoiled(start().obsolete(0, 60, &data(60)), 20, 61),
            "Packet Block: 61 captured bytes do not fit in the block's 60",
        ),
        (
            spoiled(start().block(77, &[&[0; 12]]), 20, 20),
            "block: its length is 24 at its start and 20 at its end",
        ),
        (
            error(&start().block(6, &[&[0; 16]]).bytes),
            "Enhanced Packet Block: what it announces does not fit in its 28 bytes",
        ),
        (
            error(&start().block(3, &[]).bytes),
            "Simple Packet Block: what it announces does not fit in its 12 bytes",
        ),
        (
            error(&start().block(2, &[&[0; 16]]).bytes),
            "Packet Block: what it announces does not fit in its 28 bytes",
        ),
        (
            error(&start().block(1, &[&[0; 4]]).bytes),
            "Interface Description Block: what it announces does not fit in its 16 bytes",
        ),
    ] {
        let expected = format!("byte 48: malformed {why}; the file is damaged from here on");
        assert_eq!(message, expected);
    }
}

#[test]
fn a_section_header_must_make_sense() {
    let with = |at: usize, bytes: [u8; 4]| {
        let mut file = PcapngFile::new(Order::Little).bytes;
        file[at..][..4].copy_from_slice(&bytes);
        error(&file)
    };
    assert_eq!(
        with(8, [1, 2, 3, 4]),
        "byte 0: malformed Section Header Block: byte-order magic 0x01020304; expected 0x1a2b3c4d; the file is damaged \
         from here on"
    );
    assert_eq!(
        with(12, [2, 0, 5, 0]),
        "byte 0: pcapng of version 2.5; expected 1.0; `editcap FILE NEW` converts it"
    );
    assert!(with(4, [16, 0, 0, 0]).contains("malformed Section Header Block"));
}

#[test]
fn a_block_longer_than_any_packet_is_refused_before_it_is_read() {
    for (kind, what) in [
        (6, "Enhanced Packet Block"),
        (1, "Interface Description Block"),
    ] {
        let mut file = PcapngFile::new(Order::Little).bytes;
        for number in [kind, (1 << 20) + 4, 0] {
            file.extend(u32::to_le_bytes(number));
        }
        let expected = format!(
            "byte 28: this {what} claims 1048580 bytes, more than any packet has (1048576); the file is damaged from here on"
        );
        assert_eq!(error(&file), expected);
    }
}
