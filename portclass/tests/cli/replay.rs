//! Replays outside the kernel: reports in all formats, of several files.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;
use testbed::{
    capture::{Pcap, link_type},
    fixture::fixtures,
    frame::{arp_request, ether_type, ethernet, padded},
    ip::{Hosts, ipv4, ipv6, protocol},
    segment::{echo_request, tcp, udp},
    tunnel::{port, vxlan, vxlan_flag},
};

use crate::stdout;

pub(super) fn https() -> Vec<u8> {
    let segment = tcp(&Hosts::V4, 50_123, 443, b"hello");
    ethernet(ether_type::IPV4, &ipv4(protocol::TCP, &segment))
}

fn reply() -> Vec<u8> {
    let segment = tcp(&Hosts::V4, 443, 50_123, b"hello, too");
    ethernet(ether_type::IPV4, &ipv4(protocol::TCP, &segment))
}

fn domain() -> Vec<u8> {
    ipv6(protocol::UDP, &udp(&Hosts::V6, 50_124, 53, b"query"))
}

fn ping() -> Vec<u8> {
    let packet = ipv4(protocol::ICMP, &echo_request(&Hosts::V4, b"ping"));
    padded(ethernet(ether_type::IPV4, &packet))
}

/// A request in VXLAN.
fn tunnelled() -> Vec<u8> {
    let inside = vxlan(vxlan_flag::IDENTIFIER, &https());
    let datagram = udp(&Hosts::V4, 60_000, port::VXLAN, &inside);
    ethernet(ether_type::IPV4, &ipv4(protocol::UDP, &datagram))
}

pub(super) struct Folder(pub(super) TempDir);

impl Folder {
    pub(super) fn new() -> Self {
        Self(TempDir::new().expect("a temporary folder"))
    }

    pub(super) fn file(&self, name: &str, content: &[u8]) -> String {
        let path = self.0.path().join(name);
        fs::write(&path, content).expect("a temporary file");
        path.display().to_string()
    }

    pub(super) fn capture(&self, name: &str, link_type: u32, frames: &[Vec<u8>]) -> String {
        let mut capture = Pcap::new(link_type);
        frames.iter().for_each(|frame| capture.frame(frame));
        self.file(name, capture.bytes())
    }

    /// Six frames of Ethernet, one of them captured in part.
    pub(super) fn ethernet(&self) -> String {
        let mut capture = Pcap::new(link_type::ETHERNET);
        for frame in [https(), https(), reply(), ping(), arp_request()] {
            capture.frame(&frame);
        }
        capture.beginning(&https()[..54], 1_514);
        self.file("ethernet.pcap", capture.bytes())
    }

    pub(super) fn ip(&self) -> String {
        self.capture("ip.pcap", link_type::RAW, &[domain()])
    }
}

const HOST: [&str; 3] = ["replay", "--engine", "host"];

pub(super) fn arguments<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&HOST, more].concat()
}

fn report(more: &[&str]) -> Value {
    let text = stdout(&arguments(&[&["--format", "json"], more].concat()));
    serde_json::from_str(&text).expect("JSON")
}

/// Totals are the sum of services and unlabelled frames.
pub(super) fn adds_up(report: &Value) {
    for field in ["packets", "bytes"] {
        let sum = |rows: &str| -> u64 {
            let rows = report[rows].as_array().expect("rows");
            rows.iter()
                .map(|row| row[field].as_u64().expect("a number"))
                .sum()
        };
        assert_eq!(
            report["totals"][field],
            sum("services") + sum("unlabelled"),
            "{report}"
        );
    }
}

#[test]
fn a_replay_as_json_has_the_fields_of_the_contract() {
    let folder = Folder::new();
    let mut report = report(&[&folder.ethernet(), &folder.ip()]);
    adds_up(&report);
    let time = report.as_object_mut().expect("an object").remove("time");
    assert!(time.is_some_and(|time| time.as_str().is_some_and(|time| time.ends_with('Z'))));
    let https = 2 * https().len() + 1_514;
    assert_eq!(
        report,
        json!({
            "schema": "portclass.snapshot/1",
            "interval_seconds": null,
            "registry": { "updated": "2024-06-12", "entries": 11_598, "layers": ["iana", "preferred"] },
            "interfaces": [],
            "totals": { "packets": 7, "bytes": https + reply().len() + 60 + 42 + domain().len() },
            "services": [
                { "service": "https", "transport": "tcp", "direction": "ingress", "packets": 3, "bytes": https,
                  "ports": [{ "port": 443, "packets": 3, "bytes": https }] },
                { "service": "domain", "transport": "udp", "direction": "ingress", "packets": 1,
                  "bytes": domain().len(), "ports": [{ "port": 53, "packets": 1, "bytes": domain().len() }] },
            ],
            "unlabelled": [
                { "class": "dynamic", "transport": "tcp", "direction": "ingress", "packets": 1, "bytes": reply().len() },
                { "class": "protocol", "detail": "icmp", "direction": "ingress", "packets": 1, "bytes": 60 },
                { "class": "non-ip", "detail": "arp", "direction": "ingress", "packets": 1, "bytes": 42 },
            ],
            "frames": { "kernel": 0, "host": 7 },
        })
    );
}

#[test]
fn a_replay_as_a_table_says_how_many_frames_it_was() {
    let folder = Folder::new();
    let table = stdout(&arguments(&[
        "--limit",
        "1",
        &folder.ethernet(),
        &folder.ip(),
    ]));
    let lines: Vec<_> = table.lines().collect();
    let (_, title) = lines[0].split_once("Z  ").expect("a time first");
    assert_eq!(
        title,
        "replay of 7 frames, 7 of them outside the kernel  registry of 2024-06-12, 11,598 names"
    );
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let rows: Vec<_> = lines[2..].iter().map(|line| words(line)).collect();
    assert_eq!(rows[0], "SERVICE TRANSPORT PORTS PACKETS BYTES SHARE");
    assert!(rows[1].starts_with("https tcp 443 3 "), "{table}");
    assert_eq!(rows[2], "(1 more)");
    assert!(rows[3].starts_with("TOTAL 7 "), "{table}");
}

#[test]
fn a_replay_as_jsonl_is_one_final_line() {
    let folder = Folder::new();
    let text = stdout(&arguments(&["--format", "jsonl", &folder.ethernet()]));
    assert_eq!(text.lines().count(), 1);
    let report: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(
        (&report["final"], &report["totals"]["packets"]),
        (&true.into(), &6.into())
    );
}

#[test]
fn a_replay_as_csv_has_a_row_a_port_or_reason() {
    let folder = Folder::new();
    let text = stdout(&arguments(&["--format", "csv", &folder.ethernet()]));
    let rows: Vec<_> = text
        .lines()
        .map(|line| line.split_once(',').expect("several columns"))
        .collect();
    let mut rows = rows.into_iter();
    let header = "interface,direction,service,class,detail,transport,port,packets,bytes";
    assert_eq!(rows.next(), Some(("time", header)));
    let mut rest: Vec<_> = rows.map(|(_, row)| row.to_owned()).collect();
    rest.sort_unstable();
    assert_eq!(
        rest,
        [
            format!(",ingress,,dynamic,,tcp,,1,{}", reply().len()),
            ",ingress,,non-ip,arp,,,1,42".to_owned(),
            ",ingress,,protocol,icmp,,,1,60".to_owned(),
            format!(
                ",ingress,https,labelled,,tcp,443,3,{}",
                2 * https().len() + 1_514
            ),
        ]
    );
}

#[test]
fn options_choose_the_port_the_tunnels_and_the_registry() {
    let folder = Folder::new();
    let file = folder.capture("a.pcap", link_type::ETHERNET, &[reply(), tunnelled()]);
    let service = |report: &Value, row: usize| report["services"][row]["service"].clone();

    let report = report(&["--match", "source", &file]);
    assert_eq!(service(&report, 0), "https");
    let report = self::report(&["--match", "best", "--sort", "name", &file]);
    assert_eq!(
        (service(&report, 0), service(&report, 1)),
        ("https".into(), "vxlan".into())
    );
    assert_eq!(report["tunnels"], Value::Null);

    let report = self::report(&["--match", "best", "--decapsulate", &file]);
    adds_up(&report);
    assert_eq!(report["services"][0]["packets"], 2);
    let bytes = tunnelled().len();
    assert_eq!(
        report["tunnels"],
        json!([{ "service": "vxlan", "transport": "udp", "direction": "ingress", "packets": 1, "bytes": bytes }])
    );

    let header = "Service Name,Port Number,Transport Protocol,Description,Assignee,Contact,Registration Date,\
                  Modification Date,Reference,Service Code,Unauthorized Use Reported,Assignment Notes";
    let registry = folder.file(
        "overlay.csv",
        format!("{header}\nours,443,tcp,,,,,,,,,\n").as_bytes(),
    );
    let report = self::report(&["--match", "best", "--overlay", &registry, &file]);
    assert!(
        (0..2).any(|row| service(&report, row) == "ours"),
        "{report}"
    );
    assert_eq!(
        report["registry"]["layers"],
        json!(["iana", "preferred", "overlay"])
    );
}

#[test]
fn every_fixture_is_counted_once() {
    let folder = Folder::new();
    let mut captures = [Pcap::new(link_type::ETHERNET), Pcap::new(link_type::RAW)];
    let fixtures = fixtures();
    for fixture in &fixtures {
        let file = usize::from(testbed::capture::of(fixture.link) == link_type::RAW);
        captures[file].frame(&fixture.frame);
    }
    let [ethernet, ip] = captures;
    let ethernet = folder.file("ethernet.pcap", ethernet.bytes());
    let ip = folder.file("ip.pcap", ip.bytes());
    for more in [&[][..], &["--decapsulate"], &["--match", "best"]] {
        let report = report(&[more, &[&ethernet, &ip]].concat());
        adds_up(&report);
        assert_eq!(report["totals"]["packets"], fixtures.len());
    }
}
