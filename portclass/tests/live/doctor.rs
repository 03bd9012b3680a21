//! `portclass doctor` on real interfaces: what it says, and that its remedies work.

use std::process::{Command, Output};

use serde_json::Value;
use testbed::{
    foreign::ForeignProgram, kernel::Feature, netns::Netns, privilege::is_root_or_skips, tool,
};

use super::process::{Hosts, Run, portclass, program_for_others, stderr, xdp_on};

/// What the doctor says, and whether it says that a run would work.
pub fn doctor(netns: &Netns, arguments: &str) -> (bool, Value) {
    judged(
        &netns
            .output(&mut portclass(&format!("doctor --format json {arguments}")))
            .expect("it starts"),
    )
}

/// The same of a doctor that was told to write JSON.
pub fn judged(output: &Output) -> (bool, Value) {
    let document: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", stderr(output)));
    let findings = document["findings"].as_array().expect("findings").iter();
    let has_error = findings
        .clone()
        .any(|finding| finding["severity"] == "error");
    assert_eq!(output.status.success(), !has_error, "{document:#}");
    assert_eq!(document["can_run"], !has_error);
    (!has_error, document)
}

/// The finding with that id.
pub fn finding<'document>(document: &'document Value, id: &str) -> &'document Value {
    let mut findings = document["findings"].as_array().expect("findings").iter();
    findings
        .find(|finding| finding["id"] == id)
        .unwrap_or_else(|| panic!("no {id}: {document:#}"))
}

/// Whether there is a finding with that id.
pub fn has(document: &Value, id: &str) -> bool {
    let mut findings = document["findings"].as_array().expect("findings").iter();
    findings.any(|finding| finding["id"] == id)
}

/// Whether a run starts, and ends by itself.
pub fn runs(netns: &Netns, arguments: &str) -> bool {
    let mut run = portclass(&format!("run --duration 1ms --format json {arguments}"));
    netns.output(&mut run).expect("it starts").status.success()
}

#[test]
fn a_veth_can_have_native_mode_and_nothing_is_attached() {
    if !is_root_or_skips("a_veth_can_have_native_mode_and_nothing_is_attached") {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.up().expect("up");
    for arguments in ["-i server0", "-i server0 --probe"] {
        let (can_run, document) = doctor(&hosts.server, arguments);
        assert!(can_run && runs(&hosts.server, "-i server0"), "{document:#}");
        let interface = &document["interfaces"][0];
        assert_eq!(interface["driver"], "veth");
        assert_eq!(interface["native"], true);
        assert_eq!(interface["generic"], true);
        assert_eq!(interface["tcx"], Feature::Tcx.is_there());
        assert_eq!(finding(&document, "native")["severity"], "ok");
        assert_eq!(xdp_on(&hosts.server, "server0"), "");
    }
}

#[test]
fn the_loopback_interface_has_no_native_mode() {
    if !is_root_or_skips("the_loopback_interface_has_no_native_mode") {
        return;
    }
    let netns = Netns::new().expect("a network namespace");
    for arguments in ["-i lo", "-i lo --probe"] {
        let (can_run, document) = doctor(&netns, arguments);
        assert!(can_run && runs(&netns, "-i lo"), "{document:#}");
        assert_eq!(document["interfaces"][0]["native"], false);
        assert_eq!(finding(&document, "no-native")["severity"], "warning");
        assert!(runs(&netns, "-i lo --mode generic"), "its remedy");
    }
}

#[test]
fn another_program_is_named_and_its_removal_works() {
    if !is_root_or_skips("another_program_is_named_and_its_removal_works") {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.up().expect("up");
    let foreign = ForeignProgram::load().expect("a program");
    let mut link = None;
    for by_link in [false, true] {
        if by_link {
            link = Some(foreign.link(&veth.server).expect("attached"));
        } else {
            foreign.attach(&veth.server).expect("attached");
        }
        for arguments in ["-i server0", "-i server0 --probe"] {
            let (can_run, document) = doctor(&hosts.server, arguments);
            assert!(
                !can_run && !runs(&hosts.server, "-i server0"),
                "{document:#}"
            );
            let said = finding(&document, "occupied")["summary"]
                .as_str()
                .expect("text");
            assert!(said.contains("\"somebody_else\" (id "), "{said}");
        }
        let (_, document) = doctor(&hosts.server, "-i server0");
        let remedy = finding(&document, "occupied")["remedy"]
            .as_str()
            .expect("text");
        let command = remedy.strip_prefix("remove it: ").expect("a command");
        let mut words = command.split(' ');
        let mut remove = Command::new(words.next().expect("a program"));
        let removed = hosts.server.output(remove.args(words)).expect("it starts");
        assert!(removed.status.success(), "{command}: {}", stderr(&removed));
        assert!(doctor(&hosts.server, "-i server0").0 && runs(&hosts.server, "-i server0"));
    }
    drop(link);
}

#[test]
fn jumbo_frames_are_in_the_way_of_native_mode_only_without_multi_buffer_support() {
    if !is_root_or_skips(
        "jumbo_frames_are_in_the_way_of_native_mode_only_without_multi_buffer_support",
    ) {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.up().expect("up");
    veth.client.up().expect("up");
    veth.set_mtu(9_000).expect("jumbo frames");
    for probe in ["", " --probe"] {
        let (can_run, document) = doctor(&hosts.server, &format!("-i server0{probe}"));
        assert!(can_run && runs(&hosts.server, "-i server0"), "{document:#}");
        let has_frags = Feature::MultiBuffer.is_there();
        assert_eq!(
            document["interfaces"][0]["native"], has_frags,
            "{document:#}"
        );
        assert_eq!(runs(&hosts.server, "-i server0 --mode native"), has_frags);
        if !has_frags {
            let remedy = finding(&document, "mtu-too-large")["remedy"]
                .as_str()
                .expect("text");
            assert!(
                remedy.contains("ip link set dev client0 mtu 1500"),
                "{remedy}"
            );
        }
    }
    if !Feature::MultiBuffer.is_there() {
        hosts
            .client
            .ip("link set dev client0 mtu 1500")
            .expect("the remedy");
        let (_, document) = doctor(&hosts.server, "-i server0");
        assert_eq!(document["interfaces"][0]["native"], true, "{document:#}");
        assert!(runs(&hosts.server, "-i server0 --mode native"));
    }
}

#[test]
fn an_interface_that_is_down_comes_up_by_the_remedy() {
    if !is_root_or_skips("an_interface_that_is_down_comes_up_by_the_remedy") {
        return;
    }
    let hosts = Hosts::new();
    let _veth = hosts.veth();
    let (can_run, document) = doctor(&hosts.server, "-i server0");
    assert!(can_run);
    let down = finding(&document, "interface-down");
    assert_eq!(down["remedy"], "ip link set dev server0 up");
    hosts
        .server
        .ip("link set dev server0 up")
        .expect("the remedy");
    let (_, document) = doctor(&hosts.server, "-i server0");
    let findings = document["findings"].as_array().expect("findings");
    assert!(
        findings
            .iter()
            .all(|finding| finding["id"] != "interface-down")
    );
}

#[test]
fn an_unknown_interface_is_one_error() {
    if !is_root_or_skips("an_unknown_interface_is_one_error") {
        return;
    }
    let netns = Netns::new().expect("a network namespace");
    for arguments in ["-i eth7", ""] {
        let (can_run, document) = doctor(&netns, arguments);
        assert!(!can_run && !runs(&netns, arguments));
        let findings = document["findings"].as_array().expect("findings").iter();
        let errors: Vec<_> = findings
            .filter(|finding| finding["severity"] == "error")
            .collect();
        assert_eq!(errors.len(), 1, "{errors:#?}");
        assert_eq!(errors[0]["id"], "no-interface");
    }
}

#[test]
fn a_user_without_privileges_is_told_which_and_how_to_get_them() {
    if !is_root_or_skips("a_user_without_privileges_is_told_which_and_how_to_get_them") {
        return;
    }
    let netns = Netns::new().expect("a network namespace");
    let program = program_for_others();
    for (capabilities, lacking) in [
        ("", "CAP_BPF, CAP_NET_ADMIN"),
        (",+bpf", "CAP_NET_ADMIN"),
        (",+bpf,+perfmon", "CAP_NET_ADMIN"),
        (",+net_admin,+perfmon", "CAP_BPF"),
    ] {
        let with = |arguments: &[&str]| {
            let mut command = Command::new("setpriv");
            command
                .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
                .arg(format!("--inh-caps=-all{capabilities}"))
                .arg(format!("--ambient-caps=-all{capabilities}"))
                .arg(&program.path)
                .args(arguments);
            netns.output(&mut command).expect("setpriv starts")
        };
        let (can_run, document) = judged(&with(&["doctor", "-i", "lo", "--format", "json"]));
        assert!(!can_run);
        let missing = finding(&document, "capabilities-missing");
        let (summary, remedy) = (&missing["summary"], &missing["remedy"]);
        let text = summary.as_str().expect("text");
        assert!(
            text.ends_with(&format!("this process lacks {lacking}")),
            "{text}"
        );
        let refused = with(&["run", "-i", "lo"]);
        let said = format!("{}; {}", text, remedy.as_str().expect("text"));
        assert_eq!(refused.status.code(), Some(1));
        assert!(
            stderr(&refused).contains(&said),
            "{said} is not in: {}",
            stderr(&refused)
        );
    }
}

#[test]
fn without_a_bpf_file_system_a_run_works_and_mounting_one_is_advised() {
    const TEST: &str = "without_a_bpf_file_system_a_run_works_and_mounting_one_is_advised";
    if !is_root_or_skips(TEST) || !tool::is_there_or_skips("sh", "dash", TEST) {
        return;
    }
    let netns = Netns::new().expect("a network namespace");
    let program = env!("CARGO_BIN_EXE_portclass");
    let with = |mount: &str| {
        let script = format!(
            "while umount /sys/fs/bpf 2>/dev/null; do :; done; {mount}; exec {program} doctor -i lo --format json"
        );
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", &script]);
        judged(&netns.output(&mut command).expect("unshare starts"))
    };
    let (can_run, document) = with(":");
    assert!(can_run);
    let remedy = finding(&document, "no-bpffs")["remedy"]
        .as_str()
        .expect("text");
    let mount = remedy.strip_prefix("mount one: ").expect("a command");
    let (_, document) = with(mount);
    assert_eq!(finding(&document, "bpffs")["severity"], "ok");
}

#[test]
fn a_container_is_told_what_has_to_come_from_outside() {
    const TEST: &str = "a_container_is_told_what_has_to_come_from_outside";
    if !is_root_or_skips(TEST) || !tool::is_there_or_skips("sh", "dash", TEST) {
        return;
    }
    let netns = Netns::new().expect("a network namespace");
    let program = env!("CARGO_BIN_EXE_portclass");
    let script = format!(
        "while umount /sys/fs/bpf 2>/dev/null; do :; done; \
         exec setpriv --bounding-set=-bpf,-net_admin,-perfmon,-sys_admin {program} doctor -i lo --format json"
    );
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", &script]);
    let (can_run, document) = judged(&netns.output(&mut command).expect("unshare starts"));
    assert!(!can_run);
    for (id, option) in [
        ("capabilities-missing", "--cap-add BPF --cap-add NET_ADMIN"),
        ("no-bpffs", "--volume /sys/fs/bpf:/bpf"),
    ] {
        let remedy = finding(&document, id)["remedy"].as_str().expect("text");
        assert!(remedy.contains(option), "{remedy}");
    }
}

#[test]
fn a_kernel_without_bpf_is_an_error() {
    if !is_root_or_skips("a_kernel_without_bpf_is_an_error") {
        return;
    }
    let netns = Netns::new().expect("a network namespace");
    let mut command = portclass("doctor -i lo --format json");
    testbed::seccomp::without_bpf(&mut command);
    let (can_run, document) = judged(&netns.output(&mut command).expect("portclass starts"));
    assert!(!can_run);
    assert_eq!(finding(&document, "no-bpf")["severity"], "error");
}

#[test]
fn a_run_lists_what_it_has_got_and_each_fallback_lacks_something() {
    if !is_root_or_skips("a_run_lists_what_it_has_got_and_each_fallback_lacks_something") {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.up().expect("up");
    let (frags, tcx) = (Feature::MultiBuffer.is_there(), Feature::Tcx.is_there());
    for (arguments, expected) in [
        (
            "--direction both",
            [(frags, "frags"), (false, "mark"), (tcx, "tcx")],
        ),
        (
            "--tag mark",
            [(frags, "frags"), (true, "mark"), (tcx, "tcx")],
        ),
        (
            "--tag mark --tc-hook clsact",
            [(frags, "frags"), (true, "mark"), (false, "tcx")],
        ),
        // Metadata does not survive multi-buffer support in generic mode.
        (
            "--tag metadata --mode generic",
            [(true, "metadata"), (false, "frags"), (false, "tcx")],
        ),
    ] {
        let run = Run::start(
            &hosts.server,
            &format!("-i server0 --format json {arguments}"),
        );
        let expected: Vec<_> = expected
            .into_iter()
            .filter(|pair| pair.0)
            .map(|pair| pair.1)
            .collect();
        assert_eq!(
            run.said.contains("without frags"),
            !expected.contains(&"frags"),
            "{}",
            run.said
        );
        if arguments.contains("clsact") {
            assert!(run.said.contains("mark by clsact"), "{}", run.said);
        }
        assert_eq!(
            run.interrupt()["interfaces"][0]["features"],
            serde_json::json!(expected)
        );
    }
}
