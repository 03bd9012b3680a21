//! Attaching: which interface, which mode, and what is in the way.

use std::process::Command;

use portclass::dataplane::{Dataplane, Maps, Mode, ObtainedMode, Settings, interfaces};
use portclass_common::names;
use testbed::{
    foreign::ForeignProgram, kernel::Feature, netns::Netns, privilege::is_root_or_skips, veth::Veth,
};

use super::process::{Hosts, Run, assert_one_line, portclass, xdp_on};

fn output(netns: &Netns, arguments: &str) -> std::process::Output {
    netns
        .output(&mut portclass(arguments))
        .expect("portclass starts")
}

#[test]
fn the_default_routes_interface_is_the_default() {
    if !is_root_or_skips("the_default_routes_interface_is_the_default") {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    let others = Netns::new().expect("a network namespace");
    let other = Veth::new((&others, "client1"), (&hosts.server, "server1")).expect("a veth pair");
    veth.server.up().expect("up");
    other.server.up().expect("up");
    for route in [
        "-6 route add default dev server0 metric 1",
        "route add default dev server0 metric 200",
        "route add default dev server1 metric 100",
    ] {
        hosts.server.ip(route).expect("a route");
    }
    let chosen = |expected: &str| {
        let report = Run::start(&hosts.server, "--format json").interrupt();
        assert_eq!(report["interfaces"][0]["name"], expected);
    };
    chosen("server1");
    hosts
        .server
        .ip("route del default dev server1")
        .expect("removed");
    chosen("server0");
    hosts
        .server
        .ip("route del default dev server0")
        .expect("removed");
    chosen("server0");
}

#[test]
fn without_a_default_route_the_interfaces_are_listed() {
    if !is_root_or_skips("without_a_default_route_the_interfaces_are_listed") {
        return;
    }
    let netns = Netns::new().expect("a network namespace");
    assert_one_line(
        &output(&netns, "run"),
        1,
        &["no default route", "--iface", "lo"],
    );
    assert_one_line(
        &output(&netns, "run -i eth7"),
        1,
        &["eth7: no such interface", "this host has: lo"],
    );
}

#[test]
fn a_driver_without_native_mode_gets_generic_mode_and_a_warning() {
    if !is_root_or_skips("a_driver_without_native_mode_gets_generic_mode_and_a_warning") {
        return;
    }
    let netns = Netns::new().expect("a network namespace");
    let run = Run::start(&netns, "-i lo --format json");
    assert!(
        run.said
            .contains("warning: lo: its driver has no native XDP; attaching in generic mode"),
        "{}",
        run.said
    );
    assert_eq!(run.interrupt()["interfaces"][0]["mode"], "generic");
    assert_one_line(
        &output(&netns, "run -i lo --mode native"),
        1,
        &["lo: its driver has no native XDP", "--mode generic"],
    );
}

#[test]
fn jumbo_frames_are_no_obstacle_to_native_mode_with_multi_buffer_support() {
    const TEST: &str = "jumbo_frames_are_no_obstacle_to_native_mode_with_multi_buffer_support";
    if !is_root_or_skips(TEST) || !Feature::MultiBuffer.is_there_or_skips(TEST) {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.set_mtu(9_000).expect("jumbo frames");
    veth.server.up().expect("up");
    let run = Run::start(&hosts.server, "-i server0 --mode native --format json");
    assert_eq!(run.interrupt()["interfaces"][0]["mode"], "native");
}

#[test]
fn jumbo_frames_are_in_the_way_of_native_mode_without_multi_buffer_support() {
    if !is_root_or_skips("jumbo_frames_are_in_the_way_of_native_mode_without_multi_buffer_support")
    {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.set_mtu(9_000).expect("jumbo frames");
    let mut dataplane =
        Dataplane::open(Maps::Private { entries: 0 }, Settings::default()).expect("the maps");
    dataplane
        .image(0)
        .load_program(names::XDP)
        .expect("the verifier accepts the program");
    hosts.server.enter(|| {
        let interfaces = interfaces().expect("the interfaces");
        let server = interfaces.iter().find(|interface| interface.name == Hosts::SERVER).expect("it is there");
        let refused = dataplane
            .attach(0, server, Mode::Native)
            .expect_err("too large");
        assert_eq!(
            format!("{refused}; {}", refused.remedy()),
            "server0: an MTU of 9000 is too large for native XDP on this driver without multi-buffer support \
             (Linux 5.18, in some drivers later); lower it (ip link set dev server0 mtu 1500, and on a veth at its peer, too) or use --mode generic"
        );
        let attachment = dataplane.attach(0, server, Mode::Auto).expect("generic mode");
        assert_eq!(attachment.mode, ObtainedMode::Generic);
        let obstacle = attachment.fallback.expect("a reason").to_string();
        assert!(obstacle.contains("an MTU of 9000 is too large"), "{obstacle}");
    });
}

#[test]
fn a_kernel_without_bpf_is_said_to_be_one() {
    if !is_root_or_skips("a_kernel_without_bpf_is_said_to_be_one") {
        return;
    }
    let netns = Netns::new().expect("a network namespace");
    let mut command = portclass("run -i lo");
    testbed::seccomp::without_bpf(&mut command);
    let refused = netns.output(&mut command).expect("portclass starts");
    assert_one_line(
        &refused,
        1,
        &["this kernel has no BPF", "CONFIG_BPF_SYSCALL"],
    );
}

#[test]
fn memory_that_cannot_be_shared_with_the_kernel_is_said_to_be_missing() {
    if !is_root_or_skips("memory_that_cannot_be_shared_with_the_kernel_is_said_to_be_missing") {
        return;
    }
    let netns = Netns::new().expect("a network namespace");
    let mut command = portclass("run -i lo");
    testbed::seccomp::without_shared_mappings(&mut command);
    let refused = netns.output(&mut command).expect("portclass starts");
    assert_one_line(
        &refused,
        1,
        &[
            "cannot map the counters into memory",
            "Operation not permitted",
            "a security policy",
        ],
    );
}

#[test]
fn two_on_one_interface_are_one_too_many() {
    if !is_root_or_skips("two_on_one_interface_are_one_too_many") {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.up().expect("up");
    let run = Run::start(&hosts.server, "-i server0 --format json");
    for mode in ["auto", "native", "generic"] {
        let second = output(&hosts.server, &format!("run -i server0 --mode {mode}"));
        let parts = [
            "server0: XDP program \"portclass",
            "already attached",
            "stop the portclass",
            "bpftool link detach id",
        ];
        assert_one_line(&second, 1, &parts);
    }
    assert!(
        run.interrupt()["totals"]["packets"].is_u64(),
        "the first one still runs"
    );
}

#[test]
fn somebody_elses_program_is_named_with_the_command_that_removes_it_and_stays() {
    if !is_root_or_skips(
        "somebody_elses_program_is_named_with_the_command_that_removes_it_and_stays",
    ) {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.up().expect("up");
    let foreign = ForeignProgram::load().expect("a program");
    foreign.attach(&veth.server).expect("attached");
    let shown = || {
        let shown = xdp_on(&hosts.server, "server0");
        // The interface's own line tells of its state as well.
        shown.lines().last().map(str::to_owned)
    };
    let before = shown();
    assert!(before.is_some());
    let refused = output(&hosts.server, "run -i server0");
    assert_one_line(
        &refused,
        1,
        &[
            "XDP program \"somebody_else\"",
            "is already attached",
            "remove it: ip link set dev server0 xdpgeneric off",
        ],
    );
    assert_eq!(shown(), before);
}

#[test]
fn somebody_elses_link_is_named_with_its_id() {
    if !is_root_or_skips("somebody_elses_link_is_named_with_its_id") {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.up().expect("up");
    let link = ForeignProgram::load()
        .expect("a program")
        .link(&veth.server)
        .expect("attached");
    let refused = output(&hosts.server, "run -i server0");
    assert_one_line(
        &refused,
        1,
        &[
            "XDP program \"somebody_else\"",
            "is already attached",
            "remove it: bpftool link detach id ",
        ],
    );
    drop(link);
    Run::start(&hosts.server, "-i server0 --format json").interrupt();
}

#[test]
fn an_interface_with_an_odd_name_disturbs_nobody() {
    if !is_root_or_skips("an_interface_with_an_odd_name_disturbs_nobody") {
        return;
    }
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};

    let netns = Netns::new().expect("a network namespace");
    for name in [&b"\xff\xfe"[..], b"e\x1b[2J"] {
        let mut command = Command::new("ip");
        command
            .args(["link", "add", "name"])
            .arg(OsStr::from_bytes(name));
        let added = netns
            .output(command.args(["type", "ifb"]))
            .expect("ip starts");
        if !added.status.success() {
            // Newer iproute2 refuses such names itself, and this kernel may have no ifb.
            eprintln!(
                "SKIPPED the name {name:?}: {}",
                String::from_utf8_lossy(&added.stderr)
            );
        }
    }
    let said = String::from_utf8(output(&netns, "run -i nowhere").stderr).expect("text");
    assert!(said.contains("this host has: lo"), "{said}");
    assert!(!said.contains('\u{1b}'), "{said}");
    Run::start(&netns, "-i lo --format json").interrupt();
}

#[test]
fn when_one_of_two_interfaces_fails_the_other_is_left_as_it_was() {
    if !is_root_or_skips("when_one_of_two_interfaces_fails_the_other_is_left_as_it_was") {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.up().expect("up");
    let refused = output(&hosts.server, "run --mode native -i server0 -i lo");
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(xdp_on(&hosts.server, "server0"), "");
}

#[test]
fn a_run_goes_on_without_an_interface_that_only_a_pattern_names_and_that_refuses() {
    if !is_root_or_skips(
        "a_run_goes_on_without_an_interface_that_only_a_pattern_names_and_that_refuses",
    ) {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.up().expect("up");
    let foreign = ForeignProgram::load().expect("a program");
    foreign.attach(&veth.server).expect("attached");
    for arguments in ["", " --per-interface", " --direction both"] {
        let mut run = Run::start(
            &hosts.server,
            &format!("-i lo -i server* --format json{arguments}"),
        );
        let said = run.next_line();
        for part in [
            "warning: server0: XDP program \"somebody_else\"",
            "remove it: ip link set dev server0 xdpgeneric off; going on without this interface",
        ] {
            assert!(said.contains(part), "{said}");
        }
        let report = run.interrupt();
        let names = report["interfaces"].as_array().expect("interfaces").iter();
        let names: Vec<_> = names.map(|interface| &interface["name"]).collect();
        assert_eq!(names, ["lo"]);
    }
    let named = output(&hosts.server, "run -i all -i server0");
    assert_eq!(named.status.code(), Some(1));
    let none = output(&hosts.server, "run -i server*");
    assert_eq!(none.status.code(), Some(1));
    let said = super::process::stderr(&none);
    assert_eq!(said.lines().count(), 2, "{said}");
    assert!(
        said.contains("portclass: no interface that matches can be observed"),
        "{said}"
    );
}

#[test]
fn what_was_attached_to_an_interface_that_refuses_the_rest_is_taken_off() {
    const TEST: &str = "what_was_attached_to_an_interface_that_refuses_the_rest_is_taken_off";
    if !is_root_or_skips(TEST) {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.up().expect("up");
    // A block that may be shared takes no filters by way of its interface.
    let mut tc = Command::new("tc");
    tc.args([
        "qdisc",
        "add",
        "dev",
        "server0",
        "egress_block",
        "7",
        "clsact",
    ]);
    if !hosts
        .server
        .output(&mut tc)
        .expect("tc starts")
        .status
        .success()
    {
        eprintln!("SKIPPED {TEST}: this kernel has no clsact qdisc");
        return;
    }
    let mut run = Run::start(
        &hosts.server,
        "-i lo -i server* --direction both --tc-hook clsact --format json",
    );
    let said = run.next_line();
    assert!(said.contains("warning: server0: cannot attach"), "{said}");
    assert_eq!(xdp_on(&hosts.server, "server0"), "");
    let report = run.interrupt();
    assert_eq!(report["interfaces"].as_array().map(Vec::len), Some(1));
}

#[test]
fn an_interface_that_is_down_is_a_warning() {
    if !is_root_or_skips("an_interface_that_is_down_is_a_warning") {
        return;
    }
    let hosts = Hosts::new();
    let _veth = hosts.veth();
    let run = Run::start(&hosts.server, "-i server0 --format json");
    // The warning comes before the line that it has attached.
    assert!(
        run.said.contains("warning: server0: it is down"),
        "{}",
        run.said
    );
    run.interrupt();
}

#[test]
fn an_ordinary_user_who_lacks_a_capability_is_told() {
    if !is_root_or_skips("an_ordinary_user_who_lacks_a_capability_is_told") {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.up().expect("up");
    let program = super::process::program_for_others();
    let with = |capabilities: &str| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        command
            .arg(format!("--inh-caps=-all{capabilities}"))
            .arg(format!("--ambient-caps=-all{capabilities}"));
        command
            .arg(&program.path)
            .args(["run", "-i", "server0", "--format", "json"])
            .args(["--pin-dir", "/nonexistent/portclass"]);
        command
    };
    for lacking in ["", ",+net_admin,+perfmon", ",+bpf,+perfmon"] {
        let refused = hosts
            .server
            .output(&mut with(lacking))
            .expect("setpriv starts");
        assert_one_line(
            &refused,
            1,
            &[
                "the kernel refuses",
                "sudo",
                "CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON",
            ],
        );
        assert_eq!(xdp_on(&hosts.server, "server0"), "");
    }
}
