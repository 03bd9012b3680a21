//! `portclass doctor` on interfaces that hang together: what lies upon another, and the ends of a pair.

use std::process::Command;

use testbed::{
    kernel::{has_kind_or_skips, skip},
    privilege::is_root_or_skips,
};

use super::{
    doctor::{doctor, finding, runs},
    process::{Hosts, Run, stderr, xdp_on},
};

#[test]
fn what_lies_beneath_another_one_is_attached_to_first_however_they_are_listed() {
    const TEST: &str = "what_lies_beneath_another_one_is_attached_to_first_however_they_are_listed";
    if !is_root_or_skips(TEST) || !has_kind_or_skips("bridge", TEST).expect("a namespace") {
        return;
    }
    let hosts = Hosts::new();
    // Its number is the lower one.
    hosts
        .server
        .ip("link add br0 type bridge")
        .expect("a bridge");
    let veth = hosts.veth();
    veth.server.up().expect("up");
    hosts
        .server
        .ip("link set dev server0 master br0")
        .expect("a port");
    for arguments in ["-i br0 -i server0", "-i server0 -i br0"] {
        let (can_run, document) = doctor(&hosts.server, arguments);
        assert!(can_run && runs(&hosts.server, arguments), "{document:#}");
    }
    let report = Run::start(&hosts.server, "-i all --format json").interrupt();
    // Some kernels put interfaces of their own into every namespace, such as gre0.
    let observed = report["interfaces"].as_array().expect("interfaces");
    for name in ["lo", "br0", "server0"] {
        let is_observed = observed.iter().any(|interface| interface["name"] == name);
        assert!(is_observed, "{report:#}");
    }
}

#[test]
fn a_program_on_what_lies_upon_an_interface_is_named_and_its_removal_works() {
    const TEST: &str = "a_program_on_what_lies_upon_an_interface_is_named_and_its_removal_works";
    if !is_root_or_skips(TEST) {
        return;
    }
    for kind in ["bridge", "macvlan"] {
        if !has_kind_or_skips(kind, TEST).expect("a namespace") {
            continue;
        }
        let hosts = Hosts::new();
        let veth = hosts.veth();
        veth.server.up().expect("up");
        let commands: &[&str] = if kind == "bridge" {
            &[
                "link add upper0 type bridge",
                "link set dev server0 master upper0",
            ]
        } else {
            &["link add link server0 name upper0 type macvlan"]
        };
        for command in commands {
            hosts
                .server
                .ip(command)
                .expect("an interface upon the veth");
        }
        let mut upper = Run::start(&hosts.server, "-i upper0 --format json");
        let (can_run, document) = doctor(&hosts.server, "-i server0");
        assert_eq!(can_run, runs(&hosts.server, "-i server0"), "{document:#}");
        if can_run {
            skip(
                TEST,
                "this kernel minds no programs above (Linux 5.15, 879af96ffd72)",
            );
            return;
        }
        let found = finding(&document, "upper-occupied");
        let (summary, remedy) = (&found["summary"], &found["remedy"]);
        assert!(
            summary
                .as_str()
                .is_some_and(|text| text.ends_with("is attached to upper0, which lies upon it")),
            "{summary}"
        );
        let remedy = remedy.as_str().expect("text");
        let (_, command) = remedy.split_once("remove it: ").expect("a command");
        let mut words = command.split(' ');
        let mut remove = Command::new(words.next().expect("a program"));
        let removed = hosts.server.output(remove.args(words)).expect("it starts");
        assert!(removed.status.success(), "{command}: {}", stderr(&removed));
        assert_eq!(xdp_on(&hosts.server, "upper0"), "");
        assert!(doctor(&hosts.server, "-i server0").0 && runs(&hosts.server, "-i server0"));
        let said = upper.next_line();
        assert!(said.contains("somebody has detached portclass"), "{said}");
        upper.interrupt();
    }
}

#[test]
fn a_program_on_a_tunnel_is_in_nobodys_way() {
    const TEST: &str = "a_program_on_a_tunnel_is_in_nobodys_way";
    if !is_root_or_skips(TEST) {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.up().expect("up");
    for (name, kind) in [("upper0", "gre"), ("upper1", "gretap")] {
        let ends = "local 192.0.2.1 remote 192.0.2.2 dev server0";
        let add = format!("link add name {name} type {kind} {ends}");
        if hosts.server.ip(&add).is_err() {
            skip(
                TEST,
                format_args!("this kernel has no interfaces of type {kind}"),
            );
            continue;
        }
        let upper = Run::start(&hosts.server, &format!("-i {name} --format json"));
        let (can_run, document) = doctor(&hosts.server, "-i server0");
        assert!(can_run && runs(&hosts.server, "-i server0"), "{document:#}");
        upper.interrupt();
    }
}

#[test]
fn a_veth_whose_peer_sends_by_more_queues_gets_native_mode_by_the_remedy() {
    const TEST: &str = "a_veth_whose_peer_sends_by_more_queues_gets_native_mode_by_the_remedy";
    if !is_root_or_skips(TEST) {
        return;
    }
    let hosts = Hosts::new();
    let server = hosts.server.path();
    hosts
        .client
        .ip(&format!(
            "link add client0 numtxqueues 2 numrxqueues 2 type veth peer name server0 numtxqueues 1 numrxqueues 1 netns {}",
            server.display()
        ))
        .expect("a veth pair");
    hosts.client.ip("link set dev client0 up").expect("up");
    hosts.server.ip("link set dev server0 up").expect("up");
    for arguments in ["-i server0", "-i server0 --probe"] {
        let (can_run, document) = doctor(&hosts.server, arguments);
        assert!(can_run && runs(&hosts.server, "-i server0"), "{document:#}");
        assert!(!runs(&hosts.server, "-i server0 --mode native"));
        if document["interfaces"][0]["native"] != false {
            skip(
                TEST,
                "before Linux 6.3 drivers do not tell whether they can",
            );
            return;
        }
        let remedy = &finding(&document, "too-few-queues")["remedy"];
        assert!(
            remedy.as_str().is_some_and(
                |text| text.contains("(in its own network namespace: ethtool -L client0 tx 1)")
            ),
            "{remedy}"
        );
    }
    let mut ethtool = Command::new("ethtool");
    let set = hosts
        .client
        .output(ethtool.args(["-L", "client0", "tx", "1"]));
    if !set.is_ok_and(|output| output.status.success()) {
        skip(TEST, "there is no ethtool, or it cannot set queues");
        return;
    }
    let (_, document) = doctor(&hosts.server, "-i server0");
    assert_eq!(document["interfaces"][0]["native"], true, "{document:#}");
    assert!(runs(&hosts.server, "-i server0 --mode native"));
}
