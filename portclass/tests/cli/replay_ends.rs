//! How a replay ends that reads from a pipe: at the end of its input, by a signal, or since nobody reads its report.

use std::{
    io::Write as _,
    process::{Child, Command, Output, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use testbed::{
    capture::{Pcap, link_type},
    frame::{ether_type, ethernet},
    ip::{Hosts, ipv4, protocol},
    segment::udp,
};

fn start(arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_portclass"))
        .args(["replay", "--engine", "host", "--format", "json"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("portclass starts")
}

fn report(output: &Output) -> Value {
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// More than any pipe holds, so that whoever has written it knows that it is being read.
fn capture(frames: usize) -> Pcap {
    let datagram = udp(&Hosts::V4, 40_000, 53, &[0; 900]);
    let frame = ethernet(ether_type::IPV4, &ipv4(protocol::UDP, &datagram));
    let mut capture = Pcap::new(link_type::ETHERNET);
    (0..frames).for_each(|_| capture.frame(&frame));
    capture
}

const FRAMES: usize = 4_000;

#[test]
fn stdin_is_read_to_its_end() {
    let mut child = start(&["-"]);
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(capture(FRAMES).bytes()).expect("a reader");
    drop(stdin);
    let report = report(&child.wait_with_output().expect("its end"));
    assert_eq!(report["totals"]["packets"], FRAMES);
    assert_eq!(report["services"][0]["service"], "domain");
}

#[test]
fn a_signal_ends_a_replay_which_reports_what_it_has_read() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let mut child = start(&["-", "/nowhere"]);
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin.write_all(capture(FRAMES).bytes()).expect("a reader");
        kill_process(Pid::from_child(&child), signal).expect("it is ours");
        let output = child.wait_with_output().expect("its end");
        let frames = report(&output)["totals"]["packets"].as_u64();
        let most = FRAMES as u64;
        assert!(
            frames.is_some_and(|frames| frames > most / 2 && frames <= most),
            "{frames:?}"
        );
        drop(stdin);
    }
}

#[test]
fn a_replay_whose_report_nobody_reads_ends() {
    let mut child = start(&["-"]);
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(capture(FRAMES).bytes()).expect("a reader");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("its end");
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
    drop(stdin);
}
