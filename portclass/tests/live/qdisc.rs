//! Filters and qdiscs of others, and filters whose run was killed, or may have been.

use std::{
    path::Path,
    process::{Command, Output},
};

use rustix::process::Signal;
use tempfile::TempDir;
use testbed::{
    c, kernel::Feature, packet_socket::PacketSocket, privilege::is_root_or_skips,
    tool::is_there_or_skips,
};

use super::{
    count::{plan, totals},
    egress::{filters, hooks, qdiscs, run_on_client, tc},
    process::{Hosts, Run, assert_one_line, portclass, program_for_others, stderr},
    tag_consumer::{UNTAGGED, add_sample, counted},
};

const CLSACT: &str = "--direction egress --tc-hook clsact";

/// Where nothing is pinned.
const DETACH: &str = "detach --pin-dir /nonexistent/portclass";

fn output(hosts: &Hosts, mut command: Command) -> Output {
    hosts.client.output(&mut command).expect("it starts")
}

/// What `portclass status` says of what is attached.
fn status(hosts: &Hosts) -> String {
    let shown = output(hosts, portclass("status --pin-dir /nonexistent/portclass"));
    assert!(shown.status.success(), "{}", stderr(&shown));
    String::from_utf8(shown.stdout).expect("text")
}

/// Leaves the filter of a run that was killed.
fn kill_a_run(hosts: &Hosts) {
    let run = run_on_client(hosts, CLSACT);
    run.send(Signal::KILL);
    run.wait();
    assert!(filters(hosts).contains("portclass_tx"));
}

/// A filter that lets everything pass on to the next one.
fn add_filter(hosts: &Hosts, order: &str) {
    let name = Hosts::CLIENT;
    let arguments = format!("filter add dev {name} egress {order} bpf bytecode");
    let mut command = Command::new("tc");
    command
        .args(arguments.split_ascii_whitespace())
        .arg("1,6 0 0 0,");
    let added = output(hosts, command);
    assert!(added.status.success(), "{}", stderr(&added));
}

/// The command that a line tells to run.
fn command_in(line: &str) -> &str {
    let at = line.find("tc filter del ").expect("a command");
    let line = &line[at..];
    line.lines().next().expect("a line").trim_end()
}

/// Does what a line tells to do.
fn obey(hosts: &Hosts, line: &str) {
    let mut words = command_in(line).split(' ');
    let mut command = Command::new(words.next().expect("a program"));
    command.args(words);
    let done = output(hosts, command);
    assert!(done.status.success(), "{line}: {}", stderr(&done));
}

#[test]
fn a_qdisc_of_somebody_elses_stays() {
    if !is_root_or_skips("a_qdisc_of_somebody_elses_stays") {
        return;
    }
    let hosts = Hosts::new();
    let _veth = hosts.veth();
    tc(&hosts, &format!("qdisc add dev {} clsact", Hosts::CLIENT));
    run_on_client(&hosts, CLSACT).interrupt();
    assert!(qdiscs(&hosts).contains("clsact"));
    assert!(!filters(&hosts).contains("portclass"));
}

#[test]
fn a_qdisc_of_ours_stays_with_a_filter_of_somebody_elses() {
    if !is_root_or_skips("a_qdisc_of_ours_stays_with_a_filter_of_somebody_elses") {
        return;
    }
    let hosts = Hosts::new();
    let _veth = hosts.veth();
    let run = run_on_client(&hosts, CLSACT);
    add_filter(&hosts, "pref 100 protocol all");
    run.interrupt();
    assert!(qdiscs(&hosts).contains("clsact"));
    let left = filters(&hosts);
    assert!(!left.contains("portclass"), "{left}");
    assert!(
        left.contains("pref 100") && left.contains("bytecode"),
        "{left}"
    );
}

/// It takes filters for what leaves, too, and has them see what arrives.
#[test]
fn an_ingress_qdisc_is_no_clsact() {
    if !is_root_or_skips("an_ingress_qdisc_is_no_clsact") {
        return;
    }
    let hosts = Hosts::new();
    let _veth = hosts.veth();
    let name = Hosts::CLIENT;
    tc(&hosts, &format!("qdisc add dev {name} ingress"));
    let run = format!("run --iface {name} --duration 1s {CLSACT}");
    let remedy = format!("tc qdisc del dev {name} ingress");
    assert_one_line(
        &output(&hosts, portclass(&run)),
        1,
        &[
            name,
            "an ingress qdisc is in the way",
            &remedy,
            "--tc-hook tcx",
        ],
    );
    let left = tc(&hosts, &format!("filter show dev {name} ingress"));
    assert_eq!(left, "");
    if Feature::Tcx.is_there_or_skips("an_ingress_qdisc_is_no_clsact, beside tcx") {
        run_on_client(&hosts, "--direction egress --tc-hook tcx").interrupt();
    }
    tc(&hosts, &remedy["tc ".len()..]);
    run_on_client(&hosts, CLSACT).interrupt();
}

#[test]
fn a_run_that_is_not_the_first_filter_says_so() {
    if !is_root_or_skips("a_run_that_is_not_the_first_filter_says_so") {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    tc(&hosts, &format!("qdisc add dev {} clsact", Hosts::CLIENT));
    let first = run_on_client(&hosts, CLSACT);
    assert!(
        !first.said.contains("warning: client0: filters"),
        "{}",
        first.said
    );
    first.interrupt();
    // A priority takes filters of one protocol only.
    add_filter(&hosts, "pref 1 protocol ip");
    let run = run_on_client(&hosts, CLSACT);
    let warning = "warning: client0: filters before portclass may end the chain; what they end is not counted";
    assert!(run.said.contains(warning), "{}", run.said);
    veth.server.up().expect("up");
    veth.client.up().expect("up");
    let socket = PacketSocket::open(&veth.client).expect("a packet socket");
    let plan = plan();
    for (_, frame) in &plan {
        socket.send(frame).expect("sent");
    }
    assert_eq!(totals(&run.interrupt()).0, plan.len() as u64);
}

#[test]
fn a_later_filter_of_somebody_elses_sees_every_packet() {
    const TEST: &str = "a_later_filter_of_somebody_elses_sees_every_packet";
    if !is_root_or_skips(TEST)
        || !c::has_compiler_or_skips(TEST)
        || !is_there_or_skips("bpftool", "bpftool", TEST)
    {
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = TempDir::new().expect("a temporary folder");
    let object = folder.path().join("tag_consumer.bpf.o");
    let source = root.join("../examples/tag_consumer.bpf.c");
    c::compile_bpf(&source, &root.join("../include"), &object).expect("it compiles");
    let object = object.display().to_string();
    for hook in hooks(TEST) {
        let hosts = Hosts::new();
        let veth = hosts.veth();
        veth.server.up().expect("up");
        let name = Hosts::CLIENT;
        tc(&hosts, &format!("qdisc add dev {name} clsact"));
        let run = run_on_client(&hosts, &format!("--direction egress --tc-hook {hook}"));
        let side = format!("{name} egress");
        let map = add_sample(&hosts.client, &side, "pref 100", &object);
        veth.client.up().expect("up");
        let socket = PacketSocket::open(&veth.client).expect("a packet socket");
        let plan = plan();
        for (_, frame) in &plan {
            socket.send(frame).expect("sent");
        }
        let sent = plan.len() as u64;
        assert_eq!(totals(&run.interrupt()).0, sent, "{hook}");
        // At egress there is no tag.
        assert_eq!(counted(&hosts.client, map), [(UNTAGGED, sent)].into());
    }
}

#[test]
fn status_tells_a_run_from_what_a_killed_one_has_left() {
    if !is_root_or_skips("status_tells_a_run_from_what_a_killed_one_has_left") {
        return;
    }
    let hosts = Hosts::new();
    let _veth = hosts.veth();
    let run = run_on_client(&hosts, CLSACT);
    let shown = status(&hosts);
    assert!(shown.contains("it goes with its process\n"), "{shown}");
    run.send(Signal::KILL);
    run.wait();
    let shown = status(&hosts);
    let remedy = "left by a run that was killed; remove it: portclass detach\n";
    assert!(shown.contains(remedy), "{shown}");
}

/// A process in another PID namespace sees the network namespace, and not who holds what there.
#[test]
fn a_run_that_cannot_be_seen_keeps_its_filter() {
    if !is_root_or_skips("a_run_that_cannot_be_seen_keeps_its_filter") {
        return;
    }
    let hosts = Hosts::new();
    let _veth = hosts.veth();
    let apart = |arguments: &str| {
        let inner = portclass(arguments);
        let mut command = Command::new("unshare");
        command
            .args(["--pid", "--fork", "--mount-proc", "--kill-child"])
            .arg(inner.get_program())
            .args(inner.get_args());
        command
    };
    let run = run_on_client(&hosts, CLSACT);
    let detached = output(&hosts, apart(DETACH));
    let said = stderr(&detached);
    assert!(detached.status.success(), "{said}");
    let command = "tc filter del dev client0 egress pref 1 handle 0x1 bpf";
    assert_eq!(said.matches(command).count(), 1, "{said}");
    let shown = output(&hosts, apart("status --pin-dir /nonexistent/portclass"));
    let shown = String::from_utf8(shown.stdout).expect("text");
    assert_eq!(command_in(&shown), command);

    let arguments = format!("run --iface {} --format json {CLSACT}", Hosts::CLIENT);
    let other = Run::start_command(&hosts.client, &mut apart(&arguments), 1);
    let warnings = other
        .said
        .lines()
        .filter(|line| line.contains("warning: client0:") && !line.contains("it is down"));
    assert_eq!(warnings.map(command_in).collect::<Vec<_>>(), [command]);
    assert_eq!(filters(&hosts).matches("handle").count(), 2);
    drop(other);

    run.send(Signal::KILL);
    run.wait();
    obey(&hosts, command);
    assert!(!filters(&hosts).contains("pref 1 bpf chain 0 handle 0x1 "));
}

#[test]
fn detach_without_root_tells_how_to_remove_a_filter() {
    if !is_root_or_skips("detach_without_root_tells_how_to_remove_a_filter") {
        return;
    }
    let hosts = Hosts::new();
    let _veth = hosts.veth();
    kill_a_run(&hosts);
    let program = program_for_others();
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .args(["--inh-caps=-all,+bpf,+net_admin,+perfmon"])
        .args(["--ambient-caps=-all,+bpf,+net_admin,+perfmon"])
        .arg(&program.path)
        .args(DETACH.split(' '));
    let detached = output(&hosts, command);
    let said = stderr(&detached);
    assert!(detached.status.success(), "{said}");
    assert!(filters(&hosts).contains("portclass_tx"), "{said}");
    obey(&hosts, &said);
    assert!(!filters(&hosts).contains("portclass"));
}

#[test]
fn detach_fails_when_a_filter_stays_and_removes_filters_whatever_is_pinned() {
    let test = "detach_fails_when_a_filter_stays_and_removes_filters_whatever_is_pinned";
    if !is_root_or_skips(test) {
        return;
    }
    let hosts = Hosts::new();
    let _veth = hosts.veth();
    kill_a_run(&hosts);
    let mut command = Command::new("setpriv");
    command
        .arg("--bounding-set=-net_admin")
        .arg(env!("CARGO_BIN_EXE_portclass"))
        .args(DETACH.split(' '));
    let refused = output(&hosts, command);
    let said = stderr(&refused);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert_eq!(
        said.matches("cannot remove the filter").count(),
        1,
        "{said}"
    );
    assert!(filters(&hosts).contains("portclass_tx"), "{said}");

    let folder = TempDir::new().expect("a temporary folder");
    let detach = format!("detach --pin-dir {}", folder.path().display());
    let detached = output(&hosts, portclass(&detach));
    let said = stderr(&detached);
    assert_eq!(detached.status.code(), Some(1), "{said}");
    assert!(said.contains("not on a BPF file system"), "{said}");
    assert!(said.contains("removed the filter portclass_tx"), "{said}");
    assert!(!filters(&hosts).contains("portclass"));
}

#[test]
fn a_name_of_an_interface_does_not_drive_the_terminal() {
    const TEST: &str = "a_name_of_an_interface_does_not_drive_the_terminal";
    if !is_root_or_skips(TEST) {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    let hooks = hooks(TEST);
    let run = |hook: &&str| run_on_client(&hosts, &format!("--direction egress --tc-hook {hook}"));
    let runs: Vec<_> = hooks.iter().map(run).collect();
    let arriving = run_on_client(&hosts, "--direction ingress");
    let name = "b\u{1b}[2J";
    veth.client.set(&format!("name {name}")).expect("renamed");
    let shown = status(&hosts);
    let lines = shown.matches("attached  b\u{fffd}[2J: ").count();
    assert_eq!(lines, hooks.len() + 1, "{shown}");
    assert!(!shown.contains('\u{1b}'), "{shown}");
    for run in runs.into_iter().chain([arriving]) {
        run.interrupt();
    }
}

#[test]
fn a_run_says_when_its_filter_is_taken_away() {
    if !is_root_or_skips("a_run_says_when_its_filter_is_taken_away") {
        return;
    }
    let hosts = Hosts::new();
    let _veth = hosts.veth();
    let mut run = run_on_client(&hosts, "--direction both --tc-hook clsact");
    tc(&hosts, &format!("qdisc del dev {} clsact", Hosts::CLIENT));
    let line = loop {
        let line = run.next_line();
        if !line.contains("is down") {
            break line;
        }
    };
    assert!(line.contains("somebody has detached portclass"), "{line}");
    run.interrupt();
}
