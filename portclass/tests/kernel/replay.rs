//! Captures through the kernel's program and through the host's parser: the same report.

use std::{fs, path::PathBuf, process::Command};

use portclass::{
    dataplane::{LONGEST_RUN, SHORTEST_RUN, TestRuns},
    registry::{Registry, Sources},
};
use portclass_common::{
    counter::Counter,
    labelling::Matching,
    names,
    packet::{Linear, Link, Start, parse},
};
use serde_json::Value;
use tempfile::TempDir;
use testbed::{
    capture::{Pcap, of},
    fixture::fixtures,
    frame::{ether_type, ethernet},
    ip::{Hosts, extended, ipv4, ipv6, options, protocol},
    kernel::Feature,
    machine::unless_slow,
    privilege::is_root_or_skips,
    random::Frames,
    segment::{tcp, udp},
};

/// Two captures, since one has frames of one link.
struct Captures {
    folder: TempDir,
    files: [(Link, Pcap); 2],
    frames: u64,
    short: u64,
    bytes: u64,
}

impl Captures {
    fn new() -> Self {
        Self {
            folder: TempDir::new().expect("a temporary folder"),
            files: [Link::Ethernet, Link::Ip].map(|link| (link, Pcap::new(of(link)))),
            frames: 0,
            short: 0,
            bytes: 0,
        }
    }

    fn add(&mut self, link: Link, bytes: &[u8], length: usize) {
        let file = self.files.iter_mut().find(|file| file.0 == link);
        file.expect("a file a link").1.beginning(bytes, length);
        self.frames += 1;
        self.short += u64::from(bytes.len() < SHORTEST_RUN);
        self.bytes += length as u64;
    }

    fn write(&self) -> Vec<PathBuf> {
        let write = |(link, file): &(Link, Pcap)| {
            let path = self.folder.path().join(format!("{link:?}.pcap"));
            fs::write(&path, file.bytes()).expect("a temporary file");
            path
        };
        self.files.iter().map(write).collect()
    }

    /// Both engines give the same report, which has every frame once, whatever decides.
    fn both_engines_agree(&self, description: &str) {
        let paths = self.write();
        let matchings = ["destination", "source", "best"];
        for matching in unless_slow(&matchings[..], &matchings[2..]) {
            for tunnels in [&[][..], &["--decapsulate"]] {
                let [kernel, host] = ["kernel", "host"].map(|engine| {
                    let mut command = Command::new(env!("CARGO_BIN_EXE_portclass"));
                    command
                        .args(["replay", "--format", "json", "--engine", engine])
                        .args(["--match", matching])
                        .args(tunnels)
                        .args(&paths);
                    let output = command.output().expect("portclass starts");
                    let said = String::from_utf8_lossy(&output.stderr);
                    assert!(output.status.success(), "{description}: {said}");
                    let mut report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
                    let fields = report.as_object_mut().expect("an object");
                    fields.remove("time").expect("a time");
                    let frames = fields.remove("frames").expect("where frames were labelled");
                    (report, frames)
                });
                let description = format!("{description}, --match {matching} {tunnels:?}");
                assert_eq!(kernel.0, host.0, "{description}");
                assert_eq!(kernel.1["host"], self.short, "{description}");
                assert_eq!(
                    kernel.1["kernel"],
                    self.frames - self.short,
                    "{description}"
                );
                assert_eq!(host.1["host"], self.frames, "{description}");
                let totals = &host.0["totals"];
                assert_eq!(totals["packets"], self.frames, "{description}");
                assert_eq!(totals["bytes"], self.bytes, "{description}");
                assert_eq!(host.0["tunnels"].is_array(), !tunnels.is_empty());
            }
        }
    }
}

#[test]
fn both_engines_agree_on_every_fixture() {
    if !is_root_or_skips("both_engines_agree_on_every_fixture") {
        return;
    }
    let mut captures = Captures::new();
    for fixture in fixtures() {
        captures.add(fixture.link, &fixture.frame, fixture.frame.len());
    }
    assert!(captures.frames > 400);
    captures.both_engines_agree("fixtures");
}

#[test]
fn both_engines_agree_on_frames_that_were_not_captured_whole() {
    const TEST: &str = "both_engines_agree_on_frames_that_were_not_captured_whole";
    if !is_root_or_skips(TEST) || !Feature::XdpContext.is_there_or_skips(TEST) {
        return;
    }
    let mut captures = Captures::new();
    for snap_length in [0, 13, 14, 20, 34, 36, 38, 42, 54, 58, 64, 96, 128] {
        for fixture in fixtures() {
            let length = fixture.frame.len().min(snap_length);
            captures.add(fixture.link, &fixture.frame[..length], fixture.frame.len());
        }
    }
    captures.both_engines_agree("cut fixtures");
}

#[test]
fn both_engines_agree_on_random_frames() {
    if !is_root_or_skips("both_engines_agree_on_random_frames") {
        return;
    }
    let count = unless_slow(120_000, 12_000);
    let mut captures = Captures::new();
    for (frame, start) in Frames::new(7).take(count) {
        captures.add(start.link, &frame, frame.len());
    }
    captures.both_engines_agree("random frames");
}

#[test]
fn frames_that_are_too_short_for_the_kernel_are_labelled_outside() {
    const TEST: &str = "frames_that_are_too_short_for_the_kernel_are_labelled_outside";
    if !is_root_or_skips(TEST) || !Feature::XdpContext.is_there_or_skips(TEST) {
        return;
    }
    let segment = tcp(&Hosts::V4, 40_000, 443, b"");
    let packet = ipv4(protocol::TCP, &segment);
    let frame = ethernet(ether_type::IPV4, &packet);
    let mut captures = Captures::new();
    for length in 0..=20 {
        captures.add(Link::Ethernet, &frame[..length], length);
        captures.add(Link::Ip, &packet[..length], length);
        captures.add(Link::Ethernet, &frame[..length], frame.len());
    }
    assert_eq!(captures.short, 3 * SHORTEST_RUN as u64);
    captures.both_engines_agree("short frames");
}

#[test]
fn both_engines_agree_on_long_frames_and_count_all_their_bytes() {
    const TEST: &str = "both_engines_agree_on_long_frames_and_count_all_their_bytes";
    if !is_root_or_skips(TEST) || !Feature::XdpContext.is_there_or_skips(TEST) {
        return;
    }
    let mut captures = Captures::new();
    let header = 14 + 20 + 8;
    for length in [
        1_500,
        LONGEST_RUN - 1,
        LONGEST_RUN,
        LONGEST_RUN + 1,
        4_096,
        9_000,
        65_535,
    ] {
        let segment = udp(&Hosts::V4, 40_000, 53, &vec![0; length - header]);
        let packet = ipv4(protocol::UDP, &segment);
        let frame = ethernet(ether_type::IPV4, &packet);
        assert_eq!(frame.len(), length);
        captures.add(Link::Ethernet, &frame, length);
        captures.add(Link::Ip, &packet, packet.len());
        captures.add(Link::Ethernet, &frame[..100], length);
    }
    // Ports on either side of what can be run.
    let ports_end = 14 + 40 + 2_048 + 4;
    let mut cut = 0;
    for length in LONGEST_RUN - 24..=LONGEST_RUN + 24 {
        let more = (length - ports_end).next_multiple_of(8).max(8);
        let padding = [
            options(protocol::DESTINATION, 2_048),
            options(protocol::TCP, more),
            tcp(&Hosts::V6, 40_000, 443, &[0; 64]),
        ];
        let packet = ipv6(protocol::DESTINATION, &padding.concat());
        let frame = ethernet(ether_type::IPV6, &packet);
        captures.add(Link::Ethernet, &frame, frame.len());
        captures.add(Link::Ip, &packet, packet.len());
        let run = Linear::new(&frame[..LONGEST_RUN.min(frame.len())]);
        cut += u32::from(parse(run, Start::of(Link::Ethernet), false).is_truncated());
    }
    assert!((10..40).contains(&cut), "{cut}");
    let headers = [protocol::DESTINATION; 8];
    let packet = extended(&headers, protocol::TCP, &tcp(&Hosts::V6, 1, 443, b""));
    let packet = ipv6(protocol::DESTINATION, &packet);
    captures.add(Link::Ip, &packet, packet.len());
    captures.both_engines_agree("long frames");
}

#[test]
fn every_program_takes_the_longest_run_with_and_without_an_original_length() {
    const TEST: &str = "every_program_takes_the_longest_run_with_and_without_an_original_length";
    if !is_root_or_skips(TEST) || !Feature::XdpContext.is_there_or_skips(TEST) {
        return;
    }
    let (registry, _) = Registry::load(&Sources::default()).expect("the shipped registry");
    let segment = udp(&Hosts::V4, 40_000, 53, &[0; LONGEST_RUN]);
    let packet = ipv4(protocol::UDP, &segment);
    for program in [
        names::XDP,
        names::XDP_FRAGS,
        names::XDP_IP,
        names::XDP_IP_FRAGS,
    ] {
        let mut runs = TestRuns::new(&registry, Matching::default(), false).expect("the maps");
        runs.load_program(program).expect("the verifier accepts it");
        let link = match program {
            names::XDP | names::XDP_FRAGS => Link::Ethernet,
            _ => Link::Ip,
        };
        let frame = match link {
            Link::Ethernet => ethernet(ether_type::IPV4, &packet),
            Link::Ip => packet.clone(),
        };
        let lengths = [LONGEST_RUN as u64, LONGEST_RUN as u64 + 1, 70_000, 1 << 40];
        for length in lengths {
            let run = runs.run(link, &frame[..LONGEST_RUN], length);
            assert!(
                matches!(run, Ok(true)),
                "{program}, {length} bytes: {run:?}"
            );
        }
        let shortest = runs.run(link, &frame[..SHORTEST_RUN], 1 << 20);
        assert!(matches!(shortest, Ok(true)), "{program}: {shortest:?}");
        let counted = runs.counters().into_iter().reduce(Counter::plus);
        let bytes = lengths.iter().sum::<u64>() + (1 << 20);
        assert_eq!(counted, Some(Counter::new(5, bytes)), "{program}");
    }
}
