//! A run with no more privilege than it needs, and with less once it has attached.

use std::{fs, process::Command};

use rustix::process::{Resource, Rlimit, Signal, setrlimit};
use serde_json::json;
use testbed::{
    kernel::{Feature, VERIFIER_BUG, skip},
    privilege::is_root_or_skips,
};

use super::{
    count::{rows, send_plan, totals},
    egress::{filters, hooks},
    process::{Hosts, Run, program_for_others, wait_until},
};

const NET_ADMIN: u64 = 1 << 12;
const BPF: u64 = 1 << 39;

/// `portclass run` as an ordinary user with these capabilities.
fn run_with(program: &super::process::Copy, capabilities: &str, arguments: &str) -> Command {
    // Maps count against it before Linux 5.11. Later it may not be raised everywhere, and need not be.
    let unlimited = Rlimit {
        current: None,
        maximum: None,
    };
    let _ = setrlimit(Resource::Memlock, unlimited);
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(format!("--inh-caps=-all{capabilities}"))
        .arg(format!("--ambient-caps=-all{capabilities}"))
        .arg(&program.path)
        .args([
            "run",
            "--format",
            "json",
            "--pin-dir",
            "/nonexistent/portclass",
        ])
        .args(arguments.split_ascii_whitespace());
    command
}

/// Whether programs load here that read frames out of copies; where they do not, says that `test` is skipped.
fn reads_copies_or_skips(test: &str) -> bool {
    // What copies from all buffers came with them.
    if !Feature::MultiBuffer.is_there_or_skips(test) {
        return false;
    }
    let program = program_for_others();
    let hosts = Hosts::new();
    let arguments = "--iface lo --duration 1ms --direction both";
    let mut command = run_with(&program, ",+bpf,+net_admin", arguments);
    let output = hosts.server.output(&mut command).expect("setpriv starts");
    let has_bug = String::from_utf8_lossy(&output.stderr).contains(VERIFIER_BUG);
    if has_bug {
        skip(test, format_args!("this kernel has a {VERIFIER_BUG}"));
    }
    !has_bug
}

/// What the kernel says of each of a process's threads.
fn statuses(pid: u32) -> Vec<String> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("a process");
    let statuses = threads
        .flatten()
        .filter_map(|thread| fs::read_to_string(thread.path().join("status")).ok());
    statuses.collect()
}

/// The effective, permitted and inheritable capabilities of all of a process's threads.
fn capabilities(pid: u32) -> Vec<u64> {
    let sets = statuses(pid).into_iter().flat_map(|status| {
        let lines = status.lines().filter_map(|line| {
            let names = ["CapEff:", "CapPrm:", "CapInh:", "CapAmb:"];
            names.iter().find_map(|name| line.strip_prefix(name))
        });
        lines
            .map(|set| u64::from_str_radix(set.trim(), 16).expect("a set"))
            .collect::<Vec<_>>()
    });
    sets.collect()
}

/// Whether this kernel takes CAP_BPF for every call (before Linux 5.19).
fn takes_bpf_for_all() -> bool {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").expect("a release");
    let mut numbers = release
        .split(['.', '-'])
        .map(|number| number.parse::<u32>());
    let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) else {
        panic!("{release}");
    };
    (major, minor) < (5, 19)
}

fn counts_every_frame(capabilities: &str, options: &[&str]) {
    let program = program_for_others();
    for options in options {
        let hosts = Hosts::new();
        let veth = hosts.veth();
        veth.server.up().expect("up");
        let arguments = format!("-i {} {options}", Hosts::SERVER);
        let mut command = run_with(&program, capabilities, &arguments);
        let run = Run::start_command(&hosts.server, &mut command, 1);
        veth.client.up().expect("up");
        let (sent, total) = send_plan(&veth, 5);
        wait_until("every frame received", || {
            veth.server.received().expect("counters") >= total.0
        });
        let said = run.said.clone();
        let report = run.interrupt();
        assert_eq!(rows(&report), sent, "{options}");
        assert_eq!(totals(&report), total, "{options}");
        let features = report["interfaces"][0]["features"]
            .as_array()
            .expect("features");
        let copies = !capabilities.contains("perfmon");
        assert_eq!(features.contains(&json!("copies")), copies, "{options}");
        assert_eq!(said.contains("without CAP_PERFMON"), copies, "{said}");
    }
}

#[test]
fn an_ordinary_user_with_two_capabilities_counts_every_frame_with_every_option() {
    const TEST: &str =
        "an_ordinary_user_with_two_capabilities_counts_every_frame_with_every_option";
    // What copies from all buffers came with them.
    if !is_root_or_skips(TEST) || !reads_copies_or_skips(TEST) {
        return;
    }
    let options = [
        "--mode native",
        "--mode generic",
        "--per-interface",
        "--match destination --tag metadata",
        "--tag mark",
    ];
    counts_every_frame(",+bpf,+net_admin", &options);
}

#[test]
fn with_a_third_capability_frames_are_not_copied() {
    const TEST: &str = "with_a_third_capability_frames_are_not_copied";
    if is_root_or_skips(TEST) {
        counts_every_frame(",+bpf,+net_admin,+perfmon", &["--mode native"]);
    }
}

#[test]
fn what_leaves_is_counted_with_two_capabilities_and_removed_at_the_end() {
    const TEST: &str = "what_leaves_is_counted_with_two_capabilities_and_removed_at_the_end";
    if !is_root_or_skips(TEST) || !reads_copies_or_skips(TEST) {
        return;
    }
    let program = program_for_others();
    for hook in hooks(TEST) {
        let hosts = Hosts::new();
        let veth = hosts.veth();
        veth.server.up().expect("up");
        let arguments = format!("-i {} --direction egress --tc-hook {hook}", Hosts::CLIENT);
        let mut command = run_with(&program, ",+bpf,+net_admin", &arguments);
        let run = Run::start_command(&hosts.client, &mut command, 1);
        veth.client.up().expect("up");
        let (sent, total) = send_plan(&veth, 3);
        let report = run.interrupt();
        assert_eq!(rows(&report), sent, "{hook}");
        assert_eq!(totals(&report), total, "{hook}");
        assert_eq!(filters(&hosts), "", "{hook}");
    }
}

#[test]
fn the_log_of_unlabelled_frames_takes_a_third_capability() {
    const TEST: &str = "the_log_of_unlabelled_frames_takes_a_third_capability";
    if !is_root_or_skips(TEST) {
        return;
    }
    let hosts = Hosts::new();
    let _veth = hosts.veth();
    let program = program_for_others();
    let arguments = format!("-i {} --log-unlabelled --duration 1ms", Hosts::SERVER);
    let mut command = run_with(&program, ",+bpf,+net_admin", &arguments);
    let output = hosts.server.output(&mut command).expect("it starts");
    super::process::assert_one_line(
        &output,
        1,
        &["the log of unlabelled frames takes CAP_PERFMON"],
    );
}

#[test]
fn a_run_gives_up_every_capability_that_it_needs_no_more() {
    const TEST: &str = "a_run_gives_up_every_capability_that_it_needs_no_more";
    if !is_root_or_skips(TEST) {
        return;
    }
    let of_bpf = if takes_bpf_for_all() { BPF } else { 0 };
    let mut cases = vec![
        ("", of_bpf),
        ("--tag mark --tc-hook clsact", of_bpf | NET_ADMIN),
        ("--metrics-listen 127.0.0.1:0", of_bpf),
    ];
    if Feature::Tcx.is_there_or_skips(&format!("{TEST}, by tcx")) {
        cases.push(("--direction both --tc-hook tcx", of_bpf));
    }
    for (options, kept) in cases {
        let hosts = Hosts::new();
        let veth = hosts.veth();
        veth.server.up().expect("up");
        let run = Run::start(
            &hosts.server,
            &format!(
                "-i {} --interval 10ms --format jsonl {options}",
                Hosts::SERVER
            ),
        );
        let is_kept = |set: &u64| *set & !kept == 0;
        wait_until("no capability that is not needed", || {
            capabilities(run.id()).iter().all(is_kept)
        });
        // Nor is there a way back to any, by a program that root starts.
        let has_no_way_back = |status: &String| status.contains("NoNewPrivs:\t1");
        wait_until("no way back", || {
            statuses(run.id()).iter().all(has_no_way_back)
        });
        // Its main thread still has what it needs.
        let most = capabilities(run.id()).into_iter().max();
        assert_eq!(most, Some(kept), "{options}");
        // It still sees that it is attached, and ends in order.
        run.send(Signal::INT);
        let (status, _, said) = run.wait();
        assert!(status.success(), "{options}: {said}");
        assert!(!said.contains("warning"), "{options}: {said}");
    }
}
