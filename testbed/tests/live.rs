//! What the testbed promises, on the running kernel.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream, UdpSocket},
    panic::{AssertUnwindSafe, catch_unwind},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use portclass_common::packet::Link;
use testbed::{
    fixture::fixtures,
    frame::{ether_type, ethernet, tagged},
    ip::{Hosts, ipv4, protocol},
    netns::Netns,
    packet_socket::PacketSocket,
    privilege::is_root_or_skips,
    segment::udp,
    tap::Tap,
    veth::{Count, End, Veth},
    witness::{Kind, Witness},
};

fn namespaces() -> (Netns, Netns) {
    (
        Netns::new().expect("a namespace"),
        Netns::new().expect("a namespace"),
    )
}

fn pair<'ns>((client, server): &'ns (Netns, Netns)) -> Veth<'ns> {
    Veth::new((client, "client0"), (server, "server0")).expect("a veth pair")
}

fn wait_until_received(end: &End<'_>, expected: u64) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while end.received().expect("statistics") != expected {
        assert!(
            Instant::now() < deadline,
            "{:?} instead of {expected:?}",
            end.received()
        );
        thread::yield_now();
    }
}

#[test]
fn a_namespace_has_its_own_interfaces_and_a_path() {
    if !is_root_or_skips("a_namespace_has_its_own_interfaces_and_a_path") {
        return;
    }
    let netns = Netns::new().expect("a namespace");
    let inside = netns.ip("-oneline link").expect("a list");
    assert_eq!(inside.lines().count(), 1, "{inside}");
    assert!(inside.contains("LOOPBACK,UP"), "{inside}");
    let entered = Command::new("nsenter")
        .arg(format!("--net={}", netns.path().display()))
        .args(["ip", "-oneline", "link"])
        .output()
        .expect("nsenter");
    assert_eq!(String::from_utf8_lossy(&entered.stdout), inside);
}

#[test]
fn a_panic_inside_comes_out() {
    if !is_root_or_skips("a_panic_inside_comes_out") {
        return;
    }
    let netns = Netns::new().expect("a namespace");
    let panic = catch_unwind(AssertUnwindSafe(|| netns.enter(|| panic!("from inside"))));
    let message = panic.expect_err("a panic");
    assert_eq!(message.downcast_ref(), Some(&"from inside"));
}

#[test]
fn real_sockets_reach_the_server_and_nothing_else_is_sent() {
    if !is_root_or_skips("real_sockets_reach_the_server_and_nothing_else_is_sent") {
        return;
    }
    let namespaces = namespaces();
    let (client, server) = (&namespaces.0, &namespaces.1);
    let veth = pair(&namespaces);
    let tap = Tap::open(&veth.client).expect("a tap");
    veth.server.up().expect("up");
    veth.client.up().expect("up");
    for hosts in [Hosts::V4, Hosts::V6] {
        let listener = server
            .enter(|| TcpListener::bind((hosts.destination, 4_840)))
            .expect("a listener");
        let datagrams = server
            .enter(|| UdpSocket::bind((hosts.destination, 4_789)))
            .expect("a socket");
        let mut stream = client
            .enter(|| TcpStream::connect((hosts.destination, 4_840)))
            .expect("a connection");
        stream.write_all(b"hello").expect("sent");
        drop(stream);
        let mut received = String::new();
        listener
            .accept()
            .expect("accepted")
            .0
            .read_to_string(&mut received)
            .expect("text");
        assert_eq!(received, "hello");
        let socket = client
            .enter(|| UdpSocket::bind((hosts.source, 0)))
            .expect("a socket");
        socket
            .send_to(b"hello", (hosts.destination, 4_789))
            .expect("sent");
        assert_eq!(datagrams.recv(&mut [0; 16]).expect("received"), 5);
    }
    veth.client.down().expect("down");
    let witness: Witness = tap.frames().expect("a whole capture").iter().collect();
    let kinds: Vec<Kind> = witness.counts.keys().copied().collect();
    let port = |protocol, port| Kind::Port { protocol, port };
    assert_eq!(
        kinds,
        [port(protocol::TCP, 4_840), port(protocol::UDP, 4_789)]
    );
    assert_eq!(
        witness.counts[&kinds[1]],
        Count {
            packets: 2,
            bytes: 14 + 20 + 8 + 5 + 14 + 40 + 8 + 5
        }
    );
    wait_until_received(&veth.server, witness.total.packets);
}

#[test]
fn the_tap_sees_frames_as_they_were_sent_tags_included() {
    if !is_root_or_skips("the_tap_sees_frames_as_they_were_sent_tags_included") {
        return;
    }
    let namespaces = namespaces();
    let veth = pair(&namespaces);
    veth.set_mtu(3_000).expect("room for the longest fixture");
    veth.server.up().expect("up");
    veth.client.up().expect("up");
    let tap = Tap::open(&veth.client).expect("a tap");
    let socket = PacketSocket::open(&veth.client).expect("a socket");
    let packet = ipv4(protocol::UDP, &udp(&Hosts::V4, 40_000, 4_789, b"tagged"));
    let tags = [
        ether_type::SERVICE_VLAN,
        ether_type::VLAN,
        ether_type::OLD_SERVICE_VLAN,
        ether_type::VLAN,
    ];
    let mut sent = vec![ethernet(ether_type::IPV4, &packet)];
    sent.extend((1..=4).map(|depth| tagged(&tags[..depth], ether_type::IPV4, &packet)));
    sent.extend(
        fixtures()
            .into_iter()
            .filter(|fixture| fixture.link == Link::Ethernet)
            .map(|fixture| fixture.frame)
            .filter(|frame| frame.len() > 14),
    );
    for frame in &sent {
        socket.send(frame).expect("sent");
    }
    let seen = tap.frames().expect("a whole capture");
    assert_eq!(seen, sent);
    let witness: Witness = seen.iter().collect();
    wait_until_received(&veth.server, witness.total.packets);
}

#[test]
fn the_mtu_of_both_ends_can_be_raised() {
    if !is_root_or_skips("the_mtu_of_both_ends_can_be_raised") {
        return;
    }
    let namespaces = namespaces();
    let veth = pair(&namespaces);
    veth.set_mtu(9_000).expect("the MTU");
    for end in [&veth.client, &veth.server] {
        let link = end
            .netns
            .ip(&format!("-oneline link show dev {}", end.name))
            .expect("a line");
        assert!(link.contains("mtu 9000"), "{link}");
    }
}
