//! What is sent, and what each of it must be labelled.
//!
//! The names are written down here from the registry, so that they do not come from the code that is being shown.

use testbed::{
    frame::{arp_request, ether_type, ethernet, tagged},
    ip::{Hosts, Ipv4, ipv4, ipv6, protocol},
    segment::{dccp, echo_request, sctp, tcp, udp, udp_lite},
    witness::Kind,
};

use super::report::Row;

/// Something to send.
pub struct Sending {
    /// What the witness counts it under.
    pub kind: Kind,
    /// The row of the report that it belongs to.
    pub row: Row,
    /// How it is sent.
    pub how: How,
}

/// How something is sent.
pub enum How {
    /// Connections of the system's own TCP.
    Tcp(Hosts, u16),
    /// Datagrams of the system's own UDP.
    Udp(Hosts, u16),
    /// A frame of our own making, several times.
    Frame(Vec<u8>),
}

/// Services that are reached over IPv4 through sockets: on TCP, on UDP.
const SOCKETS_V4: [&[(u16, &str)]; 2] = [
    &[
        (22, "ssh"),
        (80, "http"),
        (113, "auth"),
        (443, "https"),
        (465, "submissions"),
        (2_049, "nfs"),
        (4_740, "ipfixs"),
        (4_742, "sicct"),
        (4_749, "profilemac"),
        (4_786, "smart-install"),
        (4_840, "opcua-tcp"),
        (4_843, "opcua-tls"),
        (4_846, "contamac-icm"),
        (4_848, "appserv-http"),
    ],
    &[
        (53, "domain"),
        (123, "ntp"),
        (512, "biff"),
        (4_742, "sicct-sdp"),
        (4_754, "gre-in-udp"),
        (4_789, "vxlan"),
        (4_790, "vxlan-gpe"),
        (4_791, "roce"),
        (4_840, "opcua-udp"),
    ],
];
/// The same over IPv6.
const SOCKETS_V6: [&[(u16, &str)]; 2] = [
    &[
        (443, "https"),
        (5_432, "postgresql"),
        (4_850, "sun-as-nodeagt"),
    ],
    &[(53, "domain"), (4_803, "notateit-disc"), (4_827, "htcp")],
];
const SCTP: [(u16, &str); 4] = [
    (443, "https"),
    (3_868, "diameter"),
    (4_740, "ipfixs"),
    (38_412, "ng-control"),
];
const DCCP: [(u16, &str); 3] = [
    (5_004, "avt-profile-1"),
    (4_556, "dtn-bundle"),
    (6_514, "syslog-tls"),
];

const SOURCE: u16 = 40_000;
const PAYLOAD: &[u8] = b"a frame of the demo's own making";

/// Everything that the demo sends.
pub fn plan() -> Vec<Sending> {
    let mut plan = sockets();
    plan.extend(frames());
    plan.extend(tagged_frames());
    plan.extend(unlabelled());
    plan
}

fn sockets() -> Vec<Sending> {
    let mut plan = Vec::new();
    for (hosts, [tcp, udp]) in [(Hosts::V4, SOCKETS_V4), (Hosts::V6, SOCKETS_V6)] {
        plan.extend(tcp.iter().map(|&(port, name)| {
            sending(
                port_of(protocol::TCP, port),
                Row::service(name, "tcp"),
                How::Tcp(hosts, port),
            )
        }));
        plan.extend(udp.iter().map(|&(port, name)| {
            sending(
                port_of(protocol::UDP, port),
                Row::service(name, "udp"),
                How::Udp(hosts, port),
            )
        }));
    }
    plan
}

/// Transports that this kernel need not speak.
fn frames() -> Vec<Sending> {
    let mut plan = Vec::new();
    for (port, name) in SCTP {
        let frame = v4(protocol::SCTP, &sctp(SOURCE, port, PAYLOAD));
        plan.push(framed(
            port_of(protocol::SCTP, port),
            Row::service(name, "sctp"),
            frame,
        ));
    }
    for (port, name) in DCCP {
        let frame = v6(protocol::DCCP, &dccp(&Hosts::V6, SOURCE, port, PAYLOAD));
        plan.push(framed(
            port_of(protocol::DCCP, port),
            Row::service(name, "dccp"),
            frame,
        ));
    }
    let lite = v4(
        protocol::UDP_LITE,
        &udp_lite(&Hosts::V4, SOURCE, 5_004, PAYLOAD),
    );
    plan.push(framed(
        port_of(protocol::UDP_LITE, 5_004),
        Row::service("avt-profile-1", "udp"),
        lite,
    ));
    plan
}

fn tagged_frames() -> Vec<Sending> {
    let syslog = ipv4(protocol::UDP, &udp(&Hosts::V4, SOURCE, 514, PAYLOAD));
    let web = ipv6(protocol::TCP, &tcp(&Hosts::V6, SOURCE, 8_080, PAYLOAD));
    let in_vlan = tagged(&[ether_type::VLAN], ether_type::IPV4, &syslog);
    let in_two = tagged(
        &[ether_type::SERVICE_VLAN, ether_type::VLAN],
        ether_type::IPV6,
        &web,
    );
    vec![
        framed(
            port_of(protocol::UDP, 514),
            Row::service("syslog", "udp"),
            in_vlan,
        ),
        framed(
            port_of(protocol::TCP, 8_080),
            Row::service("http-alt", "tcp"),
            in_two,
        ),
    ]
}

fn unlabelled() -> Vec<Sending> {
    let later_fragment = Ipv4 {
        fragment_offset: 185,
        ..Ipv4::default()
    };
    let to_tcp = |port| v4(protocol::TCP, &tcp(&Hosts::V4, SOURCE, port, PAYLOAD));
    let to_udp = |port| v4(protocol::UDP, &udp(&Hosts::V4, SOURCE, port, PAYLOAD));
    vec![
        framed(
            port_of(protocol::UDP, 60_000),
            Row::unlabelled("dynamic", "udp"),
            to_udp(60_000),
        ),
        framed(
            port_of(protocol::TCP, 4_748),
            Row::unlabelled("unassigned", "tcp"),
            to_tcp(4_748),
        ),
        framed(
            port_of(protocol::UDP, 4_748),
            Row::unlabelled("unassigned", "udp"),
            to_udp(4_748),
        ),
        framed(
            port_of(protocol::UDP, 4_788),
            Row::unlabelled("reserved", "udp"),
            to_udp(4_788),
        ),
        framed(
            Kind::Fragment(protocol::UDP),
            Row::unlabelled("fragment", "udp"),
            ethernet(
                ether_type::IPV4,
                &later_fragment.packet(protocol::UDP, PAYLOAD),
            ),
        ),
        framed(
            Kind::Protocol(protocol::ICMP),
            Row::unlabelled("protocol", "icmp"),
            v4(protocol::ICMP, &echo_request(&Hosts::V4, PAYLOAD)),
        ),
        framed(
            Kind::Protocol(protocol::ICMPV6),
            Row::unlabelled("protocol", "ipv6-icmp"),
            v6(protocol::ICMPV6, &echo_request(&Hosts::V6, PAYLOAD)),
        ),
        framed(
            Kind::EtherType(ether_type::ARP),
            Row::unlabelled("non-ip", "arp"),
            arp_request(),
        ),
    ]
}

const fn port_of(protocol: u8, port: u16) -> Kind {
    Kind::Port { protocol, port }
}

fn v4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    ethernet(ether_type::IPV4, &ipv4(protocol, payload))
}

fn v6(protocol: u8, payload: &[u8]) -> Vec<u8> {
    ethernet(ether_type::IPV6, &ipv6(protocol, payload))
}

fn framed(kind: Kind, row: Row, frame: Vec<u8>) -> Sending {
    sending(kind, row, How::Frame(frame))
}

const fn sending(kind: Kind, row: Row, how: How) -> Sending {
    Sending { kind, row, how }
}
