//! The header that the frames of a capture start with, and how it becomes one that the parser knows.

use portclass_common::packet::Link;

use super::Frame;

/// What the frames of an interface start with: the link types that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layer {
    Ethernet,
    Ip,
    /// Linux cooked, version 1: 16 bytes that end in the protocol.
    Cooked,
    /// Linux cooked, version 2: 20 bytes that start with the protocol.
    Cooked2,
    /// BSD null: 4 bytes of address family, in the byte order of the host that captured.
    Null,
    /// OpenBSD loopback: the same in network byte order.
    Loop,
}

/// Bytes of an Ethernet header.
const ETHERNET: usize = 14;
/// Bytes of the header of Linux cooked version 1 before what looks like an Ethernet header.
const COOKED_BEFORE: usize = 2;
/// Bytes of the header of Linux cooked version 2.
const COOKED2: usize = 20;
/// Bytes of an address family.
const FAMILY: usize = 4;
/// An EtherType that nobody has (RFC 1701): the frame is counted as something else than IP.
const NO_ETHERTYPE: [u8; 2] = [0xff, 0xff];

impl Layer {
    /// The layer of a link type, by its number in the list of tcpdump.org.
    ///
    /// # Errors
    ///
    /// The number, if the link type cannot be read.
    pub(super) const fn of_link_type(number: u16) -> Result<Self, u16> {
        Ok(match number {
            0 => Self::Null,
            1 => Self::Ethernet,
            // Raw IP is 101 in files; 12 and 14 are what BSDs call it, and are found in files as well.
            12 | 14 | 101 | 228 | 229 => Self::Ip,
            108 => Self::Loop,
            113 => Self::Cooked,
            276 => Self::Cooked2,
            number => return Err(number),
        })
    }

    /// The frame of a packet. `rebuilt` is where it is put together if need be.
    #[inline]
    pub(super) fn frame<'a>(
        self,
        bytes: &'a [u8],
        original_length: u64,
        fcs_length: u8,
        rebuilt: &'a mut Vec<u8>,
    ) -> Frame<'a> {
        let captured = bytes.len() as u64;
        let original_length = original_length.max(captured);
        let (link, bytes, original_length) = match self {
            Self::Ethernet => {
                // The sequence is the end of the frame on the wire, and so the first to be left out by a short capture.
                let length = original_length.saturating_sub(fcs_length.into());
                let bytes = match usize::try_from(length) {
                    Ok(length) if length < bytes.len() => &bytes[..length],
                    _ => bytes,
                };
                (Link::Ethernet, bytes, length)
            }
            Self::Ip => (Link::Ip, bytes, original_length),
            // What is before the protocol takes the place of the addresses.
            Self::Cooked => {
                let bytes = bytes.get(COOKED_BEFORE..).unwrap_or_default();
                (Link::Ethernet, bytes, original_length)
            }
            Self::Cooked2 => {
                let bytes = match (bytes.first_chunk(), bytes.get(COOKED2..)) {
                    (Some(&protocol), Some(payload)) => rebuild(rebuilt, protocol, payload),
                    _ => cut(bytes),
                };
                (Link::Ethernet, bytes, original_length)
            }
            Self::Null | Self::Loop => {
                let (link, bytes) = match bytes.split_first_chunk::<FAMILY>() {
                    Some((&family, packet)) if self.is_ip_family(family) => (Link::Ip, packet),
                    Some((_, packet)) => (Link::Ethernet, rebuild(rebuilt, NO_ETHERTYPE, packet)),
                    None => (Link::Ethernet, bytes),
                };
                (link, bytes, original_length)
            }
        };
        Frame {
            bytes,
            link,
            original_length,
        }
    }

    /// Whether a header with this address family is followed by an IP packet.
    const fn is_ip_family(self, family: [u8; FAMILY]) -> bool {
        // IPv4 is 2 everywhere; IPv6 is 10 for Linux, 24 for NetBSD and OpenBSD, 28 for FreeBSD, 30 for macOS.
        const fn is_ip(family: u32) -> bool {
            matches!(family, 2 | 10 | 24 | 28 | 30)
        }
        is_ip(u32::from_be_bytes(family))
            || matches!(self, Self::Null) && is_ip(u32::from_le_bytes(family))
    }
}

/// An Ethernet frame without addresses.
fn rebuild<'a>(rebuilt: &'a mut Vec<u8>, ethertype: [u8; 2], payload: &[u8]) -> &'a [u8] {
    rebuilt.clear();
    rebuilt.extend_from_slice(&[0; ETHERNET - 2]);
    rebuilt.extend_from_slice(&ethertype);
    rebuilt.extend_from_slice(payload);
    rebuilt
}

/// A frame whose Ethernet header is cut, as the header of the packet was.
fn cut(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(ETHERNET - 1)]
}

/// The name of a link type that cannot be read.
pub(super) const fn name(link_type: u16) -> Option<&'static str> {
    Some(match link_type {
        6 => "Token Ring",
        8 => "SLIP",
        9 => "PPP",
        10 => "FDDI",
        50 => "PPP in HDLC framing",
        51 => "PPPoE session",
        104 => "Cisco HDLC",
        105 => "IEEE 802.11",
        107 => "Frame Relay",
        109 => "OpenBSD IPsec",
        117 => "OpenBSD pflog",
        119 => "IEEE 802.11 with Prism header",
        127 => "IEEE 802.11 with radiotap header",
        147..=162 => "private use",
        163 => "IEEE 802.11 with AVS header",
        187 | 201 => "Bluetooth HCI",
        189 | 220 | 249 => "USB",
        192 => "PPI",
        195 | 215 | 230 | 283 => "IEEE 802.15.4",
        227 => "SocketCAN",
        239 => "Linux NFLOG",
        251 | 256 => "Bluetooth Low Energy",
        252 => "Wireshark's exported PDUs",
        253 => "Linux netlink",
        258 => "macOS pktap",
        _ => return None,
    })
}
