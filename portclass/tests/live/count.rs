//! Counters against an independent witness, to the packet and to the byte.

use std::{collections::BTreeMap, io::BufRead as _, io::BufReader, net::UdpSocket};

use rustix::process::Signal;
use serde_json::Value;
use testbed::{
    frame, ip, ip::Hosts as Addresses, kernel::Feature, packet_socket::PacketSocket,
    privilege::is_root_or_skips, segment, tap::Tap, veth::Veth,
};

use super::process::{Hosts, Run, leave_room, wait_until};

/// Packets and bytes by service or reason, and by transport or detail.
pub type Rows = BTreeMap<(String, String), (u64, u64)>;

pub fn rows(report: &Value) -> Rows {
    let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    let number = |row: &Value, name: &str| row[name].as_u64().expect("a number");
    let services = report["services"].as_array().expect("rows").iter();
    let reasons = report["unlabelled"].as_array().expect("rows").iter();
    services
        .map(|row| ((text(row, "service"), text(row, "transport")), row))
        .chain(reasons.map(|row| {
            (
                (
                    text(row, "class"),
                    text(row, "transport") + &text(row, "detail"),
                ),
                row,
            )
        }))
        .map(|(key, row)| (key, (number(row, "packets"), number(row, "bytes"))))
        .collect()
}

pub fn totals(report: &Value) -> (u64, u64) {
    let number = |name: &str| report["totals"][name].as_u64().expect("a number");
    (number("packets"), number("bytes"))
}

/// A frame for each way of being counted, and the row it belongs to.
pub fn plan() -> Vec<((&'static str, &'static str), Vec<u8>)> {
    use frame::ether_type::{IPV4, IPV6, VLAN};
    use ip::protocol::{DCCP, FRAGMENT, ICMP, SCTP, TCP, UDP};

    let (v4, v6) = (Addresses::V4, Addresses::V6);
    let ipv4 = |protocol, segment: Vec<u8>| frame::ethernet(IPV4, &ip::ipv4(protocol, &segment));
    let ipv6 = |protocol, segment: Vec<u8>| frame::ethernet(IPV6, &ip::ipv6(protocol, &segment));
    let tcp = |hosts: &_, port| segment::tcp(hosts, 50_123, port, b"some text");
    let udp = |hosts: &_, port| segment::udp(hosts, 50_123, port, b"some text");
    let later = [ip::fragment(UDP, 8, false), b"the rest of it".to_vec()].concat();
    vec![
        (("https", "tcp"), ipv4(TCP, tcp(&v4, 443))),
        (("https", "tcp"), ipv6(TCP, tcp(&v6, 443))),
        (("https", "udp"), ipv4(UDP, udp(&v4, 443))),
        (
            ("domain", "udp"),
            frame::tagged(&[VLAN], IPV4, &ip::ipv4(UDP, &udp(&v4, 53))),
        ),
        (
            ("ssh", "tcp"),
            frame::tagged(&[0x88a8, VLAN], IPV6, &ip::ipv6(TCP, &tcp(&v6, 22))),
        ),
        (("contamac-icm", "tcp"), ipv4(TCP, tcp(&v4, 4_846))),
        (("vxlan", "udp"), ipv4(UDP, udp(&v4, 4_789))),
        (("nfs", "tcp"), ipv4(TCP, tcp(&v4, 2_049))),
        (
            ("https", "sctp"),
            ipv4(SCTP, segment::sctp(50_123, 443, b"chunk")),
        ),
        (
            ("ltp-deepspace", "dccp"),
            ipv4(DCCP, segment::dccp(&v4, 50_123, 1_113, b"")),
        ),
        (("dynamic", "udp"), ipv4(UDP, udp(&v4, 60_000))),
        (("unassigned", "tcp"), ipv4(TCP, tcp(&v4, 4_748))),
        (("reserved", "udp"), ipv4(UDP, udp(&v4, 4_788))),
        (("fragment", "udp"), ipv6(FRAGMENT, later)),
        (
            ("protocol", "icmp"),
            ipv4(ICMP, segment::echo_request(&v4, b"ping")),
        ),
        (("non-ip", "arp"), frame::arp_request()),
        (
            ("truncated", ""),
            frame::ethernet(IPV4, &ip::ipv4(TCP, b"abc")),
        ),
        (
            ("malformed", ""),
            frame::ethernet(IPV6, &ip::ipv4(TCP, &tcp(&v4, 443))),
        ),
        (
            ("too-deep", ""),
            frame::tagged(&[VLAN; 5], IPV4, &ip::ipv4(TCP, &tcp(&v4, 443))),
        ),
    ]
}

/// Sends the server all frames of the plan so many times, and gives what they are to be counted as, and their sum.
pub fn send_plan(veth: &Veth<'_>, rounds: u64) -> (Rows, (u64, u64)) {
    let socket = PacketSocket::open(&veth.client).expect("a packet socket");
    let before = veth.server.received().expect("counters");
    let mut sent = Rows::new();
    let mut total = (0, 0);
    for _ in 0..rounds {
        for ((row, detail), frame) in plan() {
            socket.send(&frame).expect("sent");
            let count = sent.entry((row.to_owned(), detail.to_owned())).or_default();
            for count in [count, &mut total] {
                count.0 += 1;
                count.1 += frame.len() as u64;
            }
            leave_room(&veth.server, before, total.0);
        }
    }
    (sent, total)
}

fn counts_every_frame(mode: &str) {
    const ROUNDS: u64 = 50;
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.up().expect("up");
    let run = Run::start(
        &hosts.server,
        &format!("--iface {} --mode {mode} --format json", Hosts::SERVER),
    );
    veth.client.up().expect("up");
    let (sent, total) = send_plan(&veth, ROUNDS);
    wait_until("every frame received", || {
        veth.server.received().expect("counters") >= total.0
    });
    let report = run.interrupt();
    assert_eq!(rows(&report), sent);
    assert_eq!(totals(&report), total);
    assert_eq!(report["interfaces"][0]["mode"], mode);
    let features = &report["interfaces"][0]["features"];
    let has_frags = features
        .as_array()
        .is_some_and(|all| all.contains(&"frags".into()));
    assert_eq!(has_frags, Feature::MultiBuffer.is_there(), "{report}");
}

#[test]
fn every_frame_is_counted_once_under_its_row_in_native_mode() {
    if is_root_or_skips("every_frame_is_counted_once_under_its_row_in_native_mode") {
        counts_every_frame("native");
    }
}

#[test]
fn every_frame_is_counted_once_under_its_row_in_generic_mode() {
    if is_root_or_skips("every_frame_is_counted_once_under_its_row_in_generic_mode") {
        counts_every_frame("generic");
    }
}

#[test]
fn real_sockets_are_counted_as_a_capture_sees_them() {
    if !is_root_or_skips("real_sockets_are_counted_as_a_capture_sees_them") {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.up().expect("up");
    let run = Run::start(
        &hosts.server,
        &format!("--iface {} --format json", Hosts::SERVER),
    );
    let tap = Tap::open(&veth.client).expect("a tap");
    veth.client.up().expect("up");
    let listener = hosts
        .server
        .enter(|| std::net::TcpListener::bind("0.0.0.0:4740"))
        .expect("a listener");
    hosts.client.enter(|| {
        let server = Addresses::V4.destination;
        let socket = UdpSocket::bind("0.0.0.0:0").expect("a socket");
        for _ in 0..100 {
            socket.send_to(&[7; 300], (server, 4_789)).expect("sent");
        }
        let mut stream = std::net::TcpStream::connect((server, 4_740)).expect("connected");
        let (mut peer, _) = listener.accept().expect("a peer");
        stream.set_nodelay(true).expect("a segment a write");
        for _ in 0..20 {
            std::io::Write::write_all(&mut stream, &[7; 500]).expect("written");
        }
        drop(stream);
        std::io::copy(&mut peer, &mut std::io::sink()).expect("read to the end");
    });
    veth.client.down().expect("down");
    let frames = tap.frames().expect("a whole capture");
    let seen = (
        frames.len() as u64,
        frames.iter().map(|frame| frame.len() as u64).sum(),
    );
    wait_until("every frame received", || {
        veth.server.received().expect("counters") >= seen.0
    });
    let report = run.interrupt();
    assert_eq!(totals(&report), seen);
    let rows = rows(&report);
    let vxlan = ("vxlan".to_owned(), "udp".to_owned());
    assert_eq!(rows[&vxlan], (100, 100 * (14 + 20 + 8 + 300)));
    let (packets, bytes) = (seen.0 - 100, seen.1 - rows[&vxlan].1);
    assert!(packets > 10, "the tap saw the connection");
    assert_eq!(
        rows.values()
            .copied()
            .filter(|&row| row == (packets, bytes))
            .count(),
        1,
        "{rows:?}"
    );
}

#[test]
fn a_line_an_interval_adds_up_to_the_last_one() {
    if !is_root_or_skips("a_line_an_interval_adds_up_to_the_last_one") {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.up().expect("up");
    let mut run = Run::start(
        &hosts.server,
        &format!("--iface {} --format jsonl --interval 20ms", Hosts::SERVER),
    );
    veth.client.up().expect("up");
    let socket = PacketSocket::open(&veth.client).expect("a packet socket");
    let mut lines = BufReader::new(run.stdout()).lines();
    let mut next = || -> Value {
        serde_json::from_str(&lines.next().expect("a line").expect("text")).expect("JSON")
    };
    let (_, frame) = plan().swap_remove(0);
    let mut last = next();
    for count in 1..=5 {
        socket.send(&frame).expect("sent");
        while totals(&last).0 < count {
            let line = next();
            assert!(
                totals(&line) >= totals(&last),
                "counters never go backwards"
            );
            assert!(line["interval_seconds"].as_f64().expect("a number") > 0.0);
            last = line;
        }
        assert!(
            last["services"][0]["packets_per_second"]
                .as_f64()
                .expect("a rate")
                > 0.0
        );
    }
    run.send(Signal::INT);
    let end = std::iter::from_fn(|| Some(next()))
        .find(|line| line["final"] == true)
        .expect("a last line");
    assert_eq!(totals(&end), (5, 5 * frame.len() as u64));
    assert!(end["interval_seconds"].is_null());
    assert!(end["services"][0].get("packets_per_second").is_none());
}

#[test]
fn what_came_while_others_were_attached_is_counted_and_in_no_rate() {
    if !is_root_or_skips("what_came_while_others_were_attached_is_counted_and_in_no_rate") {
        return;
    }
    const OTHERS: usize = 40;
    let hosts = Hosts::new();
    let veth = hosts.veth();
    for end in [&veth.server, &veth.client] {
        end.up().expect("up");
    }
    for number in 0..OTHERS {
        let add = format!("link add other{number} type veth peer name peer{number}");
        hosts.server.ip(&add).expect("a veth pair");
    }
    let arguments =
        "-i server0 -i other* --tag mark --tc-hook clsact --format jsonl --interval 20ms";
    let first = || -> (Value, (u64, u64)) {
        let mut run = Run::start(&hosts.server, arguments);
        run.send(Signal::STOP);
        let (_, sent) = send_plan(&veth, 1);
        run.send(Signal::CONT);
        let mut lines = BufReader::new(run.stdout()).lines();
        let line = lines.next().expect("a line").expect("text");
        (serde_json::from_str(&line).expect("JSON"), sent)
    };
    // One that is stopped too late has attached to all before anything comes.
    wait_until("frames in the totals alone", || {
        let (first, sent) = first();
        let rows = ["services", "unlabelled"].map(|rows| first[rows].as_array().expect("rows"));
        let has_rate = |row: &Value| row["packets_per_second"] != 0.0;
        totals(&first) == sent && !rows.into_iter().flatten().any(has_rate)
    });
}

#[test]
fn several_interfaces_are_counted_together() {
    if !is_root_or_skips("several_interfaces_are_counted_together") {
        return;
    }
    let (one, hosts) = (Hosts::new(), Hosts::new());
    let veth = hosts.veth();
    let other =
        Veth::new((&one.client, "client1"), (&hosts.server, "server1")).expect("a veth pair");
    for end in [&veth.server, &other.server] {
        end.up().expect("up");
    }
    let mut command = super::process::portclass("run -i server0 -i server1,server0 --format json");
    let run = Run::start_command(&hosts.server, &mut command, 2);
    let (_, frame) = plan().swap_remove(0);
    for end in [&veth.client, &other.client] {
        end.up().expect("up");
        PacketSocket::open(end)
            .expect("a packet socket")
            .send(&frame)
            .expect("sent");
    }
    for end in [&veth.server, &other.server] {
        wait_until("the frame received", || {
            end.received().expect("counters") == 1
        });
    }
    let report = run.interrupt();
    assert_eq!(
        report["interfaces"].as_array().expect("interfaces").len(),
        2
    );
    assert_eq!(totals(&report), (2, 2 * frame.len() as u64));
}

#[test]
fn the_log_of_unlabelled_frames_says_why_and_stays_within_its_limit() {
    if !is_root_or_skips("the_log_of_unlabelled_frames_says_why_and_stays_within_its_limit") {
        return;
    }
    const FRAMES: u64 = 3_000;
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.up().expect("up");
    let run = Run::start(&hosts.server, "-i server0 --format json --log-unlabelled");
    veth.client.up().expect("up");
    let socket = PacketSocket::open(&veth.client).expect("a packet socket");
    let udp = segment::udp(&Addresses::V4, 50_123, 60_000, b"");
    let unlabelled = frame::ethernet(frame::ether_type::IPV4, &ip::ipv4(ip::protocol::UDP, &udp));
    let (_, labelled) = plan().swap_remove(0);
    let start = std::time::Instant::now();
    for count in 1..=FRAMES {
        socket.send(&unlabelled).expect("sent");
        socket.send(&labelled).expect("sent");
        leave_room(&veth.server, 0, 2 * count);
    }
    wait_until("every frame received", || {
        veth.server.received().expect("counters") >= 2 * FRAMES
    });
    let seconds = start.elapsed().as_secs() + 2;
    run.send(Signal::INT);
    let (status, _, err) = run.wait();
    assert!(status.success(), "{err}");
    let lines: Vec<_> = err.lines().collect();
    assert!(!lines.is_empty());
    for line in &lines {
        let said = *line == "portclass: server0: dynamic, udp, port 60000, from port 50123";
        assert!(said, "{line}");
    }
    let cpus = std::thread::available_parallelism().expect("CPUs").get() as u64;
    assert!(
        lines.len() as u64 <= 10 * cpus * seconds,
        "{} lines",
        lines.len()
    );
}
