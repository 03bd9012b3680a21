//! virtio_net, the network card of virtual machines: how many queues it has, and which offloads, decides what XDP gets.

use serde_json::Value;
use testbed::{
    card::{Card, Lent},
    frame::{ether_type, ethernet},
    ip::{Ipv4, protocol},
    packet_socket::PacketSocket,
    privilege::is_root_or_skips,
    segment,
};

use super::process::{Run, assert_one_line, portclass, wait_until};

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

/// Runs portclass on the card while the host answers, and gives its report and what it said.
fn count(card: Card, lent: &Lent, arguments: &str) -> (Value, String) {
    let end = lent.end().expect("a silent card");
    end.up().expect("up");
    let before = end.received().expect("counters");
    let arguments = format!("-i {} --match source --format json {arguments}", lent.name);
    let run = Run::start(&lent.netns, &arguments);
    let socket = PacketSocket::open(&end).expect("a packet socket");
    for frame in frames(card) {
        socket.send(&frame).expect("sent");
    }
    wait_until("the host's answers", || {
        end.received().expect("counters") >= before + CONNECTIONS
    });
    let said = run.said.clone();
    (run.interrupt(), said)
}

/// What doctor finds on the card: ids.
fn found(lent: &Lent) -> Vec<String> {
    let mut doctor = portclass("doctor --format json");
    let output = lent.netns.output(doctor.args(["-i", &lent.name]));
    let output = output.expect("it starts");
    let judged: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let findings = judged["findings"].as_array().expect("findings").iter();
    let ours = findings.filter(|finding| finding["interface"] == *lent.name);
    let id = |finding: &Value| finding["id"].as_str().expect("an id").to_owned();
    ours.map(id).collect()
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
    let found = found(&lent);
    assert!(!found.contains(&"too-few-queues".to_owned()), "{found:?}");
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
    let found = found(&lent);
    assert!(found.contains(&"too-few-queues".to_owned()), "{found:?}");
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
    let found = found(&lent);
    assert!(found.contains(&"receive-offloads".to_owned()), "{found:?}");
}
