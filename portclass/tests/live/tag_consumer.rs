//! `examples/tag_consumer.bpf.c` behind a program that puts tags in front of frames.

use std::{collections::BTreeMap, path::Path, process::Command};

use portclass_common::{
    label::Class,
    tag::{TAG_VERSION, Tag},
};
use serde_json::Value;
use tempfile::TempDir;
use testbed::{
    c, frame::ethernet, netns::Netns, packet_socket::PacketSocket, privilege::is_root_or_skips,
    tool::is_there_or_skips,
};

use super::{
    nft::{chain_of, nft, portclass_nft, rules_with_packets},
    process::{Hosts, wait_until},
};

/// tc and ip mount a BPF file system where none is when they load an object; here they do it for themselves alone.
const APART: &str = "unshare --mount";

/// What the sample counts frames without a tag under.
pub const UNTAGGED: u64 = Class::ALL.len() as u64;

/// A frame that `tests/c/tag_writer.bpf.c` puts this metadata in front of.
fn frame(metadata: &[u8]) -> Vec<u8> {
    const LOCAL_EXPERIMENTAL: u16 = 0x88b5;
    let mut payload = vec![metadata.len() as u8];
    payload.extend(metadata);
    payload.resize(46, 0);
    ethernet(LOCAL_EXPERIMENTAL, &payload)
}

fn tag(version: u8, class: u8, protocol: u8, port: u16) -> [u8; size_of::<Tag>()] {
    let [first, second] = port.to_ne_bytes();
    [version, class, protocol, 0, first, second, 0, 0]
}

fn run(netns: &Netns, command: &str) -> String {
    let mut words = command.split_ascii_whitespace();
    let mut process = Command::new(words.next().expect("a program"));
    let output = netns.output(process.args(words)).expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}: {said}");
    String::from_utf8(output.stdout).expect("text")
}

fn json(netns: &Netns, command: &str) -> Value {
    serde_json::from_str(&run(netns, command)).expect("JSON")
}

/// Attaches the sample to the server's interface and gives the id of its map.
pub fn attach_sample(netns: &Netns, object: &str) -> u64 {
    let name = Hosts::SERVER;
    run(netns, &format!("tc qdisc add dev {name} clsact"));
    add_sample(netns, &format!("{name} ingress"), "", object)
}

/// Adds the sample to a side of an interface that has the qdisc, and gives the id of its map.
pub fn add_sample(netns: &Netns, side: &str, order: &str, object: &str) -> u64 {
    let kind = format!("bpf direct-action obj {object} sec tc");
    run(
        netns,
        &format!("{APART} tc filter add dev {side} {order} {kind}"),
    );
    map_of_sample(netns, side)
}

/// The sample's map.
fn map_of_sample(netns: &Netns, side: &str) -> u64 {
    let filters = json(netns, &format!("tc -json filter show dev {side}"));
    let filters = filters.as_array().expect("an array").iter();
    let mut programs = filters.filter_map(|filter| filter["options"]["prog"]["id"].as_u64());
    let program = programs.next_back().expect("the sample is attached");
    let shown = json(netns, &format!("bpftool --json prog show id {program}"));
    assert_eq!(shown["name"], "tag_consumer");
    shown["map_ids"][0].as_u64().expect("its map")
}

/// Packets by class, as the sample has counted them.
pub fn counted(netns: &Netns, map: u64) -> BTreeMap<u64, u64> {
    let dumped = json(netns, &format!("bpftool --json map dump id {map}"));
    let elements = dumped.as_array().expect("an array").iter();
    let number = |element: &Value, what: &str| element["formatted"][what].as_u64().expect("u64");
    elements
        .map(|element| (number(element, "key"), number(element, "value")))
        .filter(|&(_, packets)| packets > 0)
        .collect()
}

#[test]
fn the_sample_counts_classes_and_makes_marks_that_nftables_knows_by_name() {
    let test = "the_sample_counts_classes_and_makes_marks_that_nftables_knows_by_name";
    if !is_root_or_skips(test)
        || !c::has_compiler_or_skips(test)
        || !is_there_or_skips("nft", "nftables", test)
    {
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = TempDir::new().expect("a temporary folder");
    let compiled = |source: &str, name: &str| {
        let object = folder.path().join(name);
        let include = root.join("../include");
        c::compile_bpf(&root.join(source), &include, &object).expect("it compiles");
        object.display().to_string()
    };
    let consumer = compiled("../examples/tag_consumer.bpf.c", "tag_consumer.bpf.o");
    let writer = compiled("tests/c/tag_writer.bpf.c", "tag_writer.bpf.o");

    let hosts = Hosts::new();
    let veth = hosts.veth();
    let (netns, name) = (&hosts.server, Hosts::SERVER);
    let map = attach_sample(netns, &consumer);
    run(
        netns,
        &format!("{APART} ip link set dev {name} xdpgeneric obj {writer} sec xdp"),
    );
    let sets = portclass_nft(&["--set=netdev portclass", "https", "domain", "http"]);
    let hook = format!("type filter hook ingress device \"{name}\" priority 0");
    let rules = "
        meta mark and 0x0007ffff @svc_https counter
        meta mark and 0x0007ffff @svc_domain counter
        meta mark and 0x0007ffff @svc_http counter
        meta mark 0 counter";
    let rules = chain_of("netdev portclass", &hook, rules);
    nft(netns, &[], &format!("{sets}{rules}"));
    veth.client.up().expect("it comes up");
    veth.server.up().expect("it comes up");

    let labelled = |protocol, port| tag(TAG_VERSION, Class::Labelled as u8, protocol, port);
    let others_first = [&[0xff; 4][..], &labelled(17, 53)].concat();
    let socket = PacketSocket::open(&veth.client).expect("a socket");
    for metadata in [
        &labelled(6, 443)[..],
        &labelled(17, 443),
        &others_first,
        &tag(TAG_VERSION, Class::TooDeep as u8, 0, 0),
        &tag(TAG_VERSION, Class::Dynamic as u8, 6, 60_000),
        &tag(TAG_VERSION, UNTAGGED as u8, 0, 0),
        &tag(TAG_VERSION + 1, Class::Labelled as u8, 6, 443),
        &[],
    ] {
        socket.send(&frame(metadata)).expect("it is sent");
    }

    let expected = BTreeMap::from([
        (Class::Labelled as u64, 3),
        (Class::Dynamic as u64, 1),
        (Class::TooDeep as u64, 1),
        (UNTAGGED, 3),
    ]);
    wait_until("all frames", || counted(netns, map) == expected);
    wait_until("all marks", || {
        rules_with_packets(netns, "netdev portclass") == [2, 1, 0, 5]
    });
}
