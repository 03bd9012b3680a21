//! What becomes of the headers of each link type.

use portclass_common::packet::{self, Linear, Start};

use super::{Kept, Link, MICROSECONDS, ORDERS, Order, PcapFile, PcapngFile, data, frames};

/// The only frame of a file with this link type, in both formats.
fn frame(link_type: u16, bytes: &[u8]) -> (Link, Vec<u8>) {
    let original = bytes.len() as u32 + 1000;
    let mut found = Vec::new();
    for order in ORDERS {
        let pcap = PcapFile::new(order, MICROSECONDS, link_type.into()).record(original, bytes);
        let pcapng = PcapngFile::new(order)
            .interface(link_type, 0)
            .enhanced(0, original, bytes);
        for file in [pcap.bytes, pcapng.bytes] {
            let [
                Kept {
                    bytes,
                    link,
                    original_length,
                    ..
                },
            ] = &frames(&file)[..]
            else {
                panic!("not one frame");
            };
            assert_eq!(*original_length, u64::from(original));
            found.push((*link, bytes.clone()));
        }
    }
    found.dedup();
    assert_eq!(found.len(), 1, "the same in every format");
    found.remove(0)
}

/// An IPv4 packet from UDP port 4660 to 53.
fn packet() -> Vec<u8> {
    let mut packet = vec![
        0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
    ];
    packet.extend([0x12, 0x34, 0, 53, 0, 8, 0, 0]);
    packet
}

/// What the parser makes of a frame, in its own words.
fn parsed(frame: &[u8]) -> String {
    format!(
        "{:?}",
        packet::parse(Linear::new(frame), Start::of(Link::Ethernet), false).outcome()
    )
}

#[test]
fn ethernet_and_raw_ip_are_handed_on_as_they_are() {
    let bytes = data(60);
    assert_eq!(frame(1, &bytes), (Link::Ethernet, bytes));
    for link_type in [12, 14, 101, 228, 229] {
        assert_eq!(frame(link_type, &packet()), (Link::Ip, packet()));
        assert_eq!(frame(link_type, &[]), (Link::Ip, vec![]));
    }
}

#[test]
fn cooked_frames_look_like_ethernet() {
    let cooked = |protocol: u16| {
        let mut bytes = vec![0, 0, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0];
        bytes.extend(protocol.to_be_bytes());
        bytes.extend(packet());
        bytes
    };
    let cooked2 = |protocol: u16| {
        let mut bytes = protocol.to_be_bytes().to_vec();
        bytes.extend([0, 0, 0, 0, 0, 3, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0]);
        bytes.extend(packet());
        bytes
    };
    for protocol in [0x0800, 0x86dd, 0x0806, 0x0001, 0x0004, 0x000c] {
        let (link, one) = frame(113, &cooked(protocol));
        assert_eq!(link, Link::Ethernet);
        let (link, two) = frame(276, &cooked2(protocol));
        assert_eq!(link, Link::Ethernet);
        for frame in [&one, &two] {
            assert_eq!(frame[12..14], protocol.to_be_bytes());
            assert_eq!(frame[14..], packet());
        }
        assert_eq!(two[..12], [0; 12]);
        assert_eq!(parsed(&one), parsed(&two));
    }
    let (_, dns) = frame(113, &cooked(0x0800));
    assert!(parsed(&dns).contains("destination: 53"), "{}", parsed(&dns));
    let (_, llc) = frame(276, &cooked2(4));
    assert!(parsed(&llc).contains("Llc"), "{}", parsed(&llc));
}

#[test]
fn a_cut_cooked_header_is_a_cut_ethernet_header() {
    for (link_type, header) in [(113, 16), (276, 20)] {
        for length in 0..=header {
            let mut bytes = data(length);
            // So that a whole header announces IPv4.
            if link_type == 113 && length == header {
                bytes[14..].copy_from_slice(&[8, 0]);
            } else if length == header {
                bytes[..2].copy_from_slice(&[8, 0]);
            }
            let (link, frame) = frame(link_type, &bytes);
            assert_eq!(link, Link::Ethernet);
            assert_eq!(frame.len() < 14, length < header, "{link_type} {length}");
            assert!(parsed(&frame).contains("Truncated"));
        }
    }
}

#[test]
fn an_address_family_of_ip_is_dropped() {
    for family in [2, 10, 24, 28, 30_u32] {
        for (link_type, header) in [
            (0, family.to_le_bytes()),
            (0, family.to_be_bytes()),
            (108, family.to_be_bytes()),
        ] {
            let bytes = [&header[..], &packet()].concat();
            assert_eq!(frame(link_type, &bytes), (Link::Ip, packet()));
        }
    }
    // The parser is left to find that this is no IPv4.
    let bytes = [&2_u32.to_be_bytes()[..], &[0x60, 0]].concat();
    assert_eq!(frame(108, &bytes), (Link::Ip, vec![0x60, 0]));
}

#[test]
fn another_address_family_is_no_ip() {
    for (link_type, family) in [
        (0, 7_u32.to_le_bytes()),
        (0, 7_u32.to_be_bytes()),
        (0, [2, 0, 0, 2]),
        (108, 2_u32.to_le_bytes()),
        (108, 7_u32.to_be_bytes()),
    ] {
        let bytes = [&family[..], &packet()].concat();
        let (link, frame) = frame(link_type, &bytes);
        assert_eq!(link, Link::Ethernet);
        assert_eq!(
            frame[..14],
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]
        );
        assert_eq!(frame[14..], packet());
        assert!(parsed(&frame).contains("NonIp"), "{}", parsed(&frame));
    }
}

#[test]
fn a_cut_address_family_is_a_cut_ethernet_header() {
    for link_type in [0, 108] {
        for length in 0..4 {
            let bytes = data(length);
            assert_eq!(frame(link_type, &bytes), (Link::Ethernet, bytes));
        }
        let (link, frame) = frame(link_type, &[0, 0, 0, 2]);
        assert_eq!((link, frame.len()), (Link::Ip, 0));
    }
}

#[test]
fn a_rebuilt_frame_holds_nothing_of_the_one_before() {
    let mut file = PcapFile::new(Order::Little, MICROSECONDS, 276);
    for length in [400, 20, 60, 3, 21] {
        file = file.record(length as u32, &data(length));
    }
    let frames = frames(&file.bytes);
    let lengths: Vec<_> = frames.iter().map(|frame| frame.bytes.len()).collect();
    assert_eq!(lengths, [394, 14, 54, 3, 15]);
    for (frame, length) in frames.iter().zip([400, 20, 60]) {
        assert_eq!(frame.bytes[14..], data(length)[20..]);
    }
}
