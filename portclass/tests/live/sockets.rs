//! Connections of the kernel's own SCTP and DCCP, in both directions.

use std::{
    io::{Read as _, Write as _},
    net::{IpAddr, SocketAddrV4},
};

use testbed::{
    ip::Hosts as Addresses, privilege::is_root_or_skips, stream::Stream, tap::Tap, veth::Count,
};

use super::process::{Hosts, Run, wait_until};

/// A port that no service has.
const CLIENT_PORT: u16 = 50_123;

fn is_counted_as_a_capture_sees_it(stream: Stream, port: u16, service: &str, transport: &str) {
    let hosts = Hosts::new();
    let veth = hosts.veth();
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
    let (IpAddr::V4(client), IpAddr::V4(server)) =
        (Addresses::V4.source, Addresses::V4.destination)
    else {
        panic!("IPv4 addresses");
    };
    let (client, server) = (
        SocketAddrV4::new(client, CLIENT_PORT),
        SocketAddrV4::new(server, port),
    );
    let listener = hosts
        .server
        .enter(|| stream.listen(server))
        .expect("it listens");
    hosts.client.enter(|| {
        let mut near = stream.connect(client, server).expect("connected");
        let (mut far, _) = listener.accept().expect("a peer");
        for _ in 0..20 {
            near.write_all(&[7; 500]).expect("written");
            far.read_exact(&mut [0; 500]).expect("read");
            far.write_all(&[8; 700]).expect("written");
            near.read_exact(&mut [0; 700]).expect("read");
        }
    });
    veth.client.down().expect("down");
    let sum = |tap: &Tap| {
        let mut sum = Count::default();
        for frame in tap.frames().expect("a whole capture") {
            sum.add(frame.len() as u64);
        }
        sum
    };
    let (arrived, left) = (sum(&from_client), sum(&from_server));
    wait_until("every frame received", || {
        veth.server.received().expect("counters") >= arrived.packets
    });
    let report = run.interrupt();
    for (direction, count) in [("ingress", arrived), ("egress", left)] {
        assert!(count.packets > 20, "{direction}: {count:?}");
        let rows = report["services"].as_array().expect("rows");
        let row = rows.iter().find(|row| row["direction"] == direction);
        let row = row.unwrap_or_else(|| panic!("nothing {direction}: {report}"));
        assert_eq!(row["service"], service);
        assert_eq!(row["transport"], transport);
        assert_eq!(row["packets"], count.packets, "{direction}: {report}");
        assert_eq!(row["bytes"], count.bytes, "{direction}: {report}");
    }
    assert_eq!(
        report["unlabelled"].as_array().map(Vec::len),
        Some(0),
        "{report}"
    );
}

#[test]
fn an_sctp_association_is_counted_as_a_capture_sees_it() {
    const TEST: &str = "an_sctp_association_is_counted_as_a_capture_sees_it";
    if is_root_or_skips(TEST) && Stream::Sctp.is_spoken_or_skips(TEST) {
        is_counted_as_a_capture_sees_it(Stream::Sctp, 3_868, "diameter", "sctp");
    }
}

#[test]
fn a_dccp_connection_is_counted_as_a_capture_sees_it() {
    const TEST: &str = "a_dccp_connection_is_counted_as_a_capture_sees_it";
    if is_root_or_skips(TEST) && Stream::Dccp.is_spoken_or_skips(TEST) {
        is_counted_as_a_capture_sees_it(Stream::Dccp, 5_004, "avt-profile-1", "dccp");
    }
}
