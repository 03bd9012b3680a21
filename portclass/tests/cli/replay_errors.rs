//! Replays of what cannot be read, and where the kernel refuses.

use std::{fs, process::Command};

use serde_json::Value;
use testbed::{seccomp, tool::is_there_or_skips};

use super::replay::{Folder, adds_up, arguments, https};
use crate::{failure, portclass};

#[test]
fn what_is_no_capture_is_one_line() {
    let folder = Folder::new();
    let directory = folder.0.path().display().to_string();
    let missing = format!("{directory}/missing.pcap");
    for (path, line) in [
        (
            missing,
            "cannot read the capture: No such file or directory (os error 2)",
        ),
        (directory, "is a directory; name the captures in it"),
        (
            folder.file("empty", b""),
            "byte 0: the file is empty; expected a capture file in pcap or pcapng format",
        ),
        (
            folder.file(
                "text",
                b"no capture at all, and long enough to have a header",
            ),
            "byte 0: not a capture that can be read; expected a capture file in pcap or pcapng format; \
             `editcap -F pcap FILE NEW` converts others",
        ),
        (
            folder.file("zipped", b"\x1f\x8b\x08\x00 and so on"),
            "byte 0: compressed with gzip; unpack it on the way: gzip -dc FILE | portclass replay -",
        ),
        (
            folder.capture("wireless", 105, &[https()]),
            "byte 20: link type 105 (IEEE 802.11); expected Ethernet, raw IP, Linux cooked or BSD loopback: capture \
             on another interface",
        ),
    ] {
        let (status, said) = failure(&arguments(&[&path]));
        assert_eq!(said, format!("portclass: {path}: {line}\n"));
        assert_eq!(status, Some(1));
    }
}

#[test]
fn what_was_read_before_an_error_is_reported_and_the_other_files_are_read() {
    let folder = Folder::new();
    let whole = fs::read(folder.ethernet()).expect("the file");
    let cut = folder.file("cut.pcap", &whole[..whole.len() - 50]);
    let missing = folder.0.path().join("missing").display().to_string();
    let output = portclass(&arguments(&[
        "--format",
        "json",
        &cut,
        &missing,
        &folder.ip(),
    ]));
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    adds_up(&report);
    assert_eq!(report["totals"]["packets"], 5 + 1);
    let offset = whole.len() - 70;
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        format!(
            "portclass: {cut}: byte {offset}: the file ends after 20 of the 70 bytes of this record; it was cut, or is \
             still being written\n\
             portclass: {missing}: cannot read the capture: No such file or directory (os error 2)\n"
        )
    );
}

#[test]
fn a_report_that_cannot_be_written_hides_no_other_error() {
    let folder = Folder::new();
    let missing = folder.0.path().join("missing").display().to_string();
    let ethernet = folder.ethernet();
    let output = Command::new(env!("CARGO_BIN_EXE_portclass"))
        .args(arguments(&["--format", "json", &missing, &ethernet]))
        .stdout(fs::File::create("/dev/full").expect("a full device"))
        .output()
        .expect("portclass starts");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        format!(
            "portclass: {missing}: cannot read the capture: No such file or directory (os error 2)\n\
             portclass: cannot write to stdout: No space left on device (os error 28)\n"
        )
    );
}

#[test]
fn a_kernel_that_refuses_is_one_line_that_names_the_other_engine() {
    let folder = Folder::new();
    let mut without_bpf = Command::new(env!("CARGO_BIN_EXE_portclass"));
    seccomp::without_bpf(&mut without_bpf);
    let mut without_privilege = Command::new(env!("CARGO_BIN_EXE_portclass"));
    if rustix::process::geteuid().is_root() {
        without_privilege = Command::new("setpriv");
        without_privilege
            .args(["--bounding-set", "-all", "--inh-caps", "-all"])
            .arg(env!("CARGO_BIN_EXE_portclass"));
    }
    for (mut command, why) in [
        (
            without_bpf,
            "this kernel has no BPF: Function not implemented (os error 38); it needs CONFIG_BPF_SYSCALL and Linux 5.10 \
             or later",
        ),
        (
            without_privilege,
            "the kernel refuses BPF: Operation not permitted (os error 1); run it as root (sudo), or with CAP_BPF, \
             CAP_NET_ADMIN and CAP_PERFMON",
        ),
    ] {
        let output = command
            .args(["replay", &folder.ethernet()])
            .output()
            .expect("it starts");
        assert_eq!(output.status.code(), Some(1));
        assert!(output.stdout.is_empty());
        assert_eq!(
            String::from_utf8_lossy(&output.stderr),
            format!("portclass: {why}; or label outside the kernel: --engine host\n")
        );
    }
}

#[test]
fn names_of_files_cannot_drive_the_terminal() {
    let (status, said) = failure(&arguments(&["/nowhere/\u{1b}[2J"]));
    assert_eq!(status, Some(1));
    assert!(!said.contains('\u{1b}'), "{said:?}");
}

#[test]
fn a_terminal_is_not_waited_for() {
    if !is_there_or_skips("script", "bsdutils", "a_terminal_is_not_waited_for") {
        return;
    }
    let program = env!("CARGO_BIN_EXE_portclass");
    let output = Command::new("script")
        .args(["--quiet", "--return", "--command"])
        .arg(format!("{program} replay --engine host -"))
        .arg("/dev/null")
        .output()
        .expect("script starts");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "portclass: -: stdin is a terminal; name a file, or send a capture: tcpdump -w - | portclass replay -\r\n"
    );
}

#[test]
fn a_replay_of_nothing_is_wrong_usage() {
    for (more, part) in [
        (&["replay"][..], "<FILE>"),
        (
            &["replay", "--engine", "fast", "x"],
            "possible values: kernel, host",
        ),
        (&["replay", "--iface", "eth0", "x"], "unexpected argument"),
    ] {
        let (status, said) = failure(more);
        assert_eq!(status, Some(2), "{said}");
        assert!(said.contains(part), "{said}");
    }
}
