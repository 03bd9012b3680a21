//! What IP packets carry: segments and datagrams of the transports, and ICMP. All checksums are correct.

use crate::{
    checksum,
    ip::{Hosts, protocol},
};

/// A TCP segment (RFC 9293) that opens a connection, with `payload` on it.
pub fn tcp(hosts: &Hosts, source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let mut segment = ports(source, destination);
    segment.extend([0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x02, 0xff, 0xff, 0, 0, 0, 0]);
    segment.extend(payload);
    sealed(hosts, protocol::TCP, segment, 16)
}

/// A UDP datagram (RFC 768).
pub fn udp(hosts: &Hosts, source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + payload.len()).expect("a datagram holds 65,535 bytes");
    let mut datagram = ports(source, destination);
    datagram.extend(length.to_be_bytes());
    datagram.extend([0, 0]);
    datagram.extend(payload);
    sealed(hosts, protocol::UDP, datagram, 6)
}

/// A UDP-Lite datagram (RFC 3828) whose checksum covers all of it.
pub fn udp_lite(hosts: &Hosts, source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let mut datagram = ports(source, destination);
    datagram.extend([0; 4]);
    datagram.extend(payload);
    sealed(hosts, protocol::UDP_LITE, datagram, 6)
}

/// A DCCP Request (RFC 4340 section 5.1) for service code 0, whose checksum covers all of it.
pub fn dccp(hosts: &Hosts, source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    const WORDS_TO_DATA: u8 = 5;
    const REQUEST_WITH_LONG_SEQUENCE: u8 = 0x01;
    let mut packet = ports(source, destination);
    packet.extend([WORDS_TO_DATA, 0, 0, 0, REQUEST_WITH_LONG_SEQUENCE, 0]);
    packet.extend([0, 0, 0, 0, 0, 1]);
    packet.extend([0; 4]);
    packet.extend(payload);
    sealed(hosts, protocol::DCCP, packet, 6)
}

/// An SCTP packet (RFC 9260) with one DATA chunk.
pub fn sctp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(16 + payload.len()).expect("a chunk holds 65,535 bytes");
    let mut packet = ports(source, destination);
    packet.extend([0, 0, 0, 1, 0, 0, 0, 0]);
    packet.extend([0, 0x03]);
    packet.extend(length.to_be_bytes());
    packet.extend([0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    packet.extend(payload);
    packet.resize(packet.len().next_multiple_of(4), 0);
    let checksum = checksum::crc32c(&packet);
    packet[8..12].copy_from_slice(&checksum.to_le_bytes());
    packet
}

/// An ICMP (RFC 792) or ICMPv6 (RFC 4443) echo request, as the address family asks for.
pub fn echo_request(hosts: &Hosts, payload: &[u8]) -> Vec<u8> {
    let kind = if hosts.source.is_ipv4() { 8 } else { 128 };
    let mut message = vec![kind, 0, 0, 0, 0, 1, 0, 1];
    message.extend(payload);
    if hosts.source.is_ipv6() {
        return sealed(hosts, protocol::ICMPV6, message, 2);
    }
    let checksum = checksum::internet(&message);
    message[2..4].copy_from_slice(&checksum.to_be_bytes());
    message
}

fn ports(source: u16, destination: u16) -> Vec<u8> {
    [source.to_be_bytes(), destination.to_be_bytes()].concat()
}

fn sealed(hosts: &Hosts, protocol: u8, mut segment: Vec<u8>, checksum_at: usize) -> Vec<u8> {
    let checksum = checksum::with_pseudo_header(hosts, protocol, &segment);
    segment[checksum_at..checksum_at + 2].copy_from_slice(&checksum.to_be_bytes());
    segment
}
