//! Several interfaces at once, together and each by itself.

use std::collections::BTreeMap;

use serde_json::Value;
use testbed::{netns::Netns, packet_socket::PacketSocket, privilege::is_root_or_skips, veth::Veth};

use super::{
    count::{plan, totals},
    process::{Run, portclass, wait_until},
};

/// Packets by interface, summed over all rows.
fn by_interface(report: &Value) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for rows in ["services", "unlabelled"] {
        for row in report[rows].as_array().expect("rows") {
            let name = row["interface"].as_str().unwrap_or_default().to_owned();
            *sums.entry(name).or_default() += row["packets"].as_u64().expect("a number");
        }
    }
    sums
}

#[test]
fn interfaces_are_counted_together_or_each_by_itself() {
    if !is_root_or_skips("interfaces_are_counted_together_or_each_by_itself") {
        return;
    }
    let (client, server) = (
        Netns::new().expect("a namespace"),
        Netns::new().expect("a namespace"),
    );
    let pairs = [("c0", "in0"), ("c1", "in1"), ("c2", "other")];
    let veths =
        pairs.map(|(from, to)| Veth::new((&client, from), (&server, to)).expect("a veth pair"));
    for veth in &veths {
        veth.server.up().expect("up");
        veth.client.up().expect("up");
    }
    for (arguments, expected) in [
        ("", [("", 6)].as_slice()),
        (" --per-interface", &[("in0", 1), ("in1", 2), ("other", 3)]),
        (
            " --per-interface --direction both",
            &[("in0", 1), ("in1", 2), ("other", 3)],
        ),
    ] {
        let mut command = portclass("run --format json --iface in* --iface other --iface in0");
        command.args(arguments.split_ascii_whitespace());
        let before = veths
            .each_ref()
            .map(|veth| veth.server.received().expect("counters"));
        let run = Run::start_command(&server, &mut command, 3);
        for (veth, count) in veths.iter().zip(1..) {
            let socket = PacketSocket::open(&veth.client).expect("a packet socket");
            for _ in 0..count {
                socket.send(&plan()[0].1).expect("sent");
            }
        }
        for (veth, (before, count)) in veths.iter().zip(before.into_iter().zip(1..)) {
            wait_until("every frame", || {
                veth.server.received().expect("counters") >= before + count
            });
        }
        let report = run.interrupt();
        assert_eq!(report["interfaces"].as_array().map(Vec::len), Some(3));
        let expected: BTreeMap<_, _> = expected
            .iter()
            .map(|&(name, count)| (name.to_owned(), count))
            .collect();
        let ingress = |report: &Value| {
            let mut ingress = report.clone();
            for rows in ["services", "unlabelled"] {
                let rows = ingress[rows].as_array_mut().expect("rows");
                rows.retain(|row| row["direction"] == "ingress");
            }
            by_interface(&ingress)
        };
        assert_eq!(ingress(&report), expected, "{arguments}");
        assert_eq!(
            by_interface(&report).values().sum::<u64>(),
            totals(&report).0
        );
    }
}

#[test]
fn an_interface_that_lies_upon_another_is_warned_about() {
    if !is_root_or_skips("an_interface_that_lies_upon_another_is_warned_about") {
        return;
    }
    let (client, server) = (
        Netns::new().expect("a namespace"),
        Netns::new().expect("a namespace"),
    );
    let _veth = Veth::new((&client, "c0"), (&server, "in0")).expect("a veth pair");
    if server.ip("link add br0 type bridge").is_err() {
        eprintln!(
            "SKIPPED an_interface_that_lies_upon_another_is_warned_about: this kernel has no bridge"
        );
        return;
    }
    server.ip("link set dev in0 master br0").expect("a port");
    let mut command = portclass("run --format json --mode generic --iface in0 --iface br0");
    let run = Run::start_command(&server, &mut command, 2);
    assert!(run.said.contains("br0 lies upon in0"), "{}", run.said);
    run.interrupt();
}
