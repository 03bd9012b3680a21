//! IPv4 and IPv6 headers, with every field that a test may want to bend.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::checksum;

/// IP protocol numbers (IANA), IPv6 extension headers among them.
pub mod protocol {
    /// RFC 8200, as an extension header.
    pub const HOP_BY_HOP: u8 = 0;
    /// RFC 792.
    pub const ICMP: u8 = 1;
    /// RFC 3376.
    pub const IGMP: u8 = 2;
    /// RFC 2003.
    pub const IPV4: u8 = 4;
    /// RFC 9293.
    pub const TCP: u8 = 6;
    /// RFC 768.
    pub const UDP: u8 = 17;
    /// RFC 4340.
    pub const DCCP: u8 = 33;
    /// RFC 2473.
    pub const IPV6: u8 = 41;
    /// RFC 8200, as an extension header.
    pub const ROUTING: u8 = 43;
    /// RFC 8200, as an extension header.
    pub const FRAGMENT: u8 = 44;
    /// RFC 2784.
    pub const GRE: u8 = 47;
    /// RFC 4303.
    pub const ESP: u8 = 50;
    /// RFC 4302.
    pub const AUTHENTICATION: u8 = 51;
    /// RFC 4443.
    pub const ICMPV6: u8 = 58;
    /// RFC 8200.
    pub const NO_NEXT_HEADER: u8 = 59;
    /// RFC 8200, as an extension header.
    pub const DESTINATION: u8 = 60;
    /// RFC 9260.
    pub const SCTP: u8 = 132;
    /// RFC 6275, as an extension header.
    pub const MOBILITY: u8 = 135;
    /// RFC 3828.
    pub const UDP_LITE: u8 = 136;
    /// RFC 7401, as an extension header.
    pub const HIP: u8 = 139;
    /// RFC 5533, as an extension header.
    pub const SHIM6: u8 = 140;
}

/// The two ends of a packet, both of one address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hosts {
    /// Where the packet comes from.
    pub source: IpAddr,
    /// Where the packet goes.
    pub destination: IpAddr,
}

impl Hosts {
    /// From the client to the server of a testbed, over IPv4.
    pub const V4: Self = Self {
        source: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)),
        destination: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)),
    };
    /// From the client to the server of a testbed, over IPv6.
    pub const V6: Self = Self {
        source: IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1)),
        destination: IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2)),
    };

    /// The source address in network byte order.
    pub fn source_octets(&self) -> Vec<u8> {
        octets(self.source)
    }

    /// The destination address in network byte order.
    pub fn destination_octets(&self) -> Vec<u8> {
        octets(self.destination)
    }
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// What an IPv4 header says.
#[derive(Clone, Copy, Debug)]
pub struct Ipv4<'a> {
    /// The version field.
    pub version: u8,
    /// The header's length field, in words of four bytes, where it is not to be the true one.
    pub header_length: Option<u8>,
    /// The total length field, in bytes, where it is not to be the true one.
    pub total_length: Option<u16>,
    /// More fragments follow.
    pub more_fragments: bool,
    /// The fragment offset, in units of eight bytes.
    pub fragment_offset: u16,
    /// Options, a multiple of four bytes and at most 40.
    pub options: &'a [u8],
    /// The addresses.
    pub hosts: Hosts,
}

impl Default for Ipv4<'_> {
    fn default() -> Self {
        Self {
            version: 4,
            header_length: None,
            total_length: None,
            more_fragments: false,
            fragment_offset: 0,
            options: &[],
            hosts: Hosts::V4,
        }
    }
}

impl Ipv4<'_> {
    /// The packet of this header and a payload of the IP protocol `protocol`, with a correct header checksum.
    pub fn packet(&self, protocol: u8, payload: &[u8]) -> Vec<u8> {
        assert!(self.options.len().is_multiple_of(4) && self.options.len() <= 40);
        let length = 20 + self.options.len();
        let words = self.header_length.unwrap_or((length / 4) as u8);
        let total = self.total_length.unwrap_or_else(|| {
            u16::try_from(length + payload.len()).expect("an IPv4 packet holds 65,535 bytes")
        });
        let fragment = u16::from(self.more_fragments) << 13 | self.fragment_offset;
        let mut packet = vec![self.version << 4 | words, 0];
        packet.extend(total.to_be_bytes());
        packet.extend([0x12, 0x34]);
        packet.extend(fragment.to_be_bytes());
        packet.extend([64, protocol, 0, 0]);
        packet.extend(self.hosts.source_octets());
        packet.extend(self.hosts.destination_octets());
        packet.extend(self.options);
        let checksum = checksum::internet(&packet);
        packet[10..12].copy_from_slice(&checksum.to_be_bytes());
        packet.extend(payload);
        packet
    }
}

/// A plain IPv4 packet.
pub fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    Ipv4::default().packet(protocol, payload)
}

/// What an IPv6 header says beyond the addresses, which are [`Hosts::V6`]'s.
#[derive(Clone, Copy, Debug)]
pub struct Ipv6 {
    /// The version field.
    pub version: u8,
    /// The payload length field, in bytes, where it is not to be the true one.
    pub payload_length: Option<u16>,
}

impl Default for Ipv6 {
    fn default() -> Self {
        Self {
            version: 6,
            payload_length: None,
        }
    }
}

impl Ipv6 {
    /// The packet of this header and a payload, whose first header has the number `next_header`.
    pub fn packet(&self, next_header: u8, payload: &[u8]) -> Vec<u8> {
        let length = self.payload_length.unwrap_or_else(|| {
            u16::try_from(payload.len()).expect("an IPv6 packet holds 65,535 bytes")
        });
        let mut packet = vec![self.version << 4, 0, 0, 0];
        packet.extend(length.to_be_bytes());
        packet.extend([next_header, 64]);
        packet.extend(Hosts::V6.source_octets());
        packet.extend(Hosts::V6.destination_octets());
        packet.extend(payload);
        packet
    }
}

/// A plain IPv6 packet.
pub fn ipv6(next_header: u8, payload: &[u8]) -> Vec<u8> {
    Ipv6::default().packet(next_header, payload)
}

/// A payload behind extension headers of these numbers, each of its shortest usual length: eight bytes, and 24 for
/// the Authentication Header. Goes into a packet whose next header is the first of `headers`.
pub fn extended(headers: &[u8], protocol: u8, payload: &[u8]) -> Vec<u8> {
    let next_headers = headers.iter().skip(1).chain([&protocol]);
    let mut packet = Vec::new();
    for (header, next_header) in headers.iter().zip(next_headers) {
        packet.extend(extension(*header, *next_header));
    }
    packet.extend(payload);
    packet
}

fn extension(header: u8, next_header: u8) -> Vec<u8> {
    match header {
        protocol::AUTHENTICATION => authentication(next_header, 24),
        protocol::FRAGMENT => fragment(next_header, 0, false),
        // PadN over the rest of the header.
        protocol::HOP_BY_HOP | protocol::DESTINATION => vec![next_header, 0, 1, 4, 0, 0, 0, 0],
        _ => vec![next_header, 0, 0, 0, 0, 0, 0, 0],
    }
}

/// An extension header of `length` bytes, a multiple of eight from 8 to 2,048, filled with Pad1 options.
pub fn options(next_header: u8, length: usize) -> Vec<u8> {
    assert!(length.is_multiple_of(8));
    let units = u8::try_from(length / 8 - 1).expect("an extension header has 2,048 bytes at most");
    let mut header = vec![next_header, units];
    header.resize(length, 0);
    header
}

/// An IPv6 Fragment header (RFC 8200 section 4.5); `offset` is in units of eight bytes.
pub fn fragment(next_header: u8, offset: u16, more: bool) -> Vec<u8> {
    let field = offset << 3 | u16::from(more);
    let mut header = vec![next_header, 0];
    header.extend(field.to_be_bytes());
    header.extend([0, 0, 0, 7]);
    header
}

/// An Authentication Header (RFC 4302) of `length` bytes, a multiple of four from 12.
pub fn authentication(next_header: u8, length: usize) -> Vec<u8> {
    assert!(length.is_multiple_of(4));
    let words =
        u8::try_from(length / 4 - 2).expect("an Authentication Header has 1,028 bytes at most");
    let mut header = vec![next_header, words, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
    header.resize(length, 0xa5);
    header
}
