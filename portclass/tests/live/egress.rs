//! What leaves, against an independent witness, on both hooks of tc.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::fd::AsRawFd as _,
};

use rustix::process::Signal;
use serde_json::Value;
use testbed::{
    fixture::fixtures, ip::Hosts as Addresses, kernel::Feature, packet_socket::PacketSocket,
    privilege::is_root_or_skips, tap::Tap,
};

use super::{
    count::{Rows, plan, rows, send_plan, totals},
    process::{Hosts, Run, portclass, wait_until},
};

/// The hooks of tc that this kernel has.
pub fn hooks(test: &str) -> Vec<&'static str> {
    let mut hooks = vec!["clsact"];
    if Feature::Tcx.is_there_or_skips(&format!("{test}, by tcx")) {
        hooks.push("tcx");
    }
    hooks
}

pub fn run_on_client(hosts: &Hosts, arguments: &str) -> Run {
    Run::start(
        &hosts.client,
        &format!("--iface {} --format json {arguments}", Hosts::CLIENT),
    )
}

/// What the kernel says of the filters and qdiscs on the client's interface.
pub fn tc(hosts: &Hosts, what: &str) -> String {
    let mut command = std::process::Command::new("tc");
    command.args(what.split_ascii_whitespace());
    let output = hosts.client.output(&mut command).expect("tc starts");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn filters(hosts: &Hosts) -> String {
    tc(hosts, &format!("filter show dev {} egress", Hosts::CLIENT))
}

pub fn qdiscs(hosts: &Hosts) -> String {
    tc(hosts, &format!("qdisc show dev {}", Hosts::CLIENT))
}

#[test]
fn every_frame_that_leaves_is_counted_once_under_its_row() {
    const TEST: &str = "every_frame_that_leaves_is_counted_once_under_its_row";
    if !is_root_or_skips(TEST) {
        return;
    }
    for hook in hooks(TEST) {
        let hosts = Hosts::new();
        let veth = hosts.veth();
        veth.server.up().expect("up");
        let run = run_on_client(&hosts, &format!("--direction egress --tc-hook {hook}"));
        veth.client.up().expect("up");
        let (sent, total) = send_plan(&veth, 1);
        let report = run.interrupt();
        assert_eq!(rows(&report), sent, "{hook}");
        assert_eq!(totals(&report), total, "{hook}");
        let interface = &report["interfaces"][0];
        assert_eq!(interface["egress"], hook);
        assert_eq!(interface["mode"], Value::Null);
        assert_eq!(interface["directions"], serde_json::json!(["egress"]));
        let services = report["services"].as_array().expect("rows");
        assert!(services.iter().all(|row| row["direction"] == "egress"));
        assert_eq!(qdiscs(&hosts).matches("clsact").count(), 0, "{hook}");
    }
}

/// A packet socket leaves all but 14 bytes of a frame that is longer than a page outside the linear part.
#[test]
fn headers_beyond_the_linear_part_are_found() {
    const MTU: u32 = 9_000;
    const LENGTH: usize = 5_000;
    if !is_root_or_skips("headers_beyond_the_linear_part_are_found") {
        return;
    }
    for arguments in ["", " --decapsulate"] {
        let hosts = Hosts::new();
        let veth = hosts.veth();
        veth.set_mtu(MTU).expect("an MTU");
        veth.server.up().expect("up");
        let run = run_on_client(&hosts, &format!("--direction egress{arguments}"));
        veth.client.up().expect("up");
        let socket = PacketSocket::open(&veth.client).expect("a packet socket");
        let mut frames = Vec::new();
        for fixture in fixtures() {
            let is_sendable = fixture.link == portclass_common::packet::Link::Ethernet;
            if is_sendable && fixture.frame.len() >= 14 {
                let mut frame = fixture.frame;
                frame.resize(LENGTH.max(frame.len()), 0);
                // The kernel takes a tag's four bytes off the MTU and refuses some link-layer headers.
                if socket.send(&frame).is_ok() {
                    frames.push(frame);
                }
            }
        }
        assert!(frames.len() > 500, "only {} frames", frames.len());
        let report = run.interrupt();
        let expected = (
            frames.len() as u64,
            frames.iter().map(|frame| frame.len() as u64).sum(),
        );
        assert_eq!(totals(&report), expected);
        assert_eq!(by_host(&frames, !arguments.is_empty()), rows(&report));
    }
}

/// The rows that the host's parser and the shipped registry give these frames.
fn by_host(frames: &[Vec<u8>], decapsulate: bool) -> Rows {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let path = folder.path().join("frames.pcap");
    let mut file = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0];
    file.extend([0; 8]);
    file.extend(262_144u32.to_le_bytes());
    file.extend(1u32.to_le_bytes());
    for frame in frames {
        let length = (frame.len() as u32).to_le_bytes();
        file.extend([0; 8]);
        file.extend([length, length].concat());
        file.extend(frame);
    }
    std::fs::write(&path, file).expect("written");
    let mut command = portclass("replay --engine host --format json");
    if decapsulate {
        command.arg("--decapsulate");
    }
    let output = command.arg(path).output().expect("it starts");
    rows(&serde_json::from_slice(&output.stdout).expect("JSON"))
}

#[test]
fn both_directions_of_real_connections_are_counted_as_a_capture_sees_them() {
    if !is_root_or_skips("both_directions_of_real_connections_are_counted_as_a_capture_sees_them") {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.set("gso_max_segs 1").expect("no large packets");
    veth.client.set("gso_max_segs 1").expect("no large packets");
    veth.server.up().expect("up");
    let run = Run::start(
        &hosts.server,
        &format!(
            "--iface {} --direction both --match best --format json",
            Hosts::SERVER
        ),
    );
    let from_client = Tap::open(&veth.client).expect("a tap");
    let from_server = Tap::open(&veth.server).expect("a tap");
    veth.client.up().expect("up");
    let listener = hosts
        .server
        .enter(|| TcpListener::bind("0.0.0.0:443"))
        .expect("a listener");
    hosts.client.enter(|| {
        let mut stream = TcpStream::connect((Addresses::V4.destination, 443)).expect("connected");
        let (mut peer, _) = listener.accept().expect("a peer");
        for _ in 0..20 {
            stream.write_all(&[7; 700]).expect("written");
            peer.read_exact(&mut [0; 700]).expect("read");
            peer.write_all(&[8; 900]).expect("written");
            stream.read_exact(&mut [0; 900]).expect("read");
        }
    });
    veth.client.down().expect("down");
    let sum = |tap: &Tap| {
        let frames = tap.frames().expect("a whole capture");
        let bytes = frames.iter().map(|frame| frame.len() as u64).sum::<u64>();
        (frames.len() as u64, bytes)
    };
    let (arrived, left) = (sum(&from_client), sum(&from_server));
    wait_until("every frame received", || {
        veth.server.received().expect("counters") >= arrived.0
    });
    let report = run.interrupt();
    let services = report["services"].as_array().expect("rows");
    let of = |direction: &str| {
        let row = services.iter().find(|row| row["direction"] == direction);
        let row = row.unwrap_or_else(|| panic!("nothing {direction}: {report}"));
        assert_eq!(row["service"], "https");
        (
            row["packets"].as_u64().expect("a number"),
            row["bytes"].as_u64().expect("a number"),
        )
    };
    assert_eq!((of("ingress"), of("egress")), (arrived, left));
    assert!(arrived.0 > 20 && left.0 > 20);
}

/// `tcpi_segs_out` (linux/tcp.h): segments sent, retransmissions included.
fn segments_sent(stream: &TcpStream) -> u64 {
    const TCP_INFO: i32 = 11;
    const TCPI_SEGS_OUT: usize = 136;
    let mut info = [0u8; 256];
    let mut length = info.len() as libc::socklen_t;
    // SAFETY: pointer and length are those of the buffer.
    let done = unsafe {
        libc::getsockopt(
            stream.as_raw_fd(),
            libc::IPPROTO_TCP,
            TCP_INFO,
            info.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    assert_eq!(done, 0);
    let field = info[TCPI_SEGS_OUT..].first_chunk().expect("four bytes");
    u32::from_ne_bytes(*field).into()
}

#[test]
fn an_upload_in_large_packets_leaves_in_as_many_as_arrive() {
    const TEST: &str = "an_upload_in_large_packets_leaves_in_as_many_as_arrive";
    const UPLOAD: usize = 100 << 20;
    if !is_root_or_skips(TEST) {
        return;
    }
    for hook in hooks(TEST) {
        let hosts = Hosts::new();
        let veth = hosts.veth();
        veth.server.up().expect("up");
        let receiver = Run::start(
            &hosts.server,
            &format!("--iface {} --mode native --format json", Hosts::SERVER),
        );
        let sender = run_on_client(&hosts, &format!("--direction egress --tc-hook {hook}"));
        veth.client.up().expect("up");
        let listener = hosts
            .server
            .enter(|| TcpListener::bind("0.0.0.0:443"))
            .expect("a listener");
        // A window of 45 segments at most: the receiver's ring of 256 frames never overflows, and no frame is lost.
        rustix::net::sockopt::set_socket_recv_buffer_size(&listener, 128 << 10)
            .expect("a small window");
        let segments = hosts.client.enter(|| {
            let mut stream =
                TcpStream::connect((Addresses::V4.destination, 443)).expect("connected");
            let (mut peer, _) = listener.accept().expect("a peer");
            let reading =
                std::thread::spawn(move || std::io::copy(&mut peer, &mut std::io::sink()));
            let chunk = vec![7; 1 << 20];
            for _ in 0..UPLOAD / chunk.len() {
                stream.write_all(&chunk).expect("written");
            }
            stream
                .shutdown(std::net::Shutdown::Write)
                .expect("shut down");
            let read = reading.join().expect("no panic").expect("read to the end");
            assert_eq!(read, UPLOAD as u64);
            // The answer to the other side's FIN is the last segment.
            assert_eq!(stream.read(&mut [0]).expect("its end"), 0);
            segments_sent(&stream)
        });
        veth.client.down().expect("down");
        let sent = sender.interrupt();
        wait_until("every frame received", || {
            veth.server.received().expect("counters") >= totals(&sent).0
        });
        let received = receiver.interrupt();
        assert_eq!(totals(&sent), totals(&received), "{hook}");
        let https = ("https".to_owned(), "tcp".to_owned());
        let (packets, bytes) = rows(&sent)[&https];
        assert_eq!(packets, segments, "{hook}");
        assert!(bytes > UPLOAD as u64, "{hook}");
        // Were large packets counted as one, there would be a fraction of them.
        assert!(packets > UPLOAD as u64 / 1_500, "{hook}: {packets}");
    }
}

#[test]
fn two_runs_count_the_same_packets_side_by_side() {
    const TEST: &str = "two_runs_count_the_same_packets_side_by_side";
    if !is_root_or_skips(TEST) {
        return;
    }
    for hook in hooks(TEST) {
        let hosts = Hosts::new();
        let veth = hosts.veth();
        veth.server.up().expect("up");
        let arguments = format!("--direction egress --tc-hook {hook}");
        let first = run_on_client(&hosts, &arguments);
        let second = run_on_client(&hosts, &arguments);
        assert!(!second.said.contains("removed"), "{}", second.said);
        veth.client.up().expect("up");
        let socket = PacketSocket::open(&veth.client).expect("a packet socket");
        for (_, frame) in plan() {
            socket.send(&frame).expect("sent");
        }
        // The one that made the clsact qdisc goes first, and leaves it to the other.
        let (first, third) = (first.interrupt(), run_on_client(&hosts, &arguments));
        assert!(!third.said.contains("removed"), "{}", third.said);
        socket.send(&plan()[0].1).expect("sent");
        let second = second.interrupt();
        assert_eq!(totals(&first).0, plan().len() as u64, "{hook}");
        assert_eq!(totals(&second).0, plan().len() as u64 + 1, "{hook}");
        assert_eq!(totals(&third.interrupt()).0, 1, "{hook}");
    }
}

#[test]
pub fn filters_that_a_killed_run_leaves_are_removed_by_the_next_one_and_by_detach() {
    if !is_root_or_skips(
        "filters_that_a_killed_run_leaves_are_removed_by_the_next_one_and_by_detach",
    ) {
        return;
    }
    let hosts = Hosts::new();
    let _veth = hosts.veth();
    let killed = || {
        let run = run_on_client(&hosts, "--direction both --tc-hook clsact --tag mark");
        run.send(Signal::KILL);
        run.wait();
        assert!(filters(&hosts).contains("portclass_tx"));
    };
    killed();
    let next = run_on_client(&hosts, "--direction both --tc-hook clsact");
    assert_eq!(
        next.said.matches("removed the filter").count(),
        2,
        "{}",
        next.said
    );
    assert_eq!(filters(&hosts).matches("handle").count(), 1);
    next.interrupt();
    assert!(!filters(&hosts).contains("portclass"));

    killed();
    let status = portclass("status");
    let say = |mut command: std::process::Command| {
        let output = hosts.client.output(&mut command).expect("it starts");
        assert!(output.status.success());
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    assert!(say(status).contains("portclass detach"));
    let said = say(portclass(
        "detach --pin-dir /sys/fs/bpf/portclass-test-nothing",
    ));
    assert_eq!(said.matches("removed the filter").count(), 2, "{said}");
    assert!(!filters(&hosts).contains("portclass"));
}
