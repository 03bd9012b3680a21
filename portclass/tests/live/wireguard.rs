//! WireGuard: what is inside has its label on the tunnel's interface, and what carries it on the one beneath.

use std::{
    io::Write as _,
    net::UdpSocket,
    process::{Command, Stdio},
};

use testbed::{
    ip::Hosts as Addresses, kernel::has_kind_or_skips, netns::Netns, privilege::is_root_or_skips,
    tool::is_there_or_skips,
};

use super::{
    count::rows,
    process::{Hosts, Run},
};

const DATAGRAMS: u64 = 30;

/// What `wg` writes, in one line.
fn wg(netns: &Netns, arguments: &[&str], input: &str) -> String {
    let mut command = Command::new("wg");
    command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = netns.spawn(&mut command).expect("wg starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(input.as_bytes()).expect("written");
    drop(stdin);
    let output = child.wait_with_output().expect("its end");
    assert!(output.status.success(), "wg {arguments:?}");
    String::from_utf8(output.stdout)
        .expect("text")
        .trim()
        .to_owned()
}

#[test]
fn both_sides_of_a_wireguard_interface_have_their_labels() {
    const TEST: &str = "both_sides_of_a_wireguard_interface_have_their_labels";
    if !is_root_or_skips(TEST)
        || !is_there_or_skips("wg", "wireguard-tools", TEST)
        || !has_kind_or_skips("wireguard", TEST).expect("a namespace")
    {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.up().expect("up");
    veth.client.up().expect("up");
    let sides = [
        (&hosts.client, Addresses::V4.destination, "10.8.0.1"),
        (&hosts.server, Addresses::V4.source, "10.8.0.2"),
    ];
    let private = sides.map(|(netns, ..)| wg(netns, &["genkey"], ""));
    let public = [0, 1].map(|side: usize| wg(sides[side].0, &["pubkey"], &private[side]));
    for (side, (netns, peer, address)) in sides.into_iter().enumerate() {
        netns
            .ip("link add name wg0 type wireguard")
            .expect("an interface");
        // Port 443 so that what carries it has a label.
        let endpoint = format!("{peer}:443");
        let arguments = [
            "set",
            "wg0",
            "listen-port",
            "443",
            "private-key",
            "/dev/stdin",
            "peer",
            &public[1 - side],
            "endpoint",
            &endpoint,
            "allowed-ips",
            "10.8.0.0/24",
        ];
        wg(netns, &arguments, &private[side]);
        netns
            .ip("link set dev wg0 addrgenmode none up")
            .expect("up");
        netns
            .ip(&format!("address add {address}/24 dev wg0"))
            .expect("an address");
    }
    let arguments = format!(
        "-i wg0,{} --per-interface --direction both --match best --format json",
        Hosts::SERVER
    );
    let run = Run::start_command(
        &hosts.server,
        &mut super::process::portclass(&format!("run {arguments}")),
        2,
    );
    let server = hosts
        .server
        .enter(|| UdpSocket::bind("10.8.0.2:53"))
        .expect("bound");
    let client = hosts
        .client
        .enter(|| UdpSocket::bind("10.8.0.1:50123"))
        .expect("bound");
    for _ in 0..DATAGRAMS {
        client.send_to(&[0; 100], "10.8.0.2:53").expect("sent");
        let (length, from) = server.recv_from(&mut [0; 200]).expect("received");
        server.send_to(&vec![0; length], from).expect("answered");
        client.recv(&mut [0; 200]).expect("an answer");
    }
    let report = run.interrupt();
    let services = report["services"].as_array().expect("rows");
    for direction in ["ingress", "egress"] {
        let of = |interface: &str| {
            let row = services
                .iter()
                .find(|row| row["interface"] == interface && row["direction"] == direction);
            row.unwrap_or_else(|| panic!("nothing {direction} at {interface}: {report}"))
        };
        let inside = of("wg0");
        assert_eq!(inside["service"], "domain");
        assert_eq!(inside["packets"], DATAGRAMS);
        assert_eq!(inside["bytes"], DATAGRAMS * (20 + 8 + 100));
        let outside = of(Hosts::SERVER);
        assert_eq!(
            (&outside["service"], &outside["transport"]),
            (&"https".into(), &"udp".into())
        );
        // The handshake comes first.
        assert!(outside["packets"].as_u64() > Some(DATAGRAMS), "{report}");
    }
    assert!(
        !rows(&report).keys().any(|(row, _)| row == "malformed"),
        "{report}"
    );
}
