//! Frames in tunnels.

use testbed::{
    frame::{arp_request, ether_type, ethernet, llc, tagged},
    ip::{Hosts, ipv4, ipv6, protocol},
    segment::echo_request,
    tunnel::{Geneve, Gre, geneve, gpe_protocol, gre, port, vxlan, vxlan_flag, vxlan_gpe},
};

use super::All;

pub(super) fn add(all: &mut All) {
    single(all);
    nested(all);
}

fn single(all: &mut All) {
    use ether_type::{ETHERNET_BRIDGING, IPV4, IPV6};
    let packet = all.v4();
    all.add_v4("IPv4 in IPv4", &ipv4(protocol::IPV4, &packet));
    let packet = all.v6();
    all.add_v4("IPv6 in IPv4", &ipv4(protocol::IPV6, &packet));
    let packet = all.v4();
    all.add_v6("IPv4 in IPv6", &ipv6(protocol::IPV4, &packet));
    let packet = all.v6();
    all.add_v6("IPv6 in IPv6", &ipv6(protocol::IPV6, &packet));

    let packet = gre(IPV4, &all.v4());
    all.add_v4("IPv4 in GRE", &ipv4(protocol::GRE, &packet));
    let packet = gre(IPV6, &all.v6());
    all.add_v6("IPv6 in GRE", &ipv6(protocol::GRE, &packet));
    let packet = gre(ETHERNET_BRIDGING, &all.frame());
    all.add_v4("Ethernet in GRE", &ipv4(protocol::GRE, &packet));
    let fields = Gre {
        has_checksum: true,
        key: Some(7),
        sequence: Some(1),
        bits: 0,
    };
    let packet = fields.packet(IPV4, &all.v4());
    all.add_v4("GRE with all fields", &ipv4(protocol::GRE, &packet));
    let packet = gre(ether_type::MPLS, &[0; 24]);
    all.add_v4("MPLS in GRE", &ipv4(protocol::GRE, &packet));
    let packet = gre(IPV4, &all.v4());
    let packet = all.to(port::GRE_IN_UDP, &packet);
    all.add_v4("GRE in UDP", &packet);

    for (what, inner) in [
        ("IPv4", all.frame()),
        ("IPv6", ethernet(IPV6, &all.v6())),
        ("a VLAN", tagged(&[ether_type::VLAN], IPV4, &all.v4())),
        ("ARP", arp_request()),
        ("LLC", llc(&[0; 35])),
        (
            "ICMP",
            ethernet(IPV4, &ipv4(protocol::ICMP, &echo_request(&Hosts::V4, b""))),
        ),
    ] {
        let packet = all.to(port::VXLAN, &vxlan(vxlan_flag::IDENTIFIER, &inner));
        all.add_v4(format!("{what} in VXLAN"), &packet);
        let packet = all.to(port::GENEVE, &geneve(ETHERNET_BRIDGING, &inner));
        all.add_v4(format!("{what} in Geneve"), &packet);
    }
    let options = Geneve {
        option_words: 5,
        ..Geneve::default()
    };
    let inner = all.frame();
    let packet = all.to(port::GENEVE, &options.packet(ETHERNET_BRIDGING, &inner));
    all.add_v4("Geneve with options", &packet);
    let inner = all.v4();
    let packet = all.to(port::GENEVE, &geneve(IPV4, &inner));
    all.add_v4("a packet in Geneve", &packet);
    let flags = vxlan_flag::IDENTIFIER | vxlan_flag::NEXT_PROTOCOL;
    for (what, next, inner) in [
        ("IPv4", gpe_protocol::IPV4, all.v4()),
        ("IPv6", gpe_protocol::IPV6, all.v6()),
        ("Ethernet", gpe_protocol::ETHERNET, all.frame()),
    ] {
        let packet = all.to(port::VXLAN_GPE, &vxlan_gpe(flags, next, &inner));
        all.add_v4(format!("{what} in VXLAN-GPE"), &packet);
    }
}

fn nested(all: &mut All) {
    let inner = gre(ether_type::IPV4, &all.v4());
    let inner = ethernet(ether_type::IPV4, &ipv4(protocol::GRE, &inner));
    let packet = all.to(port::VXLAN, &vxlan(vxlan_flag::IDENTIFIER, &inner));
    all.add_v4("GRE in VXLAN", &packet);
    let inner = all.frame();
    let packet = all.to(port::VXLAN, &vxlan(vxlan_flag::IDENTIFIER, &inner));
    all.add_v4("VXLAN in IP", &ipv4(protocol::IPV4, &packet));
    let inner = all.frame();
    let inner = all.to(port::VXLAN, &vxlan(vxlan_flag::IDENTIFIER, &inner));
    let packet = ipv6(protocol::IPV4, &inner);
    all.add_v4(
        "three tunnels, the last in UDP",
        &ipv4(protocol::IPV6, &packet),
    );
    let packet = ipv4(protocol::IPV4, &ipv4(protocol::IPV4, &all.v4()));
    all.add_v4("three tunnels in IP", &ipv4(protocol::IPV4, &packet));
}
