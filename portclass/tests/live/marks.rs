//! Labels on packets, as nftables and tc programs find them.

use std::path::Path;

use portclass_common::label::Class;
use testbed::{
    c, frame, ip, ip::Hosts as Addresses, packet_socket::PacketSocket, privilege::is_root_or_skips,
    segment, tool::is_there_or_skips, veth::End,
};

use super::{
    count::{rows, totals},
    egress::hooks,
    nft::{chain_of, nft, portclass_nft, rules_with_packets},
    process::{Hosts, Run, wait_until},
    tag_consumer::{attach_sample, counted},
};

/// Frames that reach the prerouting hook, by service, and how many of each are sent.
fn frames() -> Vec<(&'static str, &'static str, Vec<u8>, u64)> {
    use frame::ether_type::{IPV4, IPV6};
    use ip::protocol::{DCCP, SCTP, TCP, UDP};

    let (v4, v6) = (Addresses::V4, Addresses::V6);
    let ipv4 = |protocol, segment: Vec<u8>| frame::ethernet(IPV4, &ip::ipv4(protocol, &segment));
    let ipv6 = |protocol, segment: Vec<u8>| frame::ethernet(IPV6, &ip::ipv6(protocol, &segment));
    vec![
        (
            "https",
            "tcp",
            ipv4(TCP, segment::tcp(&v4, 50_123, 443, b"x")),
            30,
        ),
        (
            "https",
            "tcp",
            ipv6(TCP, segment::tcp(&v6, 50_123, 443, b"x")),
            20,
        ),
        (
            "https",
            "udp",
            ipv4(UDP, segment::udp(&v4, 50_123, 443, b"x")),
            10,
        ),
        (
            "domain",
            "udp",
            ipv4(UDP, segment::udp(&v4, 50_123, 53, b"x")),
            7,
        ),
        (
            "https",
            "sctp",
            ipv4(SCTP, segment::sctp(50_123, 443, b"x")),
            5,
        ),
        (
            "ltp-deepspace",
            "dccp",
            ipv4(DCCP, segment::dccp(&v4, 50_123, 1_113, b"x")),
            3,
        ),
        (
            "",
            "udp",
            ipv4(UDP, segment::udp(&v4, 50_123, 60_000, b"x")),
            2,
        ),
    ]
}

/// Sends all of them, and gives their number.
fn send_all(from: &End<'_>) -> u64 {
    let socket = PacketSocket::open(from).expect("a packet socket");
    for (_, _, frame, count) in frames() {
        for _ in 0..count {
            socket.send(&frame).expect("sent");
        }
    }
    frames().into_iter().map(|(_, _, _, count)| count).sum()
}

#[test]
fn nftables_counts_what_the_run_reports_by_mark() {
    let test = "nftables_counts_what_the_run_reports_by_mark";
    if !is_root_or_skips(test) || !is_there_or_skips("nft", "nftables", test) {
        return;
    }
    let masks = ["0x0007ffff", "0xffffe000"];
    let hooks = hooks(test);
    for (hook, mask) in hooks.iter().flat_map(|hook| masks.map(|mask| (hook, mask))) {
        let hosts = Hosts::new();
        let veth = hosts.veth();
        let defines = portclass_nft(&["--mark-mask", mask, "https", "domain", "ltp-deepspace"]);
        let rules = "
            meta l4proto tcp meta mark and $portclass_mask $svc_https counter
            meta l4proto udp meta mark and $portclass_mask $svc_https counter
            meta l4proto sctp meta mark and $portclass_mask $svc_https counter
            meta mark and $portclass_mask $svc_domain counter
            meta mark and $portclass_mask $svc_ltp-deepspace counter
            meta mark and $portclass_mask 0 counter";
        let prerouting = "type filter hook prerouting priority -300";
        let chain = chain_of("inet portclass", prerouting, rules);
        nft(&hosts.server, &[], &format!("{defines}{chain}"));
        veth.server.up().expect("up");
        let run = Run::start(
            &hosts.server,
            &format!(
                "--iface {} --tag mark --mark-mask {mask} --tc-hook {hook} --format json",
                Hosts::SERVER
            ),
        );
        veth.client.up().expect("up");
        let sent = send_all(&veth.client);
        wait_until("every packet at the rules", || {
            rules_with_packets(&hosts.server, "inet portclass")
                .iter()
                .sum::<u64>()
                == sent
        });
        let report = run.interrupt();
        let rows = rows(&report);
        let of = |name: &str, transport: &str| rows[&(name.to_owned(), transport.to_owned())].0;
        let reported = [
            of("https", "tcp"),
            of("https", "udp"),
            of("https", "sctp"),
            of("domain", "udp"),
            of("ltp-deepspace", "dccp"),
            of("dynamic", "udp"),
        ];
        assert_eq!(
            rules_with_packets(&hosts.server, "inet portclass"),
            reported,
            "{hook} {mask}"
        );
        assert_eq!(totals(&report).0, sent);
    }
}

#[test]
fn a_tc_program_finds_the_tag_in_front_of_every_frame() {
    let test = "a_tc_program_finds_the_tag_in_front_of_every_frame";
    if !is_root_or_skips(test) || !c::has_compiler_or_skips(test) {
        return;
    }
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sample = folder.path().join("tag_consumer.bpf.o");
    c::compile_bpf(
        &root.join("../examples/tag_consumer.bpf.c"),
        &root.join("../include"),
        &sample,
    )
    .expect("it compiles");
    for mode in ["native", "generic"] {
        let hosts = Hosts::new();
        let veth = hosts.veth();
        veth.server.up().expect("up");
        let map = attach_sample(&hosts.server, &sample.display().to_string());
        let run = Run::start(
            &hosts.server,
            &format!(
                "--iface {} --mode {mode} --tag metadata --format json",
                Hosts::SERVER
            ),
        );
        veth.client.up().expect("up");
        let sent = send_all(&veth.client);
        let expected = [
            (Class::Labelled as u64, sent - 2),
            (Class::Dynamic as u64, 2),
        ];
        wait_until("every packet at the sample", || {
            counted(&hosts.server, map) == expected.into()
        });
        let report = run.interrupt();
        assert_eq!(
            report["tags"],
            serde_json::json!({ "tagged": sent, "untagged": 0 }),
            "{mode}"
        );
        assert_eq!(totals(&report).0, sent);
    }
}
