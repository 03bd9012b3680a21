//! Network cards of virtual machines. Of virtio_net the number of queues, and which offloads, decide what XDP gets; the
//! driver of VMware's card has native XDP of the plain kind.

use std::io::{BufRead as _, BufReader};

use rustix::process::Signal;
use serde_json::Value;
use testbed::{
    card::{Card, Lent},
    frame::{ether_type, ethernet},
    ip::{Ipv4, protocol},
    kernel::skip,
    packet_socket::PacketSocket,
    privilege::is_root_or_skips,
    segment,
};

use super::{
    doctor::{doctor, finding, has},
    process::{Run, assert_one_line, portclass},
};

const CONNECTIONS: u64 = 50;

/// Frames that ask the host's port 443 for a connection, each from another port. Nobody listens there, so each is answered
/// by one segment from port 443.
fn frames(card: Card) -> impl Iterator<Item = Vec<u8>> {
    (0..CONNECTIONS as u16).map(move |number| {
        let hosts = card.hosts();
        let header = Ipv4 {
            hosts,
            ..Ipv4::default()
        };
        let segment = segment::tcp(&hosts, 40_000 + number, 443, b"");
        let packet = header.packet(protocol::TCP, &segment);
        let mut frame = ethernet(ether_type::IPV4, &packet);
        let [own, tap] = card.ethernet();
        frame[..12].copy_from_slice(&[tap, own].concat());
        frame
    })
}

/// Runs portclass on the card until the host's answers are counted, and gives its report and what it said. Cards count
/// for themselves, but some begin anew when a program is attached or taken off.
fn count(card: Card, lent: &Lent, arguments: &str) -> (Value, String) {
    const PATIENCE: usize = 600;
    let end = lent.end().expect("a silent card");
    end.up().expect("up");
    let arguments = format!(
        "-i {} --match source --format jsonl --interval 100ms {arguments}",
        lent.name
    );
    let mut run = Run::start(&lent.netns, &arguments);
    let mut reports = BufReader::new(run.stdout())
        .lines()
        .map(|line| serde_json::from_str::<Value>(&line.expect("its stdout")).expect("JSON"));
    let socket = PacketSocket::open(&end).expect("a packet socket");
    for frame in frames(card) {
        socket.send(&frame).expect("sent");
    }
    let are_counted = |report: &Value| report["totals"]["packets"].as_u64() >= Some(CONNECTIONS);
    let mut in_time = reports.by_ref().take(PATIENCE);
    assert!(
        in_time.any(|report| are_counted(&report)),
        "not all answers are counted"
    );
    let said = run.said.clone();
    run.send(Signal::INT);
    let report = reports.last().expect("a final report");
    let (status, _, error) = run.wait();
    assert!(status.success(), "{error}");
    (report, said)
}

/// What doctor finds on the card.
fn judge(lent: &Lent, arguments: &str) -> Value {
    let (can_run, document) = doctor(&lent.netns, &format!("-i {} {arguments}", lent.name));
    assert!(can_run, "{document:#}");
    document
}

fn assert_counted(report: &Value, mode: &str) {
    assert_eq!(report["interfaces"][0]["mode"], mode, "{report}");
    let row = &report["services"][0];
    assert_eq!(row["service"], "https", "{report}");
    assert_eq!(row["packets"], CONNECTIONS, "{report}");
    assert_eq!(report["totals"]["packets"], CONNECTIONS, "{report}");
}

#[test]
fn virtio_net_with_a_queue_for_each_cpu_is_observed_natively() {
    const TEST: &str = "virtio_net_with_a_queue_for_each_cpu_is_observed_natively";
    const CARD: Card = Card::ManyQueues;
    if !is_root_or_skips(TEST) {
        return;
    }
    let Some(lent) = CARD.lend_or_skips(TEST).expect("interfaces") else {
        return;
    };
    let (report, said) = count(CARD, &lent, "--mode native");
    assert_counted(&report, "native");
    assert!(!said.contains("warning"), "{said}");
    let found = judge(&lent, "");
    assert!(!has(&found, "too-few-queues"), "{found:#}");
}

#[test]
fn virtio_net_with_too_few_queues_is_observed_in_the_mode_that_it_gets() {
    const TEST: &str = "virtio_net_with_too_few_queues_is_observed_in_the_mode_that_it_gets";
    const CARD: Card = Card::OneQueue;
    if !is_root_or_skips(TEST) {
        return;
    }
    let Some(lent) = CARD.lend_or_skips(TEST).expect("interfaces") else {
        return;
    };
    let (report, said) = count(CARD, &lent, "");
    let mode = report["interfaces"][0]["mode"].as_str().expect("a mode");
    assert_counted(&report, mode);
    assert_eq!(mode == "generic", said.contains("warning"), "{said}");
    let found = judge(&lent, "");
    assert!(has(&found, "too-few-queues"), "{found:#}");
}

#[test]
fn virtio_net_whose_offloads_refuse_native_mode_says_so_and_is_observed_generically() {
    const TEST: &str =
        "virtio_net_whose_offloads_refuse_native_mode_says_so_and_is_observed_generically";
    const CARD: Card = Card::FixedOffloads;
    if !is_root_or_skips(TEST) {
        return;
    }
    let Some(lent) = CARD.lend_or_skips(TEST).expect("interfaces") else {
        return;
    };
    let mut native = portclass("run --mode native --duration 1ms");
    native.args(["-i", &lent.name]);
    let output = lent.netns.output(&mut native).expect("it starts");
    assert_one_line(&output, 1, &[&lent.name, "native", "--mode generic"]);
    let (report, said) = count(CARD, &lent, "");
    assert_counted(&report, "generic");
    assert!(said.contains("warning"), "{said}");
    let found = judge(&lent, "");
    assert!(has(&found, "receive-offloads"), "{found:#}");
}

#[test]
fn vmxnet3_is_observed_natively_where_its_driver_can_and_tagged_generically() {
    const TEST: &str = "vmxnet3_is_observed_natively_where_its_driver_can_and_tagged_generically";
    const CARD: Card = Card::Vmxnet3;
    if !is_root_or_skips(TEST) {
        return;
    }
    let Some(lent) = CARD.lend_or_skips(TEST).expect("interfaces") else {
        return;
    };
    let found = judge(&lent, "");
    let interface = &found["interfaces"][0];
    assert_eq!(interface["driver"], "vmxnet3");
    let is_native = interface["native"] == true;
    assert_eq!(has(&found, "no-native"), !is_native, "{found:#}");
    assert_eq!(has(&found, "no-metadata"), is_native, "{found:#}");
    let (report, said) = count(CARD, &lent, "--tag metadata");
    assert_counted(&report, if is_native { "native" } else { "generic" });
    assert_eq!(said.contains("refuses metadata"), is_native, "{said}");
    let tags = &report["tags"];
    let tagged = if is_native { 0 } else { CONNECTIONS };
    assert_eq!(
        (&tags["tagged"], &tags["untagged"]),
        (&tagged.into(), &(CONNECTIONS - tagged).into())
    );
    let (report, said) = count(CARD, &lent, "--tag metadata --mode generic");
    assert_counted(&report, "generic");
    assert_eq!(report["tags"]["tagged"], CONNECTIONS);
    assert!(!said.contains("warning"), "{said}");
}

#[test]
fn vmxnet3_with_jumbo_frames_says_what_is_in_the_way_of_native_mode() {
    const TEST: &str = "vmxnet3_with_jumbo_frames_says_what_is_in_the_way_of_native_mode";
    const CARD: Card = Card::Vmxnet3;
    if !is_root_or_skips(TEST) {
        return;
    }
    let Some(lent) = CARD.lend_or_skips(TEST).expect("interfaces") else {
        return;
    };
    if has(&judge(&lent, ""), "no-native") {
        skip(
            TEST,
            "vmxnet3 has no native XDP on this kernel (Linux 6.6, 54f00cce1178)",
        );
        return;
    }
    let ip = |command: String| lent.netns.ip(&command).expect("ip obeys");
    let name = &lent.name;
    ip(format!("link set dev {name} mtu 9000"));
    let found = judge(&lent, "");
    assert_eq!(found["interfaces"][0]["native"], Value::Null, "{found:#}");
    assert!(has(&found, "native-unknown"), "{found:#}");
    let found = judge(&lent, "--probe");
    let refused = finding(&found, "native-refused");
    assert_eq!(refused["severity"], "warning");
    let lower = format!("ip link set dev {name} mtu 1500");
    let remedy = refused["remedy"].as_str().expect("a remedy");
    assert!(remedy.contains(&lower), "{remedy}");
    let mut native = portclass("run --mode native --duration 1ms");
    let output = lent
        .netns
        .output(native.args(["-i", name]))
        .expect("it starts");
    assert_one_line(
        &output,
        1,
        &[name, "an MTU of 9000", &lower, "--mode generic"],
    );
    let (report, said) = count(CARD, &lent, "");
    assert_counted(&report, "generic");
    assert!(said.contains("an MTU of 9000"), "{said}");
    ip(lower.trim_start_matches("ip ").to_owned());
    let (report, _) = count(CARD, &lent, "--mode native");
    assert_counted(&report, "native");
}
