//! Counting captured frames with a parser that shares nothing with portclass's own.

use std::collections::BTreeMap;

use etherparse::{
    EtherType, IpAuthHeaderSlice, Ipv6ExtensionsSlice, Ipv6FragmentHeaderSlice,
    Ipv6RawExtHeaderSlice, LaxNetSlice, LaxSlicedPacket, ip_number,
};

use crate::{ip::protocol, veth::Count};

/// What a frame is counted under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A packet of a transport with ports.
    Port {
        /// IP protocol number.
        protocol: u8,
        /// The destination port, in host byte order.
        port: u16,
    },
    /// A non-first fragment of this IP protocol.
    Fragment(u8),
    /// A packet of this IP protocol, which has no ports.
    Protocol(u8),
    /// A frame of this EtherType, which is not IP.
    EtherType(u16),
    /// A frame that the witness cannot read.
    Unreadable,
}

/// Counts per kind, and their sum.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Witness {
    /// What was seen of each kind.
    pub counts: BTreeMap<Kind, Count>,
    /// All that was seen.
    pub total: Count,
}

impl Witness {
    /// Counts one frame.
    pub fn see(&mut self, frame: &[u8]) {
        let bytes = frame.len() as u64;
        self.counts.entry(kind(frame)).or_default().add(bytes);
        self.total.add(bytes);
    }
}

impl<Frame: AsRef<[u8]>> FromIterator<Frame> for Witness {
    fn from_iter<Frames: IntoIterator<Item = Frame>>(frames: Frames) -> Self {
        let mut witness = Self::default();
        for frame in frames {
            witness.see(frame.as_ref());
        }
        witness
    }
}

fn kind(frame: &[u8]) -> Kind {
    let Ok(packet) = LaxSlicedPacket::from_ethernet(frame) else {
        return Kind::Unreadable;
    };
    match &packet.net {
        Some(LaxNetSlice::Arp(_)) => Kind::EtherType(EtherType::ARP.0),
        Some(network) => in_ip(network),
        None => packet.ether_payload().map_or(Kind::Unreadable, |payload| {
            Kind::EtherType(payload.ether_type.0)
        }),
    }
}

fn in_ip(network: &LaxNetSlice<'_>) -> Kind {
    let Some(payload) = network.ip_payload_ref() else {
        return Kind::Unreadable;
    };
    let protocol = payload.ip_number.0;
    if is_later_fragment(network) {
        return Kind::Fragment(protocol);
    }
    match (protocol, payload.payload) {
        // All five begin with the source port and the destination port.
        (
            protocol::TCP | protocol::UDP | protocol::DCCP | protocol::SCTP | protocol::UDP_LITE,
            &[_, _, high, low, ..],
        ) => Kind::Port {
            protocol,
            port: u16::from_be_bytes([high, low]),
        },
        _ => Kind::Protocol(protocol),
    }
}

fn is_later_fragment(network: &LaxNetSlice<'_>) -> bool {
    match network {
        LaxNetSlice::Ipv4(packet) => packet.header().fragments_offset().value() != 0,
        LaxNetSlice::Ipv6(packet) => has_later_fragment(packet.extensions()).unwrap_or(false),
        LaxNetSlice::Arp(_) => false,
    }
}

/// etherparse's own iterator goes on behind the extension headers that a lax parse has found, and out of bounds.
fn has_later_fragment(extensions: &Ipv6ExtensionsSlice<'_>) -> Option<bool> {
    let mut rest = extensions.slice();
    let mut number = extensions.first_header()?;
    while !rest.is_empty() {
        let (next, header) = match number {
            ip_number::IPV6_FRAG => {
                let header = Ipv6FragmentHeaderSlice::from_slice(rest).ok()?;
                if header.fragment_offset().value() != 0 {
                    return Some(true);
                }
                (header.next_header(), header.slice())
            }
            ip_number::AUTH => {
                let header = IpAuthHeaderSlice::from_slice(rest).ok()?;
                (header.next_header(), header.slice())
            }
            _ => {
                let header = Ipv6RawExtHeaderSlice::from_slice(rest).ok()?;
                (header.next_header(), header.slice())
            }
        };
        number = next;
        rest = &rest[header.len()..];
    }
    Some(false)
}

#[cfg(test)]
mod tests {
    use super::{Kind, Witness, kind};
    use crate::{
        frame::{arp_request, ether_type, ethernet, tagged},
        ip::{Hosts, Ipv4, extended, fragment, ipv4, ipv6, protocol},
        segment::{echo_request, sctp, tcp, udp},
        veth::Count,
    };

    #[test]
    fn kinds_are_told_apart() {
        let port = |protocol, port| Kind::Port { protocol, port };
        let later = Ipv4 {
            fragment_offset: 185,
            ..Ipv4::default()
        };
        let datagram = udp(&Hosts::V6, 40_000, 4_789, b"late");
        let behind_options = extended(&[protocol::DESTINATION], protocol::UDP, &datagram);
        let later_v6 = [fragment(protocol::UDP, 185, false), datagram].concat();
        let cases = [
            (
                ethernet(
                    ether_type::IPV4,
                    &ipv4(protocol::TCP, &tcp(&Hosts::V4, 1, 443, b"x")),
                ),
                port(6, 443),
            ),
            (
                tagged(
                    &[ether_type::SERVICE_VLAN, ether_type::VLAN],
                    ether_type::IPV4,
                    &ipv4(protocol::SCTP, &sctp(1, 4_740, b"x")),
                ),
                port(132, 4_740),
            ),
            (
                ethernet(
                    ether_type::IPV6,
                    &ipv6(protocol::DESTINATION, &behind_options),
                ),
                port(17, 4_789),
            ),
            (
                ethernet(ether_type::IPV6, &ipv6(protocol::FRAGMENT, &later_v6)),
                Kind::Fragment(17),
            ),
            (
                ethernet(ether_type::IPV4, &later.packet(protocol::UDP, b"late")),
                Kind::Fragment(17),
            ),
            (
                ethernet(
                    ether_type::IPV4,
                    &ipv4(protocol::ICMP, &echo_request(&Hosts::V4, b"x")),
                ),
                Kind::Protocol(1),
            ),
            (arp_request(), Kind::EtherType(ether_type::ARP)),
            (
                ethernet(ether_type::LLDP, &[0; 10]),
                Kind::EtherType(ether_type::LLDP),
            ),
            (vec![0; 13], Kind::Unreadable),
        ];
        for (frame, expected) in cases {
            assert_eq!(kind(&frame), expected, "{frame:02x?}");
        }
    }

    #[test]
    fn extension_headers_that_etherparse_does_not_follow_are_no_harm() {
        use protocol::{AUTHENTICATION, DESTINATION, HOP_BY_HOP};
        let behind = |headers: &[u8]| {
            let packet = extended(headers, protocol::UDP, &udp(&Hosts::V6, 1, 2, b"x"));
            ethernet(ether_type::IPV6, &ipv6(headers[0], &packet))
        };
        assert_eq!(
            kind(&behind(&[DESTINATION, HOP_BY_HOP])),
            Kind::Protocol(HOP_BY_HOP)
        );
        let cut = &behind(&[DESTINATION, AUTHENTICATION])[..14 + 40 + 8 + 20];
        assert_eq!(kind(cut), Kind::Protocol(AUTHENTICATION));
    }

    #[test]
    fn counts_add_up_to_the_total() {
        let arp = arp_request();
        let witness: Witness = [arp.as_slice(), arp.as_slice(), &[0; 13]]
            .into_iter()
            .collect();
        let bytes = 2 * arp.len() as u64;
        assert_eq!(
            witness.counts[&Kind::EtherType(ether_type::ARP)],
            Count { packets: 2, bytes }
        );
        assert_eq!(
            witness.total,
            Count {
                packets: 3,
                bytes: bytes + 13
            }
        );
    }
}
