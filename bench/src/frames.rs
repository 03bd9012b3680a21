//! The frames that are measured: one of each kind, none shorter than Ethernet allows.

use testbed::{
    frame::{arp_request, ether_type, ethernet, padded, tagged},
    ip::{Hosts, Ipv4, extended, ipv4, ipv6, protocol},
    segment::{dccp, echo_request, sctp, tcp, udp},
    tunnel::{port, vxlan, vxlan_flag},
};

/// The port that most frames go to: https.
pub const HOT_PORT: u16 = 443;
const SOURCE_PORT: u16 = 40_000;

/// A kind of frame.
pub struct Frame {
    /// What is special about it.
    pub name: &'static str,
    /// It, from its Ethernet header on, without an FCS.
    pub bytes: Vec<u8>,
    /// Whether it has a port to look up.
    pub has_port: bool,
    /// Whether it is measured by a program that looks into tunnels.
    pub decapsulate: bool,
}

/// All kinds.
pub fn all() -> Vec<Frame> {
    let plain = |name, bytes, has_port| Frame {
        name,
        bytes: padded(bytes),
        has_port,
        decapsulate: false,
    };
    let with_port = |name, bytes| plain(name, bytes, true);
    let without = |name, bytes| plain(name, bytes, false);
    let packet = ipv4(protocol::TCP, &tcp_to(&Hosts::V4, HOT_PORT));
    let vlan = |tags: &[u16]| tagged(tags, ether_type::IPV4, &packet);
    let with_options = Ipv4 {
        options: &[1; 8],
        ..Ipv4::default()
    };
    let later_fragment = Ipv4 {
        fragment_offset: 185,
        ..Ipv4::default()
    };
    let v6 = tcp_to(&Hosts::V6, HOT_PORT);
    let extension = [protocol::HOP_BY_HOP];
    let over_ipv6 = |protocol, payload: &[u8]| ethernet(ether_type::IPV6, &ipv6(protocol, payload));
    vec![
        with_port("IPv4/TCP", hot()),
        with_port(
            "IPv4/UDP",
            over_ipv4(protocol::UDP, &udp_to(&Hosts::V4, 53)),
        ),
        with_port("IPv6/TCP", over_ipv6(protocol::TCP, &v6)),
        with_port(
            "IPv6/UDP",
            over_ipv6(protocol::UDP, &udp_to(&Hosts::V6, 53)),
        ),
        with_port("VLAN, IPv4/TCP", vlan(&[ether_type::VLAN])),
        with_port(
            "QinQ, IPv4/TCP",
            vlan(&[ether_type::SERVICE_VLAN, ether_type::VLAN]),
        ),
        with_port(
            "SCTP",
            over_ipv4(protocol::SCTP, &sctp(SOURCE_PORT, 2_905, &[0; 8])),
        ),
        with_port(
            "DCCP",
            over_ipv4(protocol::DCCP, &dccp(&Hosts::V4, SOURCE_PORT, 1_113, &[])),
        ),
        with_port(
            "IPv4 options, TCP",
            ethernet(
                ether_type::IPV4,
                &with_options.packet(protocol::TCP, &tcp_to(&Hosts::V4, HOT_PORT)),
            ),
        ),
        with_port(
            "IPv6 extension header, TCP",
            over_ipv6(extension[0], &extended(&extension, protocol::TCP, &v6)),
        ),
        with_port(
            "unassigned port",
            over_ipv4(protocol::TCP, &tcp_to(&Hosts::V4, 4)),
        ),
        with_port(
            "dynamic port",
            over_ipv4(protocol::TCP, &tcp_to(&Hosts::V4, 50_000)),
        ),
        Frame {
            decapsulate: true,
            ..with_port("VXLAN, IPv4/TCP, decapsulated", in_vxlan(&packet))
        },
        without(
            "later fragment",
            ethernet(
                ether_type::IPV4,
                &later_fragment.packet(protocol::UDP, &[0; 32]),
            ),
        ),
        without(
            "ICMP",
            over_ipv4(protocol::ICMP, &echo_request(&Hosts::V4, &[0; 32])),
        ),
        without("ARP", arp_request()),
    ]
}

/// An IPv4/TCP frame to [`HOT_PORT`].
pub fn hot() -> Vec<u8> {
    hot_of(0)
}

/// The same with `length` bytes, or as many as it needs.
pub fn hot_of(length: usize) -> Vec<u8> {
    const HEADERS: usize = 14 + 20 + 20;
    let payload = vec![0; length.saturating_sub(HEADERS)];
    let segment = tcp(&Hosts::V4, SOURCE_PORT, HOT_PORT, &payload);
    padded(over_ipv4(protocol::TCP, &segment))
}

fn over_ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    ethernet(ether_type::IPV4, &ipv4(protocol, payload))
}

fn tcp_to(hosts: &Hosts, port: u16) -> Vec<u8> {
    tcp(hosts, SOURCE_PORT, port, &[])
}

fn udp_to(hosts: &Hosts, port: u16) -> Vec<u8> {
    udp(hosts, SOURCE_PORT, port, &[0; 16])
}

fn in_vxlan(packet: &[u8]) -> Vec<u8> {
    let inner = ethernet(ether_type::IPV4, packet);
    let tunnel = vxlan(vxlan_flag::IDENTIFIER, &inner);
    over_ipv4(
        protocol::UDP,
        &udp(&Hosts::V4, SOURCE_PORT, port::VXLAN, &tunnel),
    )
}

#[cfg(test)]
mod tests {
    use portclass::registry::Registry;
    use portclass_common::{
        label::Class,
        packet::{Linear, Link, Start, parse},
        port::PortKey,
    };

    use super::{all, hot_of};

    #[test]
    fn every_frame_is_what_its_name_says() {
        let (registry, _) =
            Registry::load(&portclass::registry::Sources::plain(None)).expect("a registry");
        for frame in all() {
            let source = Linear::new(&frame.bytes);
            let parsed = parse(source, Start::of(Link::Ethernet), frame.decapsulate);
            let outcome = parsed.outcome();
            assert_eq!(outcome.is_ok(), frame.has_port, "{}", frame.name);
            let Ok(flow) = outcome else { continue };
            let key = PortKey::new(flow.destination, flow.transport);
            let found = registry.entries().find(|entry| entry.key == key);
            let is_labelled = found.is_some_and(|entry| entry.class == Class::Labelled);
            let is_to_be = !["unassigned port", "dynamic port"].contains(&frame.name);
            assert_eq!(is_labelled, is_to_be, "{}", frame.name);
        }
    }

    #[test]
    fn a_frame_is_as_long_as_it_is_asked_for() {
        for length in [60, 64, 1_500, 9_000] {
            assert_eq!(hot_of(length).len(), length);
        }
    }
}
