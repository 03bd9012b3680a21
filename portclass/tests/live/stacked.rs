//! Interfaces that lie upon others: VLANs and bonds.

use std::net::UdpSocket;

use serde_json::Value;
use testbed::{kernel::has_kind_or_skips, privilege::is_root_or_skips};

use super::{
    count::{Rows, plan, rows, send_plan, totals},
    process::{Hosts, Run, wait_until},
};

fn start(hosts: &Hosts, arguments: &str) -> Run {
    Run::start(&hosts.server, &format!("--format json {arguments}"))
}

/// The kernel's own VLANs put the tag in where the driver does not; either way it is the payload that has the label.
#[test]
fn what_a_vlan_carries_has_its_label_on_the_vlan_and_on_what_it_lies_upon() {
    const TEST: &str = "what_a_vlan_carries_has_its_label_on_the_vlan_and_on_what_it_lies_upon";
    const DATAGRAMS: u64 = 30;
    const BYTES: u64 = 14 + 20 + 8 + 100;
    if !is_root_or_skips(TEST) || !has_kind_or_skips("vlan id 7", TEST).expect("a namespace") {
        return;
    }
    for (interface, mode) in [
        (Hosts::SERVER, "native"),
        (Hosts::SERVER, "generic"),
        ("tagged", "generic"),
    ] {
        let hosts = Hosts::new();
        let veth = hosts.veth();
        for (end, last) in [(&veth.client, 1), (&veth.server, 2)] {
            end.up().expect("up");
            for command in [
                format!("link add link {} name tagged type vlan id 7", end.name),
                "link set dev tagged arp off addrgenmode none up".to_owned(),
                format!("address add 10.7.0.{last}/24 dev tagged"),
            ] {
                end.netns.ip(&command).expect("a VLAN");
            }
        }
        let address = hosts
            .server
            .ip("-oneline link show dev tagged")
            .expect("shown");
        let mac = address
            .split("link/ether ")
            .nth(1)
            .and_then(|rest| rest.split(' ').next());
        let neighbour = format!(
            "neighbour add 10.7.0.2 lladdr {} dev tagged nud permanent",
            mac.expect("an address")
        );
        hosts.client.ip(&neighbour).expect("a neighbour");
        let run = start(&hosts, &format!("-i {interface} --mode {mode}"));
        let server = hosts
            .server
            .enter(|| UdpSocket::bind("10.7.0.2:53"))
            .expect("bound");
        let client = hosts
            .client
            .enter(|| UdpSocket::bind("10.7.0.1:0"))
            .expect("bound");
        for _ in 0..DATAGRAMS {
            client.send_to(&[0; 100], "10.7.0.2:53").expect("sent");
            server.recv(&mut [0; 200]).expect("received");
        }
        let report = run.interrupt();
        let counted = rows(&report);
        let row = counted.get(&("domain".to_owned(), "udp".to_owned()));
        let (packets, bytes) = *row.unwrap_or_else(|| panic!("{interface}: {report}"));
        assert_eq!(packets, DATAGRAMS, "{interface}");
        let tags = if interface == "tagged" {
            0
        } else {
            4 * DATAGRAMS
        };
        assert!(
            [BYTES * DATAGRAMS, BYTES * DATAGRAMS + tags].contains(&bytes),
            "{interface}, {mode}: {bytes}"
        );
    }
}

#[test]
fn what_arrives_at_a_bond_is_counted_once() {
    const TEST: &str = "what_arrives_at_a_bond_is_counted_once";
    if !is_root_or_skips(TEST) || !has_kind_or_skips("bond", TEST).expect("a namespace") {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    let server = &hosts.server;
    for command in [
        "link add name bond0 type bond mode active-backup",
        "link set dev server0 down",
        "link set dev server0 master bond0",
        "link set dev bond0 arp off addrgenmode none up",
        "link set dev server0 up",
    ] {
        server.ip(command).expect("a bond");
    }
    veth.client.up().expect("up");
    wait_until("the bond has a carrier", || {
        server
            .ip("link show dev bond0")
            .is_ok_and(|shown| shown.contains("LOWER_UP"))
    });
    let run = start(&hosts, "-i bond0");
    let (sent, total) = send_plan(&veth, 1);
    wait_until("every frame received", || {
        veth.server.received().expect("counters") >= plan().len() as u64
    });
    let report = run.interrupt();
    let interface = &report["interfaces"][0];
    assert_eq!(interface["name"], "bond0");
    assert_ne!(interface["mode"], Value::Null);
    // Generic XDP on a bond sees frames as the kernel has taken them in: on 5.10 with the outermost tag beside the frame.
    let packets = |rows: &Rows| rows.values().map(|row| row.0).sum::<u64>();
    assert_eq!(packets(&rows(&report)), total.0, "{report}");
    assert_eq!(totals(&report).0, total.0);
    let has_tags = totals(&report) == total;
    assert!(has_tags || totals(&report).1 < total.1, "{report}");
    if has_tags {
        assert_eq!(rows(&report), sent, "{report}");
    }
}
