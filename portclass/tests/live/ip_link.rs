//! Interfaces whose frames begin with an IP header: tun.

use std::net::UdpSocket;

use testbed::{
    ip::{self, Hosts, protocol},
    netns::Netns,
    privilege::is_root_or_skips,
    segment,
    tun::Tun,
};

use super::{
    count::totals,
    process::{Run, wait_until},
};

#[test]
fn packets_without_a_link_header_are_counted_in_both_directions() {
    if !is_root_or_skips("packets_without_a_link_header_are_counted_in_both_directions") {
        return;
    }
    let netns = Netns::new().expect("a namespace");
    let Some(tun) = Tun::new_or_skips(
        &netns,
        "tun0",
        "packets_without_a_link_header_are_counted_in_both_directions",
    ) else {
        return;
    };
    // Without an address of its own the interface is silent; the kernel would solicit routers.
    netns
        .ip("link set dev tun0 addrgenmode none up")
        .expect("up");
    netns
        .ip(&format!(
            "address add {}/24 dev tun0",
            Hosts::V4.destination
        ))
        .expect("an address");
    let run = Run::start(
        &netns,
        "--iface tun0 --direction both --match best --format json",
    );
    let v4 = |number, segment: Vec<u8>| ip::ipv4(number, &segment);
    let arriving = [
        (
            ("https", "tcp"),
            v4(protocol::TCP, segment::tcp(&Hosts::V4, 50_123, 443, b"x")),
        ),
        (
            ("domain", "udp"),
            v4(protocol::UDP, segment::udp(&Hosts::V4, 50_123, 53, b"x")),
        ),
        (
            ("https", "tcp"),
            ip::ipv6(protocol::TCP, &segment::tcp(&Hosts::V6, 50_123, 443, b"x")),
        ),
        (
            ("https", "sctp"),
            v4(protocol::SCTP, segment::sctp(50_123, 443, b"x")),
        ),
    ];
    let mut total = (0, 0);
    for (_, packet) in &arriving {
        tun.write(packet).expect("written");
        total.0 += 1;
        total.1 += packet.len() as u64;
    }
    let arrived = total;
    netns.enter(|| {
        let socket = UdpSocket::bind("0.0.0.0:0").expect("a socket");
        for _ in 0..7 {
            socket
                .send_to(&[7; 100], (Hosts::V4.source, 4_789))
                .expect("sent");
        }
    });
    wait_until("every packet", || {
        tun.read().is_some_and(|packet| packet.ends_with(&[7; 100]))
    });
    let report = run.interrupt();
    let interface = &report["interfaces"][0];
    assert_eq!(
        interface["directions"],
        serde_json::json!(["ingress", "egress"])
    );
    let services = report["services"].as_array().expect("rows");
    let sum = |direction: &str, name: &str| -> (u64, u64) {
        services
            .iter()
            .filter(|row| {
                row["direction"] == direction && (name.is_empty() || row["service"] == name)
            })
            .fold((0, 0), |sum, row| {
                let number = |field: &str| row[field].as_u64().expect("a number");
                (sum.0 + number("packets"), sum.1 + number("bytes"))
            })
    };
    assert_eq!(sum("ingress", ""), arrived, "{report}");
    assert_eq!(sum("egress", "vxlan"), (7, 7 * (20 + 8 + 100)), "{report}");
    for (service, count) in [("https", 3), ("domain", 1)] {
        assert_eq!(sum("ingress", service).0, count, "{report}");
    }
    assert!(totals(&report).0 >= 11);
}
