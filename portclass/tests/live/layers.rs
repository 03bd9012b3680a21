//! Layers of the registry on real traffic, and a registry that no map has room for.

use std::{fs, path::Path};

use serde_json::Value;
use tempfile::TempDir;
use testbed::{
    bpffs::Bpffs, frame, ip, ip::Hosts as Addresses, packet_socket::PacketSocket,
    privilege::is_root_or_skips, segment,
};

use super::process::{Hosts, Run, assert_one_line, portclass, wait_until, xdp_on};

fn to(protocol: u8, segment: Vec<u8>) -> Vec<u8> {
    frame::ethernet(frame::ether_type::IPV4, &ip::ipv4(protocol, &segment))
}

#[test]
fn frames_are_labelled_with_what_the_highest_layer_says() {
    if !is_root_or_skips("frames_are_labelled_with_what_the_highest_layer_says") {
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        fs::write(&path, content).expect("a temporary file");
        path.display().to_string()
    };
    let overlay = file(
        "site.csv",
        "intranet,8080,tcp\ngame,27000-27050,udp\n,23,tcp,Taken back\nanywhere,60000,\n",
    );
    let services = file("services", "shell-host 2049/tcp\n8080-host 8080/tcp\n");
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.up().expect("up");
    let run = Run::start(
        &hosts.server,
        &format!(
            "--iface {} --format json --overlay {overlay} --etc-services={services}",
            Hosts::SERVER
        ),
    );
    veth.client.up().expect("up");
    let before = veth.server.received().expect("counters");
    let tcp = |port| {
        to(
            ip::protocol::TCP,
            segment::tcp(&Addresses::V4, 50_123, port, b""),
        )
    };
    let udp = |port| {
        to(
            ip::protocol::UDP,
            segment::udp(&Addresses::V4, 50_123, port, b""),
        )
    };
    let socket = PacketSocket::open(&veth.client).expect("a packet socket");
    let frames = [
        tcp(8080),
        udp(27_049),
        tcp(23),
        udp(60_000),
        tcp(2_049),
        tcp(80),
    ];
    for frame in &frames {
        socket.send(frame).expect("sent");
    }
    wait_until("every frame received", || {
        veth.server.received().expect("counters") >= before + frames.len() as u64
    });
    let report = run.interrupt();
    let layers = report["registry"]["layers"].clone();
    assert_eq!(
        layers,
        serde_json::json!(["iana", "preferred", "etc-services", "overlay"])
    );
    let services = report["services"].as_array().expect("rows").iter();
    let mut names: Vec<_> = services.map(|row| row["service"].clone()).collect();
    names.sort_by_key(Value::to_string);
    assert_eq!(
        names,
        ["anywhere", "game", "http", "intranet", "shell-host"].map(Value::from)
    );
    let unlabelled = report["unlabelled"].as_array().expect("rows");
    let withdrawn = unlabelled.iter().find(|row| row["class"] == "withdrawn");
    assert_eq!(withdrawn.expect("a row")["packets"], 1);
}

#[test]
fn an_overlay_that_needs_too_many_slots_is_refused_before_anything_is_attached() {
    if !is_root_or_skips(
        "an_overlay_that_needs_too_many_slots_is_refused_before_anything_is_attached",
    ) {
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join("everything.csv");
    fs::write(&path, "everything,0-65535,\n").expect("a temporary file");
    let hosts = Hosts::new();
    let _veth = hosts.veth();
    let arguments = format!("run --iface {} --overlay {}", Hosts::SERVER, path.display());
    let output = hosts
        .server
        .output(&mut portclass(&arguments))
        .expect("portclass starts");
    assert_one_line(&output, 1, &["262144 slots", "65535"]);
    assert_eq!(xdp_on(&hosts.server, Hosts::SERVER), "");
    let bpffs = Bpffs::new().expect("a BPF file system");
    let load = format!("load --overlay {}", path.display());
    let output = bpffs
        .enter(|| portclass(&load).output())
        .expect("portclass starts");
    assert_one_line(&output, 1, &["262144 slots", "65535"]);
    bpffs.enter(|| assert!(!Path::new("/sys/fs/bpf/portclass/state").exists()));
}
