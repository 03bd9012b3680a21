//! What `portclass doctor` advises, done to the letter.

use std::{
    fs,
    io::Write as _,
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use testbed::{
    kernel::{Feature, has_kind_or_skips, skip},
    netns::Netns,
    privilege::is_root_or_skips,
};

use super::{
    doctor::{doctor, finding, has, judged, runs},
    process::{Copy, Hosts, program_for_others, stderr, wait_until},
};

/// The command at the end of a finding's remedy.
fn command<'document>(document: &'document Value, id: &str) -> &'document str {
    let remedy = finding(document, id)["remedy"].as_str().expect("a remedy");
    remedy
        .rsplit_once(": ")
        .map_or(remedy, |(_, command)| command)
}

/// What `sudo` would run.
fn as_root(command: &str) -> &str {
    command.strip_prefix("sudo ").unwrap_or(command)
}

/// A shell that finds `program` by its name.
fn shell_with(program: &Copy, script: &str) -> Command {
    let folder = program.path.parent().expect("a folder");
    let script = format!("PATH={}:$PATH; {script}", folder.display());
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]);
    shell
}

/// What such a shell makes of it.
fn shell(netns: &Netns, program: &Copy, script: &str) -> Output {
    let mut shell = shell_with(program, script);
    netns.output(&mut shell).expect("sh starts")
}

/// `setpriv` to an ordinary user with these capabilities beside those of the file, and the doctor's command.
fn doctor_as_user(capabilities: &str) -> String {
    format!(
        "exec setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all{capabilities} \
         --ambient-caps=-all{capabilities} portclass doctor -i lo --format json"
    )
}

#[test]
fn file_capabilities_by_the_remedy_are_enough_for_any_user() {
    const TEST: &str = "file_capabilities_by_the_remedy_are_enough_for_any_user";
    if !is_root_or_skips(TEST) {
        return;
    }
    let netns = Netns::new().expect("a network namespace");
    let any = program_for_others();
    let path = any.path.display();
    let keeps = shell(&netns, &any, &format!("setcap cap_net_raw+ep {path}"));
    if !keeps.status.success() {
        skip(
            TEST,
            "setcap is missing (package libcap2-bin), or the file system keeps no capabilities",
        );
        return;
    }
    for (asks, id) in [
        (doctor_as_user(""), "capabilities-missing"),
        (doctor_as_user(",+bpf,+net_admin"), "perfmon-missing"),
        (
            "exec portclass doctor -i lo --format json".to_owned(),
            "capabilities-unneeded",
        ),
    ] {
        let program = program_for_others();
        let (_, document) = judged(&shell(&netns, &program, &asks));
        let remedy = as_root(command(&document, id));
        assert!(remedy.starts_with("setcap "), "{remedy}");
        let set = shell(&netns, &program, remedy);
        assert!(set.status.success(), "{remedy}: {}", stderr(&set));
        let (can_run, document) = judged(&shell(&netns, &program, &doctor_as_user("")));
        assert!(can_run && !has(&document, id), "{document:#}");
    }
}

#[test]
fn too_little_memory_to_lock_is_an_error_and_raising_the_limit_mends_it() {
    const TEST: &str = "too_little_memory_to_lock_is_an_error_and_raising_the_limit_mends_it";
    const CAPABILITIES: &str = ",+bpf,+net_admin,+perfmon";
    if !is_root_or_skips(TEST) {
        return;
    }
    let netns = Netns::new().expect("a network namespace");
    let program = program_for_others();
    // The user's shell waits, so that root can do something about it meanwhile.
    let asks =
        doctor_as_user(CAPABILITIES).replace("portclass", "sh -c 'read -r _; exec portclass");
    let script = format!("ulimit -l 64; {asks}'");
    let doctor_after = |meanwhile: &dyn Fn(u32)| {
        let mut shell = shell_with(&program, &script);
        shell
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut shell = netns.spawn(&mut shell).expect("sh starts");
        meanwhile(shell.id());
        let mut line = shell.stdin.take().expect("a pipe");
        line.write_all(b"\n").expect("it waits");
        judged(&shell.wait_with_output().expect("it ends"))
    };
    let (can_run, document) = doctor_after(&|_| ());
    if can_run {
        skip(
            TEST,
            "maps are no locked memory on this kernel (Linux 5.11, 755e5d55367a)",
        );
        return;
    }
    let remedy = as_root(command(&document, "memlock-too-low"));
    let (can_run, document) = doctor_after(&|pid| {
        // The shell lowers it first, whenever that is.
        wait_until("the limit is low", || {
            let limits = fs::read_to_string(format!("/proc/{pid}/limits")).expect("its limits");
            limits.lines().any(|limit| {
                let words = limit
                    .strip_prefix("Max locked memory")
                    .map(str::split_whitespace);
                words.is_some_and(|mut words| words.next() == Some("65536"))
            })
        });
        let raised = shell(&netns, &program, &remedy.replace("$$", &pid.to_string()));
        assert!(raised.status.success(), "{remedy}: {}", stderr(&raised));
    });
    assert!(can_run, "{document:#}");
}

#[test]
fn an_ingress_qdisc_is_a_warning_where_there_is_no_tcx_and_goes_by_the_remedy() {
    if !is_root_or_skips(
        "an_ingress_qdisc_is_a_warning_where_there_is_no_tcx_and_goes_by_the_remedy",
    ) {
        return;
    }
    const EGRESS: &str = "-i server0 --direction egress";
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.up().expect("up");
    let add = ["qdisc", "add", "dev", "server0", "ingress"];
    let added = hosts.server.output(Command::new("tc").args(add));
    assert!(added.expect("tc starts").status.success());
    let (can_run, document) = doctor(&hosts.server, "-i server0");
    assert!(can_run, "{document:#}");
    let is_in_the_way = has(&document, "ingress-qdisc");
    assert_eq!(is_in_the_way, !Feature::Tcx.is_there(), "{document:#}");
    assert_eq!(runs(&hosts.server, EGRESS), !is_in_the_way);
    if is_in_the_way {
        let remedy = finding(&document, "ingress-qdisc")["remedy"].as_str();
        let remedy = remedy.and_then(|remedy| remedy.strip_prefix("remove it: "));
        let (remedy, _) = remedy
            .and_then(|remedy| remedy.split_once(';'))
            .expect("a command");
        let mut words = remedy.split(' ');
        let mut remove = Command::new(words.next().expect("a program"));
        let removed = hosts.server.output(remove.args(words)).expect("it starts");
        assert!(removed.status.success(), "{remedy}: {}", stderr(&removed));
        assert!(!has(
            &doctor(&hosts.server, "-i server0").1,
            "ingress-qdisc"
        ));
        assert!(runs(&hosts.server, EGRESS));
    }
}

#[test]
fn what_reading_does_not_tell_trying_does() {
    const TEST: &str = "what_reading_does_not_tell_trying_does";
    if !is_root_or_skips(TEST) || !has_kind_or_skips("bond", TEST).expect("a namespace") {
        return;
    }
    let netns = Netns::new().expect("a network namespace");
    netns.ip("link add bond7 type bond").expect("a bond");
    netns.ip("link set dev bond7 up").expect("up");
    let (_, document) = doctor(&netns, "-i bond7");
    if !has(&document, "native-unknown") {
        skip(TEST, "drivers tell whether they can (Linux 6.3)");
        return;
    }
    assert_eq!(document["interfaces"][0]["native"], Value::Null);
    let program = program_for_others();
    let remedy = command(&document, "native-unknown");
    let tried = judged(&shell(&netns, &program, &format!("{remedy} --format json")));
    assert!(
        tried.1["interfaces"][0]["native"].is_boolean(),
        "{:#}",
        tried.1
    );
    assert!(!has(&tried.1, "native-unknown"));
}
