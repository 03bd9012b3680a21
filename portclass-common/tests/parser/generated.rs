//! Packets that etherparse builds, and what etherparse reads in them.

use etherparse::{
    IpAuthHeader, IpHeaders, IpNumber, Ipv4Extensions, Ipv4Header, Ipv6Extensions,
    Ipv6FragmentHeader, Ipv6Header, Ipv6RawExtHeader, Ipv6RoutingExtensions, PacketBuilder, VlanId,
};
use portclass_common::{
    packet::{Flow, Link, Start, Tunnel},
    transport::Transport,
};
use proptest::{
    arbitrary::any, collection::vec, option, prelude::ProptestConfig, prop_assert_eq, prop_oneof,
    proptest, sample::select, strategy::Strategy,
};
use testbed::{
    frame::ether_type,
    ip::{Hosts, protocol},
    random::Frames,
    segment::{dccp, sctp, tcp, udp, udp_lite},
    tunnel::{Geneve, Gre, gpe_protocol, port, vxlan, vxlan_flag, vxlan_gpe},
};

use crate::{found, parsed, witness};

const ETHERNET: Start = Start::of(Link::Ethernet);
const IP: Start = Start::of(Link::Ip);

const TRANSPORTS: [u8; 5] = [
    protocol::TCP,
    protocol::UDP,
    protocol::DCCP,
    protocol::SCTP,
    protocol::UDP_LITE,
];

/// A segment of a transport, and the flow that it belongs to.
fn segments() -> impl Strategy<Value = (Vec<u8>, Flow)> {
    const TUNNELS: [u16; 4] = [port::GRE_IN_UDP, port::VXLAN, port::VXLAN_GPE, port::GENEVE];
    let no_tunnel = any::<u16>().prop_filter("a tunnel's", |port| !TUNNELS.contains(port));
    let parts = (
        select(&TRANSPORTS[..]),
        any::<u16>(),
        no_tunnel,
        vec(any::<u8>(), 0..64),
    );
    parts.prop_map(|(protocol, source, destination, payload)| {
        let hosts = &Hosts::V4;
        let segment = match protocol {
            protocol::TCP => tcp(hosts, source, destination, &payload),
            protocol::UDP => udp(hosts, source, destination, &payload),
            protocol::DCCP => dccp(hosts, source, destination, &payload),
            protocol::SCTP => sctp(source, destination, &payload),
            _ => udp_lite(hosts, source, destination, &payload),
        };
        let transport = Transport::of_protocol(protocol).expect("a protocol with ports");
        let flow = Flow {
            protocol,
            transport,
            source,
            destination,
        };
        (segment, flow)
    })
}

fn authentication() -> impl Strategy<Value = Option<IpAuthHeader>> {
    option::of(0..8usize).prop_map(|words| {
        words.map(|words| {
            let check = [0xa5; 32];
            IpAuthHeader::new(IpNumber(0), 1, 1, &check[..words * 4]).expect("whole words")
        })
    })
}

fn options() -> impl Strategy<Value = Option<Ipv6RawExtHeader>> {
    option::of(0..4usize).prop_map(|units| {
        units.map(|units| {
            Ipv6RawExtHeader::new_raw(IpNumber(0), &[0; 30][..units * 8 + 6]).expect("whole units")
        })
    })
}

/// IPv4 with options, as a first fragment, and with an Authentication Header.
fn ipv4_headers() -> impl Strategy<Value = IpHeaders> {
    let parts = (
        any::<([u8; 4], [u8; 4])>(),
        0..=10usize,
        any::<bool>(),
        authentication(),
    );
    parts.prop_map(|((source, destination), words, more_fragments, auth)| {
        let header = Ipv4Header {
            source,
            destination,
            more_fragments,
            options: [1; 40][..words * 4].try_into().expect("whole words"),
            ..Ipv4Header::default()
        };
        IpHeaders::Ipv4(header, Ipv4Extensions { auth })
    })
}

/// IPv6 with the extension headers that etherparse knows, in the order of RFC 8200.
fn ipv6_headers() -> impl Strategy<Value = IpHeaders> {
    let parts = (
        any::<([u8; 16], [u8; 16])>(),
        options(),
        options(),
        option::of((options(), options())),
        option::of(any::<bool>()),
        authentication(),
    );
    parts.prop_map(
        |((source, destination), hop_by_hop, destination_options, routing, more, auth)| {
            let header = Ipv6Header {
                source,
                destination,
                ..Ipv6Header::default()
            };
            let routing = routing.and_then(|(routing, final_destination_options)| {
                routing.map(|routing| Ipv6RoutingExtensions {
                    routing,
                    final_destination_options,
                })
            });
            let fragment =
                more.map(|more| Ipv6FragmentHeader::new(IpNumber(0), Default::default(), more, 7));
            let extensions = Ipv6Extensions {
                hop_by_hop_options: hop_by_hop,
                destination_options,
                routing,
                fragment,
                auth,
            };
            IpHeaders::Ipv6(header, extensions)
        },
    )
}

fn headers() -> impl Strategy<Value = IpHeaders> {
    prop_oneof![ipv4_headers(), ipv6_headers()]
}

fn vlans() -> impl Strategy<Value = Vec<VlanId>> {
    let vlan = (0..4_096u16).prop_map(|number| number.try_into().expect("a VLAN number"));
    vec(vlan, 0..=2)
}

fn ip_packet(headers: &IpHeaders, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = Vec::new();
    PacketBuilder::ip(headers.clone())
        .write(&mut packet, IpNumber(protocol), payload)
        .expect("a packet");
    packet
}

fn frame(vlans: &[VlanId], headers: &IpHeaders, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let link = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
    let headers = headers.clone();
    let network = match *vlans {
        [] => link.ip(headers),
        [vlan] => link.single_vlan(vlan).ip(headers),
        [outer, inner, ..] => link.double_vlan(outer, inner).ip(headers),
    };
    let mut frame = Vec::new();
    network
        .write(&mut frame, IpNumber(protocol), payload)
        .expect("a frame");
    frame
}

const fn ether_type_of(headers: &IpHeaders) -> u16 {
    match headers {
        IpHeaders::Ipv4(..) => ether_type::IPV4,
        IpHeaders::Ipv6(..) => ether_type::IPV6,
    }
}

/// The outer packet's protocol and payload, and whether an Ethernet frame is in the tunnel.
struct Carried {
    protocol: u8,
    payload: Vec<u8>,
    inner: Vec<u8>,
    is_frame: bool,
}

fn carried(
    tunnel: Tunnel,
    in_ethernet: bool,
    fields: u8,
    vlans: &[VlanId],
    headers: &IpHeaders,
    (protocol, segment): (u8, &[u8]),
) -> Carried {
    let is_frame = match tunnel {
        Tunnel::IpIp | Tunnel::SixInFour => false,
        Tunnel::Vxlan => true,
        _ => in_ethernet,
    };
    let inner = if is_frame {
        frame(vlans, headers, protocol, segment)
    } else {
        ip_packet(headers, protocol, segment)
    };
    let inner_type = if is_frame {
        ether_type::ETHERNET_BRIDGING
    } else {
        ether_type_of(headers)
    };
    let gre = Gre {
        has_checksum: fields & 1 != 0,
        key: (fields & 2 != 0).then_some(7),
        sequence: (fields & 4 != 0).then_some(8),
        bits: 0,
    };
    let over_udp = |port, payload: &[u8]| {
        let datagram = udp(&Hosts::V4, 40_000, port, payload);
        (protocol::UDP, datagram)
    };
    let (protocol, payload) = match tunnel {
        Tunnel::IpIp => (protocol::IPV4, inner.clone()),
        Tunnel::SixInFour => (protocol::IPV6, inner.clone()),
        Tunnel::Gre => (protocol::GRE, gre.packet(inner_type, &inner)),
        Tunnel::GreInUdp => over_udp(port::GRE_IN_UDP, &gre.packet(inner_type, &inner)),
        Tunnel::Vxlan => over_udp(port::VXLAN, &vxlan(vxlan_flag::IDENTIFIER, &inner)),
        Tunnel::VxlanGpe => {
            let next = match inner_type {
                ether_type::IPV4 => gpe_protocol::IPV4,
                ether_type::IPV6 => gpe_protocol::IPV6,
                _ => gpe_protocol::ETHERNET,
            };
            let flags = vxlan_flag::IDENTIFIER | vxlan_flag::NEXT_PROTOCOL;
            over_udp(port::VXLAN_GPE, &vxlan_gpe(flags, next, &inner))
        }
        Tunnel::Geneve => {
            let header = Geneve {
                option_words: fields % 64,
                ..Geneve::default()
            };
            over_udp(port::GENEVE, &header.packet(inner_type, &inner))
        }
    };
    Carried {
        protocol,
        payload,
        inner,
        is_frame,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn generated_packets_have_the_ports_that_etherparse_sees(
        vlans in vlans(),
        headers in headers(),
        (segment, flow) in segments(),
    ) {
        let packet = ip_packet(&headers, flow.protocol, &segment);
        prop_assert_eq!(parsed(&packet, IP, true).outcome(), Ok(flow));
        prop_assert_eq!(witness::ip(&packet), Some(flow));
        let frame = frame(&vlans, &headers, flow.protocol, &segment);
        prop_assert_eq!(parsed(&frame, ETHERNET, true).outcome(), Ok(flow));
        prop_assert_eq!(witness::ethernet(&frame), Some(flow));
    }

    #[test]
    fn generated_packets_in_tunnels_have_the_ports_that_etherparse_sees(
        tunnel in select(&Tunnel::ALL[..]),
        in_ethernet in any::<bool>(),
        fields in any::<u8>(),
        outer_vlans in vlans(),
        vlans in vlans(),
        outer in headers(),
        (v4, v6) in (ipv4_headers(), ipv6_headers()),
        is_v6 in any::<bool>(),
        (segment, flow) in segments(),
    ) {
        let inner_headers = match tunnel {
            Tunnel::IpIp => v4,
            Tunnel::SixInFour => v6,
            _ if is_v6 => v6,
            _ => v4,
        };
        let segment = (flow.protocol, segment.as_slice());
        let carried = carried(tunnel, in_ethernet, fields, &vlans, &inner_headers, segment);
        let frame = frame(&outer_vlans, &outer, carried.protocol, &carried.payload);
        let inside = parsed(&frame, ETHERNET, true);
        prop_assert_eq!(inside.outcome(), Ok(flow));
        prop_assert_eq!(found(&inside), [tunnel]);
        let (_, inner) = frame.split_at(frame.len() - carried.inner.len());
        let witnessed = if carried.is_frame {
            witness::ethernet(inner)
        } else {
            witness::ip(inner)
        };
        prop_assert_eq!(witnessed, Some(flow));
        let outside = parsed(&frame, ETHERNET, false);
        prop_assert_eq!(outside.outcome().ok(), witness::ethernet(&frame));
    }
}

#[test]
fn a_flow_that_etherparse_sees_in_a_changed_frame_is_the_parsers() {
    let mut compared = 0;
    let untouched = |(_, start): &(Vec<u8>, Start)| start.tags_taken == 0;
    for (frame, start) in Frames::new(7).take(100_000).filter(untouched) {
        let witnessed = match start.link {
            Link::Ethernet => witness::ethernet(&frame),
            Link::Ip => witness::ip(&frame),
        };
        let outcome = parsed(&frame, start, false).outcome();
        if let (Some(witnessed), Ok(flow)) = (witnessed, outcome) {
            assert_eq!(flow, witnessed, "{frame:02x?}");
            compared += 1;
        }
    }
    assert!(compared > 10_000, "only {compared}");
}
