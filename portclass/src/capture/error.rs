//! Why a capture cannot be read, or not further.

use std::io;

use thiserror::Error;

use super::{MAX_INTERFACES, MAX_RECORD_BYTES, layer};

/// Why a capture cannot be read, or not further. The name of the file is left to whoever knows it.
#[derive(Debug, Error)]
pub enum CaptureError {
    /// The file cannot be read.
    #[error("byte {offset}: cannot read the capture: {why}")]
    Unreadable {
        /// Offset of the bytes that could not be had.
        offset: u64,
        /// What the system said.
        why: io::Error,
    },
    /// The file is empty.
    #[error("byte 0: the file is empty; expected {EXPECTED}")]
    Empty,
    /// The file is compressed.
    #[error(
        "byte 0: compressed with {format}; unpack it on the way: {tool} -dc FILE | portclass replay -"
    )]
    Compressed {
        /// What it is compressed with.
        format: &'static str,
        /// The tool that unpacks it.
        tool: &'static str,
    },
    /// The file is no capture.
    #[error(
        "byte 0: not a capture that can be read; expected {EXPECTED}; `editcap -F pcap FILE NEW` converts others"
    )]
    Unrecognized,
    /// The file is of a version that is laid out in another way.
    #[error(
        "byte {offset}: {format} of version {major}.{minor}; expected {expected}; `editcap FILE NEW` converts it"
    )]
    Version {
        /// Offset of the header that says so.
        offset: u64,
        /// The file's format.
        format: &'static str,
        /// The major version.
        major: u16,
        /// The minor version.
        minor: u16,
        /// The versions that can be read.
        expected: &'static str,
    },
    /// The file ends too early.
    #[error(
        "byte {offset}: the file ends after {there} of the {claimed} bytes of this {what}; it was cut, or is still being written"
    )]
    Cut {
        /// Offset of what was cut.
        offset: u64,
        /// What was cut.
        what: &'static str,
        /// How many bytes it has to have.
        claimed: u64,
        /// How many there are.
        there: u64,
    },
    /// A record is longer than any packet.
    #[error(
        "byte {offset}: this {what} claims {claimed} bytes, more than any packet has ({MAX_RECORD_BYTES}); the file is damaged from here on"
    )]
    TooLong {
        /// Offset of the record.
        offset: u64,
        /// What it is.
        what: &'static str,
        /// How many bytes it claims to have.
        claimed: u64,
    },
    /// A block contradicts itself or its format.
    #[error("byte {offset}: malformed {what}: {why}; the file is damaged from here on")]
    Malformed {
        /// Offset of the block.
        offset: u64,
        /// What it is.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// A packet is said to be of an interface that no block describes.
    #[error(
        "byte {offset}: a packet of interface {interface}, but its section describes {described} so far; the file is damaged"
    )]
    UnknownInterface {
        /// Offset of the packet's block.
        offset: u64,
        /// The interface's number.
        interface: u32,
        /// How many interfaces were described.
        described: usize,
    },
    /// A section has more interfaces than any host.
    #[error(
        "byte {offset}: a section with more than {MAX_INTERFACES} interfaces; the file is damaged"
    )]
    TooManyInterfaces {
        /// Offset of the block that describes one more.
        offset: u64,
    },
    /// The frames have a header that cannot be read.
    #[error(
        "byte {offset}: {}link type {link_type}{}; expected Ethernet, raw IP, Linux cooked or BSD loopback: capture on another interface{}",
        of_interface(*.interface),
        layer::name(*.link_type).map_or_else(String::new, |name| format!(" ({name})")),
        if .interface.is_some() { ", or leave this one out" } else { "" }
    )]
    LinkType {
        /// Offset of the link type, or of the packet's block.
        offset: u64,
        /// The link type's number.
        link_type: u16,
        /// The interface that has it, where the file has several.
        interface: Option<u32>,
    },
}

const EXPECTED: &str = "a capture file in pcap or pcapng format";

fn of_interface(interface: Option<u32>) -> String {
    interface.map_or_else(String::new, |interface| {
        format!("a packet of interface {interface}, which has ")
    })
}

impl CaptureError {
    /// Offset in the file of what is wrong.
    pub const fn offset(&self) -> u64 {
        match *self {
            Self::Empty | Self::Compressed { .. } | Self::Unrecognized => 0,
            Self::Unreadable { offset, .. }
            | Self::Version { offset, .. }
            | Self::Cut { offset, .. }
            | Self::TooLong { offset, .. }
            | Self::Malformed { offset, .. }
            | Self::UnknownInterface { offset, .. }
            | Self::TooManyInterfaces { offset }
            | Self::LinkType { offset, .. } => offset,
        }
    }

    /// What is wrong with a file whose first bytes are those of no capture.
    pub(super) fn of_start(bytes: &[u8]) -> Self {
        const COMPRESSED: [(&[u8], &str, &str); 5] = [
            (b"\x1f\x8b", "gzip", "gzip"),
            (b"\x28\xb5\x2f\xfd", "zstd", "zstd"),
            (b"\xfd7zXZ", "xz", "xz"),
            (b"BZh", "bzip2", "bzip2"),
            (b"\x04\x22\x4d\x18", "lz4", "lz4"),
        ];
        if bytes.is_empty() {
            return Self::Empty;
        }
        for (magic, format, tool) in COMPRESSED {
            if bytes.starts_with(magic) {
                return Self::Compressed { format, tool };
            }
        }
        Self::Unrecognized
    }
}
