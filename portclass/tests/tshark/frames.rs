//! Frames of all kinds, each with ports of its own.

mod tunnels;

use testbed::{
    capture::link_type,
    frame::{arp_request, ether_type, ethernet, llc, padded, ppp, pppoe, tagged},
    ip::{Hosts, Ipv4, authentication, extended, fragment, ipv4, ipv6, options, protocol},
    segment::{dccp, echo_request, sctp, tcp, udp, udp_lite},
};

/// The first source port; the others follow.
pub const FIRST_SOURCE: u16 = 20_000;
/// The first destination port; the others follow.
pub const FIRST_DESTINATION: u16 = 10_000;
/// More pairs of ports than there are.
pub const PAIRS: u16 = 128;

/// A frame and what it is.
pub struct Frame {
    pub what: String,
    pub link_type: u32,
    pub bytes: Vec<u8>,
}

/// All frames.
pub fn frames() -> Vec<Frame> {
    let mut all = All::default();
    transports(&mut all);
    links(&mut all);
    ipv4_headers(&mut all);
    ipv6_headers(&mut all);
    protocols(&mut all);
    tunnels::add(&mut all);
    others(&mut all);
    captured_elsewhere(&mut all);
    all.frames
}

#[derive(Default)]
struct All {
    frames: Vec<Frame>,
    pairs: u16,
}

impl All {
    fn add(&mut self, what: impl Into<String>, bytes: Vec<u8>) {
        self.add_on(link_type::ETHERNET, what, bytes);
    }

    fn add_on(&mut self, link_type: u32, what: impl Into<String>, bytes: Vec<u8>) {
        self.frames.push(Frame {
            what: what.into(),
            link_type,
            bytes,
        });
    }

    fn add_v4(&mut self, what: impl Into<String>, packet: &[u8]) {
        self.add(what, ethernet(ether_type::IPV4, packet));
    }

    fn add_v6(&mut self, what: impl Into<String>, packet: &[u8]) {
        self.add(what, ethernet(ether_type::IPV6, packet));
    }

    fn ports(&mut self) -> (u16, u16) {
        let pair = self.pairs;
        self.pairs += 1;
        assert!(pair < PAIRS);
        (FIRST_SOURCE + pair, FIRST_DESTINATION + pair)
    }

    fn tcp(&mut self, hosts: &Hosts) -> Vec<u8> {
        let (source, destination) = self.ports();
        tcp(hosts, source, destination, b"payload")
    }

    fn udp(&mut self, hosts: &Hosts) -> Vec<u8> {
        let (source, destination) = self.ports();
        udp(hosts, source, destination, b"payload")
    }

    /// An IPv4 packet with a TCP segment.
    fn v4(&mut self) -> Vec<u8> {
        ipv4(protocol::TCP, &self.tcp(&Hosts::V4))
    }

    /// An IPv6 packet with a UDP datagram.
    fn v6(&mut self) -> Vec<u8> {
        ipv6(protocol::UDP, &self.udp(&Hosts::V6))
    }

    /// A frame with an IPv4 packet with a TCP segment.
    fn frame(&mut self) -> Vec<u8> {
        ethernet(ether_type::IPV4, &self.v4())
    }

    /// An IPv4 packet with a datagram to that port.
    fn to(&mut self, destination: u16, payload: &[u8]) -> Vec<u8> {
        let (source, _) = self.ports();
        let datagram = udp(&Hosts::V4, source, destination, payload);
        ipv4(protocol::UDP, &datagram)
    }
}

fn transports(all: &mut All) {
    for hosts in [Hosts::V4, Hosts::V6] {
        for (name, number) in [
            ("TCP", protocol::TCP),
            ("UDP", protocol::UDP),
            ("UDP-Lite", protocol::UDP_LITE),
            ("DCCP", protocol::DCCP),
            ("SCTP", protocol::SCTP),
        ] {
            let (source, destination) = all.ports();
            let segment = match number {
                protocol::TCP => tcp(&hosts, source, destination, b"data"),
                protocol::UDP => udp(&hosts, source, destination, b"data"),
                protocol::UDP_LITE => udp_lite(&hosts, source, destination, b"data"),
                protocol::DCCP => dccp(&hosts, source, destination, b"data"),
                _ => sctp(source, destination, b"data"),
            };
            if hosts.source.is_ipv4() {
                all.add_v4(format!("{name} in IPv4"), &ipv4(number, &segment));
            } else {
                all.add_v6(format!("{name} in IPv6"), &ipv6(number, &segment));
            }
        }
    }
}

fn links(all: &mut All) {
    use ether_type::{IPV4, IPV6, OLD_SERVICE_VLAN, PPPOE_SESSION, SERVICE_VLAN, VLAN};
    for (what, tags) in [
        ("a VLAN", &[VLAN][..]),
        ("QinQ", &[SERVICE_VLAN, VLAN]),
        ("two old tags", &[VLAN, VLAN]),
        ("an old service tag", &[OLD_SERVICE_VLAN, VLAN]),
        ("three tags", &[SERVICE_VLAN, VLAN, VLAN]),
        ("four tags", &[SERVICE_VLAN, SERVICE_VLAN, VLAN, VLAN]),
    ] {
        let packet = all.v4();
        all.add(format!("IPv4 in {what}"), tagged(tags, IPV4, &packet));
        let packet = all.v6();
        all.add(format!("IPv6 in {what}"), tagged(tags, IPV6, &packet));
    }
    let packet = pppoe(ppp::IPV4, &all.v4());
    all.add("IPv4 in PPPoE", ethernet(PPPOE_SESSION, &packet));
    let packet = pppoe(ppp::IPV6, &all.v6());
    all.add("IPv6 in PPPoE", ethernet(PPPOE_SESSION, &packet));
    let packet = pppoe(ppp::IPV4, &all.v4());
    all.add("PPPoE in a VLAN", tagged(&[VLAN], PPPOE_SESSION, &packet));
    let packet = ipv4(protocol::UDP, &all.udp(&Hosts::V4));
    all.add("a padded frame", padded(ethernet(IPV4, &packet)));
}

fn ipv4_headers(all: &mut All) {
    for (what, options) in [
        ("four NOPs", &[1, 1, 1, 1][..]),
        ("Router Alert", &[0x94, 4, 0, 0]),
        ("40 bytes of options", &[1; 40]),
    ] {
        let packet = Ipv4 {
            options,
            ..Ipv4::default()
        };
        let packet = packet.packet(protocol::TCP, &all.tcp(&Hosts::V4));
        all.add_v4(format!("IPv4 with {what}"), &packet);
    }
    for (what, fragment_offset, more_fragments) in
        [("first", 0, true), ("middle", 4, true), ("last", 8, false)]
    {
        for number in [protocol::UDP, protocol::TCP, protocol::ESP] {
            let packet = Ipv4 {
                fragment_offset,
                more_fragments,
                ..Ipv4::default()
            };
            let payload = match number {
                protocol::UDP => all.udp(&Hosts::V4),
                _ => all.tcp(&Hosts::V4),
            };
            all.add_v4(
                format!("the {what} IPv4 fragment of protocol {number}"),
                &packet.packet(number, &payload),
            );
        }
    }
    let payload = [authentication(protocol::TCP, 24), all.tcp(&Hosts::V4)].concat();
    all.add_v4("AH in IPv4", &ipv4(protocol::AUTHENTICATION, &payload));
}

fn ipv6_headers(all: &mut All) {
    use protocol::{AUTHENTICATION, DESTINATION, FRAGMENT, HOP_BY_HOP, ROUTING, TCP, UDP};
    for headers in [
        &[HOP_BY_HOP][..],
        &[DESTINATION],
        &[ROUTING],
        &[FRAGMENT],
        &[AUTHENTICATION],
        &[HOP_BY_HOP, DESTINATION],
        &[HOP_BY_HOP, ROUTING, FRAGMENT],
        &[
            HOP_BY_HOP,
            DESTINATION,
            ROUTING,
            FRAGMENT,
            AUTHENTICATION,
            DESTINATION,
        ],
        &[DESTINATION, DESTINATION, DESTINATION],
    ] {
        let payload = extended(headers, TCP, &all.tcp(&Hosts::V6));
        all.add_v6(
            format!("IPv6 with headers {headers:?}"),
            &ipv6(headers[0], &payload),
        );
    }
    let payload = [options(UDP, 64), all.udp(&Hosts::V6)].concat();
    all.add_v6("a long header", &ipv6(DESTINATION, &payload));
    for (what, offset, more) in [("first", 0, true), ("middle", 4, true), ("last", 8, false)] {
        for number in [UDP, TCP, protocol::ICMPV6] {
            let payload = match number {
                UDP => all.udp(&Hosts::V6),
                TCP => all.tcp(&Hosts::V6),
                _ => echo_request(&Hosts::V6, b"data"),
            };
            let payload = [fragment(number, offset, more), payload].concat();
            all.add_v6(
                format!("the {what} IPv6 fragment of protocol {number}"),
                &ipv6(FRAGMENT, &payload),
            );
        }
    }
    all.add_v6("no next header", &ipv6(protocol::NO_NEXT_HEADER, &[]));
}

fn protocols(all: &mut All) {
    all.add_v4(
        "ICMP",
        &ipv4(protocol::ICMP, &echo_request(&Hosts::V4, b"data")),
    );
    all.add_v6(
        "ICMPv6",
        &ipv6(protocol::ICMPV6, &echo_request(&Hosts::V6, b"data")),
    );
    let quoted = ipv4(protocol::UDP, &all.udp(&Hosts::V4));
    let unreachable = [&[3, 3, 0, 0, 0, 0, 0, 0][..], &quoted].concat();
    all.add_v4("an ICMP error", &ipv4(protocol::ICMP, &unreachable));
    let report = [0x16, 0, 0, 0, 224, 0, 0, 251];
    all.add_v4("IGMP", &ipv4(protocol::IGMP, &report));
    let payload = [0x11; 32];
    all.add_v4("ESP", &ipv4(protocol::ESP, &payload));
    all.add_v6("ESP in IPv6", &ipv6(protocol::ESP, &payload));
    // EGP, RSVP, EIGRP, OSPF, PIM, IPComp, VRRP, L2TP, MPLS in IP, and one for experiments.
    for number in [8, 46, 88, 89, 103, 108, 112, 115, 137, 253] {
        all.add_v4(format!("protocol {number}"), &ipv4(number, &payload));
    }
}

fn others(all: &mut All) {
    all.add("ARP", arp_request());
    all.add(
        "ARP in a VLAN",
        tagged(&[ether_type::VLAN], ether_type::ARP, &arp_request()[14..]),
    );
    all.add("LLC", llc(&[0; 35]));
    let session = pppoe(ppp::LCP, &[1, 1, 0, 4]);
    all.add("LCP", ethernet(ether_type::PPPOE_SESSION, &session));
    let labelled = [&[0, 6, 65, 64][..], &all.v4()].concat();
    all.add("MPLS", ethernet(ether_type::MPLS, &labelled));
    for &(number, name) in crate::witness::ETHER_TYPES {
        all.add(
            format!("EtherType {number:#06x}, {name}"),
            ethernet(number, &[0; 46]),
        );
    }
    for number in [0x0bad, 0x88b5, 0xffff] {
        all.add(
            format!("EtherType {number:#06x}"),
            ethernet(number, &[0; 46]),
        );
    }
}

fn captured_elsewhere(all: &mut All) {
    for (what, ether_type, family) in [
        ("IPv4", ether_type::IPV4, 2u32),
        // As macOS has it: tshark knows no Linux with such a header.
        ("IPv6", ether_type::IPV6, 30),
    ] {
        let mut packet = || match family {
            2 => all.v4(),
            _ => all.v6(),
        };
        let kind = ether_type.to_be_bytes();
        let raw = packet();
        let null = [&family.to_le_bytes()[..], &packet()].concat();
        let cooked = [
            &[0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0][..],
            &kind,
            &packet(),
        ]
        .concat();
        let header = [
            &kind[..],
            &[0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0],
        ]
        .concat();
        let cooked2 = [header, packet()].concat();
        all.add_on(link_type::RAW, format!("raw {what}"), raw);
        all.add_on(link_type::NULL, format!("{what} on a loopback"), null);
        all.add_on(link_type::COOKED, format!("cooked {what}"), cooked);
        all.add_on(link_type::COOKED2, format!("newly cooked {what}"), cooked2);
    }
    let arp = arp_request();
    let cooked = [&[0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0][..], &arp[12..]].concat();
    all.add_on(link_type::COOKED, "cooked ARP", cooked);
}
