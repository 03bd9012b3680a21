//! Capture files in pcap format (draft-ietf-opsawg-pcap).

use portclass_common::packet::Link;

/// Link types (tcpdump.org's list).
pub mod link_type {
    /// BSD loopback: an address family in the capturing host's byte order.
    pub const NULL: u32 = 0;
    /// Ethernet.
    pub const ETHERNET: u32 = 1;
    /// An IPv4 or IPv6 packet.
    pub const RAW: u32 = 101;
    /// Linux cooked, version 1.
    pub const COOKED: u32 = 113;
    /// Linux cooked, version 2.
    pub const COOKED2: u32 = 276;
}

/// The link type of frames that begin with that.
pub const fn of(link: Link) -> u32 {
    match link {
        Link::Ethernet => link_type::ETHERNET,
        Link::Ip => link_type::RAW,
    }
}

/// A capture in the making.
#[derive(Clone, Debug)]
pub struct Pcap(Vec<u8>);

impl Pcap {
    /// A capture of frames of this link type.
    pub fn new(link_type: u32) -> Self {
        let mut file = 0xa1b2_c3d4u32.to_le_bytes().to_vec();
        file.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        file.extend(0x0004_0000u32.to_le_bytes());
        file.extend(link_type.to_le_bytes());
        Self(file)
    }

    /// Adds a frame, all of it.
    pub fn frame(&mut self, frame: &[u8]) {
        self.beginning(frame, frame.len());
    }

    /// Adds the beginning of a frame that had `length` bytes on the wire.
    pub fn beginning(&mut self, bytes: &[u8], length: usize) {
        self.0.extend([0; 8]);
        for length in [bytes.len(), length] {
            let length = u32::try_from(length).expect("a frame below 4 GiB");
            self.0.extend(length.to_le_bytes());
        }
        self.0.extend(bytes);
    }

    /// The file.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}
