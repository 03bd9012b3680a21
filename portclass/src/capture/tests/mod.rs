//! Captures are built byte by byte here, so that no other library's idea of the formats is tested.

mod container;
mod damage;
mod layers;
mod sections;

use std::io::{self, Read};

use super::{Capture, CaptureError, Link};

/// What the tests keep of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Kept {
    bytes: Vec<u8>,
    link: Link,
    original_length: u64,
    /// The position behind the frame.
    position: u64,
}

/// All frames of a file, the position at the end, and how it ended.
fn read(file: impl Read) -> (Vec<Kept>, u64, Result<(), CaptureError>) {
    let mut frames = Vec::new();
    let mut capture = match Capture::open(file) {
        Ok(capture) => capture,
        Err(error) => return (frames, 0, Err(error)),
    };
    let end = loop {
        match capture.next() {
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
            Ok(Some(frame)) => {
                let kept = Kept {
                    bytes: frame.bytes.to_vec(),
                    link: frame.link,
                    original_length: frame.original_length,
                    position: 0,
                };
                let position = capture.position();
                frames.push(Kept { position, ..kept });
            }
        }
    };
    let after = capture.next().expect("nothing follows the end");
    assert_eq!(after, None);
    (frames, capture.position(), end)
}

/// The frames of a file that ends as it should.
fn frames(file: &[u8]) -> Vec<Kept> {
    let (frames, position, end) = read(file);
    end.expect("a whole capture");
    assert_eq!(position, file.len() as u64);
    frames
}

/// The error that ends a file, as it is shown.
fn error(file: &[u8]) -> String {
    let (_, _, end) = read(file);
    let error = end.expect_err("a capture with an error");
    assert!(error.offset() <= file.len() as u64);
    let shown = error.to_string();
    let start = format!("byte {}: ", error.offset());
    assert!(shown.starts_with(&start), "{shown}");
    shown
}

/// The byte order that a file is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Little,
    Big,
}

const ORDERS: [Order; 2] = [Order::Little, Order::Big];

impl Order {
    fn u16(self, number: u16) -> [u8; 2] {
        match self {
            Self::Little => number.to_le_bytes(),
            Self::Big => number.to_be_bytes(),
        }
    }

    fn u32(self, number: u32) -> [u8; 4] {
        match self {
            Self::Little => number.to_le_bytes(),
            Self::Big => number.to_be_bytes(),
        }
    }
}

const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;
const MODIFIED: u32 = 0xa1b2_cd34;

/// Writes a pcap file.
struct PcapFile {
    bytes: Vec<u8>,
    order: Order,
}

impl PcapFile {
    fn new(order: Order, magic: u32, link_type: u32) -> Self {
        let mut bytes = Vec::new();
        bytes.extend(order.u32(magic));
        bytes.extend(order.u16(2));
        bytes.extend(order.u16(4));
        bytes.extend([0; 8]);
        bytes.extend(order.u32(65535));
        bytes.extend(order.u32(link_type));
        Self { bytes, order }
    }

    /// A record whose lengths are those given.
    fn claiming(mut self, captured: u32, original: u32, data: &[u8]) -> Self {
        for number in [1, 2, captured, original] {
            self.bytes.extend(self.order.u32(number));
        }
        self.bytes.extend(data);
        self
    }

    fn record(self, original: u32, data: &[u8]) -> Self {
        self.claiming(data.len() as u32, original, data)
    }
}

/// Writes a pcapng file.
struct PcapngFile {
    bytes: Vec<u8>,
    order: Order,
}

impl PcapngFile {
    fn new(order: Order) -> Self {
        let bytes = Vec::new();
        Self { bytes, order }.section(order)
    }

    /// A block of any type, with its two lengths.
    fn block(mut self, kind: u32, parts: &[&[u8]]) -> Self {
        let mut body = parts.concat();
        body.resize(body.len().next_multiple_of(4), 0);
        let length = self.order.u32(body.len() as u32 + 12);
        self.bytes.extend(self.order.u32(kind));
        self.bytes.extend(length);
        self.bytes.extend(body);
        self.bytes.extend(length);
        self
    }

    fn section(mut self, order: Order) -> Self {
        self.order = order;
        let version = [order.u16(1), order.u16(0)].concat();
        self.block(
            0x0a0d_0d0a,
            &[&order.u32(0x1a2b_3c4d), &version, &[0xff; 8]],
        )
    }

    fn interface(self, link_type: u16, snap_length: u32) -> Self {
        self.interface_with(link_type, snap_length, &[])
    }

    fn interface_with(self, link_type: u16, snap_length: u32, options: &[u8]) -> Self {
        let order = self.order;
        let snap_length = order.u32(snap_length);
        self.block(1, &[&order.u16(link_type), &[0; 2], &snap_length, options])
    }

    fn enhanced(self, interface: u32, original: u32, data: &[u8]) -> Self {
        self.enhanced_with(interface, original, data, &[])
    }

    fn enhanced_with(self, interface: u32, original: u32, data: &[u8], options: &[u8]) -> Self {
        let order = self.order;
        let numbers = [interface, 1, 2, data.len() as u32, original].map(|n| order.u32(n));
        let padding = vec![0; data.len().next_multiple_of(4) - data.len()];
        self.block(6, &[&numbers.concat(), data, &padding, options])
    }

    fn simple(self, original: u32, data: &[u8]) -> Self {
        let original = self.order.u32(original);
        self.block(3, &[&original, data])
    }

    fn obsolete(self, interface: u16, original: u32, data: &[u8]) -> Self {
        let order = self.order;
        let head = [order.u16(interface), order.u16(7)].concat();
        let numbers = [1, 2, data.len() as u32, original].map(|n| order.u32(n));
        self.block(2, &[&head, &numbers.concat(), data])
    }

    /// An option of four bytes or fewer.
    fn option(&self, code: u16, value: &[u8]) -> Vec<u8> {
        let mut option = [self.order.u16(code), self.order.u16(value.len() as u16)].concat();
        option.extend(value);
        option.resize(option.len().next_multiple_of(4), 0);
        option.extend([0; 4]);
        option
    }
}

/// A frame of `length` bytes that differ.
fn data(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n * 31 + length) as u8).collect()
}

/// A source that gives a few bytes at a time, and is interrupted in between.
struct Slow<'a> {
    bytes: &'a [u8],
    step: usize,
    is_interrupted: bool,
}

impl<'a> Slow<'a> {
    fn new(bytes: &'a [u8], step: usize) -> Self {
        Self {
            bytes,
            step,
            is_interrupted: false,
        }
    }
}

impl Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.is_interrupted ^= true;
        if self.is_interrupted {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let length = self.step.min(buffer.len());
        self.bytes.read(&mut buffer[..length])
    }
}
