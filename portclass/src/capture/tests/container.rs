//! pcap files, and what both formats have in common.

use std::io::{self, Cursor, Read};

use super::{
    Capture, CaptureError, Kept, Link, MICROSECONDS, MODIFIED, NANOSECONDS, ORDERS, Order,
    PcapFile, PcapngFile, Slow, data, error, frames, read,
};
use crate::capture::MAX_RECORD_BYTES;

#[test]
fn pcap_is_read_in_both_byte_orders_and_resolutions() {
    for order in ORDERS {
        for magic in [MICROSECONDS, NANOSECONDS] {
            let file = PcapFile::new(order, magic, 1)
                .record(60, &data(60))
                .record(1514, &data(96))
                .bytes;
            let expected = [(60, 60, 24 + 76), (96, 1514, 24 + 76 + 112)].map(
                |(length, original_length, position)| Kept {
                    bytes: data(length),
                    link: Link::Ethernet,
                    original_length,
                    position,
                },
            );
            assert_eq!(frames(&file), expected, "{order:?} {magic:x}");
        }
    }
}

#[test]
fn records_of_the_modified_format_have_a_longer_header() {
    let mut file = PcapFile::new(Order::Little, MODIFIED, 1).bytes;
    for length in [60, 90] {
        for number in [1, 2, length, length] {
            file.extend(u32::to_le_bytes(number));
        }
        file.extend([0; 8]);
        file.extend(data(length as usize));
    }
    let read = frames(&file);
    assert_eq!(read[0].bytes, data(60));
    assert_eq!(read[1].bytes, data(90));
}

#[test]
fn a_header_alone_is_a_capture_without_frames() {
    for order in ORDERS {
        assert_eq!(frames(&PcapFile::new(order, MICROSECONDS, 1).bytes), []);
        assert_eq!(frames(&PcapngFile::new(order).bytes), []);
        assert_eq!(frames(&PcapngFile::new(order).interface(1, 0).bytes), []);
    }
}

#[test]
fn what_the_file_says_of_the_wire_is_never_less_than_what_was_captured() {
    let file = PcapFile::new(Order::Little, MICROSECONDS, 1)
        .record(10, &data(60))
        .record(0, &[])
        .record(1500, &[])
        .bytes;
    let lengths: Vec<_> = frames(&file)
        .iter()
        .map(|frame| (frame.bytes.len(), frame.original_length))
        .collect();
    assert_eq!(lengths, [(60, 60), (0, 0), (0, 1500)]);
}

#[test]
fn the_frame_check_sequence_does_not_count() {
    let ethernet_with_fcs = 0x4400_0001;
    let file = PcapFile::new(Order::Big, MICROSECONDS, ethernet_with_fcs)
        .record(64, &data(64))
        // The capture ends inside the sequence, and before it.
        .record(64, &data(62))
        .record(1518, &data(60))
        .record(3, &data(3))
        .bytes;
    let lengths: Vec<_> = frames(&file)
        .iter()
        .map(|frame| (frame.bytes.len(), frame.original_length))
        .collect();
    // A 4 in the upper bits counts 16-bit words.
    assert_eq!(lengths, [(56, 56), (56, 56), (60, 1510), (0, 0)]);

    let file = PcapFile::new(Order::Big, MICROSECONDS, 0x2400_0001).record(64, &data(64));
    assert_eq!(frames(&file.bytes)[0].bytes.len(), 60);
    // Without the flag the bits mean nothing, and only Ethernet has the sequence at its end.
    for link_type in [0x2000_0001, 0x2400_0065] {
        let file = PcapFile::new(Order::Big, MICROSECONDS, link_type).record(64, &data(64));
        assert_eq!(frames(&file.bytes)[0].bytes.len(), 64);
    }
}

#[test]
fn frames_of_any_size_come_whole_however_slowly_the_file_comes() {
    let lengths = [0, 1, 60, 1514, 65_535, 262_144, 9000, 524_280, 60];
    let mut pcap = PcapFile::new(Order::Little, NANOSECONDS, 1);
    let mut pcapng = PcapngFile::new(Order::Big).interface(1, 0);
    for length in lengths {
        pcap = pcap.record(length as u32, &data(length));
        pcapng = pcapng.enhanced(0, length as u32, &data(length));
    }
    for file in [pcap.bytes, pcapng.bytes] {
        let whole = frames(&file);
        assert!(whole.iter().map(|frame| frame.bytes.len()).eq(lengths));
        for (frame, length) in whole.iter().zip(lengths) {
            assert_eq!(frame.bytes, data(length));
        }
        for step in [997, 65_536] {
            let (slowly, _, end) = read(Slow::new(&file, step));
            end.expect("a whole capture");
            assert!(slowly == whole, "step {step}");
        }
    }
}

#[test]
fn memory_does_not_grow_with_the_file() {
    let record = PcapFile::new(Order::Little, MICROSECONDS, 1).record(9000, &data(9000));
    let (header, record) = record.bytes.split_at(24);
    let count = 20_000;
    let file = header.chain(io::repeat(0).take(0)).chain(Repeat {
        record: Cursor::new(record),
        left: count,
    });
    let mut capture = Capture::open(file).expect("a capture");
    let mut frames = 0;
    while let Some(frame) = capture.next().expect("a frame") {
        assert_eq!(frame.bytes.len(), 9000);
        frames += 1;
    }
    assert_eq!(frames, count);
    assert_eq!(capture.position(), 24 + count * 9016);
    assert!(capture.window.capacity() <= MAX_RECORD_BYTES);
}

/// A record, many times.
struct Repeat<'a> {
    record: Cursor<&'a [u8]>,
    left: u64,
}

impl Read for Repeat<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Ok(0);
        }
        let count = self.record.read(buffer)?;
        if self.record.position() == self.record.get_ref().len() as u64 {
            self.record.set_position(0);
            self.left -= 1;
        }
        Ok(count)
    }
}

#[test]
fn files_that_are_no_captures_say_what_was_expected() {
    for (file, message) in [
        (
            &b""[..],
            "byte 0: the file is empty; expected a capture file in pcap or pcapng format",
        ),
        (
            b"port,name\n",
            "byte 0: not a capture that can be read; expected a capture file in pcap or pcapng format; \
             `editcap -F pcap FILE NEW` converts others",
        ),
        (
            b"\x1f\x8b\x08\0\0\0\0\0\0\x03",
            "byte 0: compressed with gzip; unpack it on the way: gzip -dc FILE | portclass replay -",
        ),
        (
            b"\x28\xb5\x2f\xfd",
            "byte 0: compressed with zstd; unpack it on the way: zstd -dc FILE | portclass replay -",
        ),
        (
            b"\xfd7zXZ\0",
            "byte 0: compressed with xz; unpack it on the way: xz -dc FILE | portclass replay -",
        ),
    ] {
        assert_eq!(error(file), message);
    }
    assert!(error(b"x").contains("not a capture"));
    assert!(error(b"BZh91AY").contains("bzip2 -dc"));
}

#[test]
fn a_version_with_another_layout_is_refused() {
    for (version, is_read) in [
        ([2, 4], true),
        ([2, 3], true),
        ([2, 2], false),
        ([3, 0], false),
    ] {
        let mut file = PcapFile::new(Order::Big, MICROSECONDS, 1).bytes;
        file[5] = version[0];
        file[7] = version[1];
        let (_, _, end) = read(&file[..]);
        assert_eq!(end.is_ok(), is_read, "{version:?}");
        if !is_read {
            let [major, minor] = version;
            let message = format!(
                "byte 0: pcap of version {major}.{minor}; expected 2.3 or 2.4; `editcap FILE NEW` converts it"
            );
            assert_eq!(error(&file), message);
        }
    }
}

#[test]
fn a_link_type_that_cannot_be_read_is_named() {
    let file = |link_type| PcapFile::new(Order::Little, MICROSECONDS, link_type).bytes;
    assert_eq!(
        error(&file(127)),
        "byte 20: link type 127 (IEEE 802.11 with radiotap header); expected Ethernet, raw IP, Linux cooked or BSD \
         loopback: capture on another interface"
    );
    assert!(error(&file(105)).contains("link type 105 (IEEE 802.11);"));
    assert!(error(&file(9999)).starts_with("byte 20: link type 9999; expected"));
    // Only the lower 16 bits are the link type.
    assert_eq!(frames(&file(0x0003_0001)), []);
}

#[test]
fn a_record_longer_than_any_packet_is_refused_before_it_is_read() {
    let fits = MAX_RECORD_BYTES as u32 - 16;
    let file = PcapFile::new(Order::Little, MICROSECONDS, 1).record(60, &data(60));
    let whole = file.claiming(fits, fits, &data(fits as usize));
    assert_eq!(frames(&whole.bytes)[1].bytes.len(), fits as usize);
    for claimed in [fits + 1, u32::MAX] {
        let file = PcapFile::new(Order::Little, MICROSECONDS, 1).record(60, &data(60));
        let message = error(&file.claiming(claimed, claimed, &[]).bytes);
        let total = u64::from(claimed) + 16;
        let expected = format!(
            "byte 100: this record claims {total} bytes, more than any packet has (1048576); the file is damaged from here on"
        );
        assert_eq!(message, expected);
    }
}

#[test]
fn a_failure_to_read_keeps_the_systems_reason_and_what_came_before() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }
    let file = PcapFile::new(Order::Little, MICROSECONDS, 1)
        .record(60, &data(60))
        .bytes;
    let (frames, position, end) = read(file[..].chain(Broken));
    assert_eq!((frames.len(), position), (1, 100));
    let error = end.expect_err("a broken file");
    assert!(matches!(
        error,
        CaptureError::Unreadable { offset: 100, .. }
    ));
    assert_eq!(
        error.to_string(),
        "byte 100: cannot read the capture: the disk is gone"
    );
}
