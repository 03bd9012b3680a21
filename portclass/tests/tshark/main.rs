//! Replays against what tshark says of the same frames, one by one.

mod frames;
mod witness;

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use tempfile::TempDir;
use testbed::{capture::Pcap, tool::is_there_or_skips, tunnel::port};

use self::{
    frames::{FIRST_DESTINATION, FIRST_SOURCE, Frame, PAIRS, frames},
    witness::{Said, ask},
};

/// A registry that names every port that the frames have, on every transport.
fn registry(folder: &Path) -> PathBuf {
    let mut text = "Service Name,Port Number,Transport Protocol,Description,Assignee,Contact,Registration Date,\
                    Modification Date,Reference,Service Code,Unauthorized Use Reported,Assignment Notes\n"
        .to_owned();
    let tunnels = [port::GRE_IN_UDP, port::VXLAN, port::VXLAN_GPE, port::GENEVE];
    let ports = (FIRST_SOURCE..FIRST_SOURCE + PAIRS)
        .chain(FIRST_DESTINATION..FIRST_DESTINATION + PAIRS)
        .chain(tunnels);
    for port in ports {
        for transport in ["tcp", "udp", "dccp", "sctp"] {
            writeln!(text, "port-{port},{port},{transport},,,,,,,,,").expect("memory");
        }
    }
    let path = folder.join("registry.csv");
    fs::write(&path, text).expect("a temporary file");
    path
}

struct Portclass {
    folder: TempDir,
    registry: PathBuf,
}

impl Portclass {
    fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let registry = registry(folder.path());
        Self { folder, registry }
    }

    /// The one row of a replay of one frame.
    fn row(&self, frame: &Frame, matching: &str, decapsulate: bool) -> Value {
        let mut capture = Pcap::new(frame.link_type);
        capture.frame(&frame.bytes);
        let path = self.folder.path().join("frame.pcap");
        fs::write(&path, capture.bytes()).expect("a temporary file");
        let output = Command::new(env!("CARGO_BIN_EXE_portclass"))
            .args(["replay", "--engine", "host", "--format", "json"])
            .args(["--no-preferred-names", "--match", matching, "--registry"])
            .arg(&self.registry)
            .args(decapsulate.then_some("--decapsulate"))
            .arg(&path)
            .output()
            .expect("portclass starts");
        assert!(output.status.success(), "{}: {output:?}", frame.what);
        let mut report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(report["totals"]["bytes"], frame.bytes.len());
        let rows = ["services", "unlabelled"].map(|rows| report[rows].take());
        let mut rows = rows.into_iter().flat_map(|rows| match rows {
            Value::Array(rows) => rows,
            _ => Vec::new(),
        });
        let row = rows.next().expect("a row");
        assert_eq!(rows.next(), None, "{}", frame.what);
        row
    }

    /// What the frame is, put together from its rows by either port.
    fn said(&self, frame: &Frame, decapsulate: bool) -> Said {
        let destination = self.row(frame, "destination", decapsulate);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let Some(row_class) = destination["class"].as_str() else {
            let source = self.row(frame, "source", decapsulate);
            let [source, port] = [&source, &destination].map(|row| {
                let port = row["ports"][0]["port"].as_u64();
                let port = port.and_then(|port| u16::try_from(port).ok());
                port.expect("a port")
            });
            return Said::Ports {
                transport: text(&destination["transport"]),
                source,
                destination: port,
            };
        };
        let class = ["fragment", "protocol", "non-ip"]
            .into_iter()
            .find(|&class| class == row_class);
        let Some(class) = class else {
            panic!("{}: {destination}", frame.what)
        };
        let detail = [&destination["transport"], &destination["detail"]]
            .map(text)
            .concat();
        Said::Unlabelled { class, detail }
    }
}

/// Tunnels that are looked into.
const DEPTH: usize = 2;

/// Compares all frames, and gives how many of them are labelled by what is in a tunnel.
fn compare(decapsulate: bool) -> usize {
    let portclass = Portclass::new();
    let frames = frames();
    let kinds: BTreeSet<_> = frames.iter().map(|frame| &frame.what).collect();
    assert!(kinds.len() == frames.len() && kinds.len() > 100);
    let link_types: BTreeSet<_> = frames.iter().map(|frame| frame.link_type).collect();
    let depth = if decapsulate { DEPTH } else { 0 };
    let mut differences = String::new();
    let mut in_tunnels = 0;
    for link_type in link_types {
        let frames = frames.iter().filter(|frame| frame.link_type == link_type);
        let mut capture = Pcap::new(link_type);
        frames.clone().for_each(|frame| capture.frame(&frame.bytes));
        let path = portclass.folder.path().join("all.pcap");
        fs::write(&path, capture.bytes()).expect("a temporary file");
        let witnesses = ask(&path, portclass.folder.path());
        assert_eq!(witnesses.len(), frames.clone().count());
        for (frame, witness) in frames.zip(&witnesses) {
            let expected = witness.said(depth);
            in_tunnels += usize::from(expected != witness.said(0));
            let said = portclass.said(frame, decapsulate);
            if said != expected {
                let (what, path) = (&frame.what, witness.path());
                writeln!(
                    differences,
                    "{what}: {said:?}, and tshark: {expected:?}, by {path}"
                )
                .expect("memory");
            }
        }
    }
    assert!(differences.is_empty(), "\n{differences}");
    in_tunnels
}

#[test]
fn a_replay_says_of_every_frame_what_tshark_says() {
    let test = "a_replay_says_of_every_frame_what_tshark_says";
    if is_there_or_skips("tshark", "tshark", test) {
        compare(false);
    }
}

#[test]
fn a_replay_says_of_every_frame_in_tunnels_what_tshark_says() {
    let test = "a_replay_says_of_every_frame_in_tunnels_what_tshark_says";
    if is_there_or_skips("tshark", "tshark", test) {
        assert!(compare(true) > 25);
    }
}
