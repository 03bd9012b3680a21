//! The headers of tunnels, each in front of the packet that it carries.

use crate::checksum;

/// The destination ports of tunnels in UDP (IANA).
pub mod port {
    /// RFC 8086.
    pub const GRE_IN_UDP: u16 = 4_754;
    /// RFC 7348.
    pub const VXLAN: u16 = 4_789;
    /// draft-ietf-nvo3-vxlan-gpe.
    pub const VXLAN_GPE: u16 = 4_790;
    /// RFC 8926.
    pub const GENEVE: u16 = 6_081;
}

/// Flags of VXLAN (RFC 7348 section 5) and of VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe section 3.1).
pub mod vxlan_flag {
    /// A network identifier is there.
    pub const IDENTIFIER: u8 = 0x08;
    /// VXLAN-GPE: a next protocol is there.
    pub const NEXT_PROTOCOL: u8 = 0x04;
    /// VXLAN-GPE: an operations message.
    pub const OPERATIONS: u8 = 0x01;
}

/// Next protocols of VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe section 3.2).
pub mod gpe_protocol {
    /// An IPv4 packet.
    pub const IPV4: u8 = 1;
    /// An IPv6 packet.
    pub const IPV6: u8 = 2;
    /// An Ethernet frame.
    pub const ETHERNET: u8 = 3;
    /// A Network Service Header (RFC 8300).
    pub const NSH: u8 = 4;
}

/// What a GRE header says (RFC 2784, RFC 2890).
#[derive(Clone, Copy, Debug, Default)]
pub struct Gre {
    /// A checksum of header and payload, and the reserved field that goes with it, are there.
    pub has_checksum: bool,
    /// The key, where there is one.
    pub key: Option<u32>,
    /// The sequence number, where there is one.
    pub sequence: Option<u32>,
    /// Further bits of the first 16, the version's among them.
    pub bits: u16,
}

impl Gre {
    /// The header in front of a payload of that EtherType.
    pub fn packet(&self, ether_type: u16, payload: &[u8]) -> Vec<u8> {
        let flag = |is_set: bool, bit: u16| if is_set { bit } else { 0 };
        let bits = flag(self.has_checksum, 0x8000)
            | flag(self.key.is_some(), 0x2000)
            | flag(self.sequence.is_some(), 0x1000)
            | self.bits;
        let mut packet = bits.to_be_bytes().to_vec();
        packet.extend(ether_type.to_be_bytes());
        if self.has_checksum {
            packet.extend([0; 4]);
        }
        for field in [self.key, self.sequence].into_iter().flatten() {
            packet.extend(field.to_be_bytes());
        }
        packet.extend(payload);
        if self.has_checksum {
            let checksum = checksum::internet(&packet);
            packet[4..6].copy_from_slice(&checksum.to_be_bytes());
        }
        packet
    }
}

/// A GRE header without optional fields in front of a payload of that EtherType.
pub fn gre(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    Gre::default().packet(ether_type, payload)
}

/// A VXLAN header of network 100 in front of an Ethernet frame.
pub fn vxlan(flags: u8, frame: &[u8]) -> Vec<u8> {
    vxlan_gpe(flags, 0, frame)
}

/// A VXLAN-GPE header of network 100 in front of a payload.
pub fn vxlan_gpe(flags: u8, next_protocol: u8, payload: &[u8]) -> Vec<u8> {
    let header = [flags, 0, 0, next_protocol, 0, 0, 100, 0];
    [&header, payload].concat()
}

/// What a Geneve header says (RFC 8926) beyond the network, which is 100.
#[derive(Clone, Copy, Debug, Default)]
pub struct Geneve {
    /// The version field.
    pub version: u8,
    /// The packet is a control packet.
    pub is_control: bool,
    /// Critical options are there.
    pub has_critical_options: bool,
    /// Words of four bytes that the options take, 63 at most.
    pub option_words: u8,
}

impl Geneve {
    /// The header, filled up with experimental options, in front of a payload of that EtherType.
    pub fn packet(&self, ether_type: u16, payload: &[u8]) -> Vec<u8> {
        assert!(self.option_words < 64);
        let flags = u8::from(self.is_control) << 7 | u8::from(self.has_critical_options) << 6;
        let mut packet = vec![self.version << 6 | self.option_words, flags];
        packet.extend(ether_type.to_be_bytes());
        packet.extend([0, 0, 100, 0]);
        packet.extend(geneve_options(self.option_words));
        packet.extend(payload);
        packet
    }
}

/// A Geneve header without options in front of a payload of that EtherType.
pub fn geneve(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    Geneve::default().packet(ether_type, payload)
}

/// Options of that many words, their headers included (RFC 8926 section 3.5).
fn geneve_options(mut words: u8) -> Vec<u8> {
    const EXPERIMENTAL_CLASS: [u8; 2] = [0xff, 0x00];
    const LONGEST_DATA: u8 = 31;
    let mut options = Vec::new();
    while words > 0 {
        let data = (words - 1).min(LONGEST_DATA);
        options.extend(EXPERIMENTAL_CLASS);
        options.extend([1, data]);
        options.resize(options.len() + usize::from(data) * 4, 0x5a);
        words -= 1 + data;
    }
    options
}

#[cfg(test)]
mod tests {
    use super::{Geneve, Gre, gre, port, vxlan};
    use crate::{
        checksum,
        frame::ether_type,
        ip::Hosts,
        segment::{tcp, udp},
    };

    #[test]
    fn the_optional_fields_of_gre_come_in_their_order() {
        let all = Gre {
            has_checksum: true,
            key: Some(0x0102_0304),
            sequence: Some(0x0506_0708),
            bits: 0,
        };
        let packet = all.packet(ether_type::IPV4, b"data");
        assert_eq!(packet[..4], [0xb0, 0, 0x08, 0]);
        assert_eq!(packet[6..], *b"\0\0\x01\x02\x03\x04\x05\x06\x07\x08data");
        assert_eq!(checksum::internet(&packet), 0);
        assert_eq!(gre(ether_type::IPV6, &[]), [0, 0, 0x86, 0xdd]);
    }

    #[test]
    fn geneve_options_fill_the_words_that_are_announced() {
        for option_words in 0..64 {
            let header = Geneve {
                option_words,
                ..Geneve::default()
            };
            let packet = header.packet(ether_type::IPV4, &[]);
            assert_eq!(packet.len(), 8 + usize::from(option_words) * 4);
            let mut options = &packet[8..];
            while let Some(&data) = options.get(3) {
                options = &options[4 + usize::from(data) * 4..];
            }
            assert_eq!(options, []);
        }
    }

    #[test]
    fn etherparse_finds_what_is_behind_a_vxlan_header() {
        let inner = crate::frame::ethernet(
            ether_type::IPV4,
            &crate::ip::ipv4(6, &tcp(&Hosts::V4, 1, 2, b"data")),
        );
        let outer = udp(&Hosts::V4, 3, port::VXLAN, &vxlan(0x08, &inner));
        let inside = etherparse::SlicedPacket::from_ethernet(&outer[16..]).expect("a frame");
        assert!(matches!(
            inside.transport,
            Some(etherparse::TransportSlice::Tcp(_))
        ));
    }
}
