//! The command line, where it needs no privilege: answers, bad input, exit status.

use std::{
    fs,
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

mod cli {
    mod convert;
    mod doctor;
    mod nft;
    mod registry;
    mod replay;
    mod replay_ends;
    mod replay_errors;
    mod top;
}

fn portclass(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portclass"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PORTCLASS_") {
            command.env_remove(name);
        }
    }
    command
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("portclass starts")
}

fn stdout(arguments: &[&str]) -> String {
    let output = portclass(arguments);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("text")
}

fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&stdout(
        &[&["lookup", "--format", "json"], arguments].concat(),
    ))
    .expect("JSON")
}

/// Status and stderr of a call that fails.
fn failure(arguments: &[&str]) -> (Option<i32>, String) {
    let output = portclass(arguments);
    assert!(output.stdout.is_empty(), "data of a call that fails");
    (
        output.status.code(),
        String::from_utf8(output.stderr).expect("text"),
    )
}

#[test]
fn look_ups_say_name_other_names_and_status() {
    let table = stdout(&[
        "lookup",
        "4846/tcp",
        "4789/udp",
        "4748",
        "4788/udp",
        "60000/tcp",
    ]);
    let rows: Vec<Vec<&str>> = table
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(rows[0][..4], ["PORT", "TRANSPORT", "STATUS", "SERVICE"]);
    assert_eq!(
        rows[1][..5],
        ["4846", "tcp", "assigned", "contamac-icm", "contamac_icm"]
    );
    assert_eq!(rows[2][..4], ["4789", "udp", "assigned", "vxlan"]);
    assert_eq!(rows[3][..3], ["4748", "any", "unassigned"]);
    assert_eq!(rows[4][..3], ["4788", "udp", "reserved"]);
    assert_eq!(rows[5][..3], ["60000", "tcp", "dynamic"]);
}

#[test]
fn look_ups_as_json_have_the_fields_of_the_contract() {
    let found = json(&["4846/tcp"]);
    assert_eq!(
        found[0],
        serde_json::json!({
            "port": 4846, "transport": "tcp", "status": "assigned", "service": "contamac-icm",
            "other_names": ["contamac_icm"],
            "description": found[0]["description"], "assignee": "[Abdullah_Obeid]",
            "contact": found[0]["contact"], "registered": "2008-03-20", "modified": null, "reference": null,
            "service_code": null, "unauthorized_use": null, "notes": null, "layer": "iana", "file": "the shipped registry", "line": found[0]["line"],
            "beneath": [],
        }),
    );
    let found = json(&["60000"]);
    assert_eq!(
        (&found[0]["status"], &found[0]["transport"]),
        (&"dynamic".into(), &Value::Null)
    );
    let found = json(&["2049/udp"]);
    assert_eq!(
        found[0]["beneath"],
        serde_json::json!([{
            "layer": "iana", "service": "shilp", "status": "assigned", "file": "the shipped registry",
            "line": found[0]["beneath"][0]["line"],
        }])
    );
    assert_eq!(
        json(&["--no-preferred-names", "2049/udp"])[0]["service"],
        "shilp"
    );
    assert_eq!(
        json(&["0-65535"]).as_array().expect("an array").len(),
        11_598
    );
}

#[test]
fn a_name_that_is_not_there_is_said_after_what_is() {
    let output = portclass(&["lookup", "https", "no-such-service"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("443"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        said.trim_end(),
        "portclass: no-such-service: no service of that name in the registry"
    );
    let (status, said) = failure(&["lookup", "htps", "vxlanx*"]);
    assert_eq!(status, Some(1));
    assert_eq!(
        said.trim_end(),
        "portclass: htps (did you mean ftps, htsp, https?), vxlanx* (did you mean vxlan?): no service of that name in the registry"
    );
}

#[test]
fn patterns_give_all_names_that_match() {
    let found = json(&["vxlan*", "VXLAN-?pe/udp"]);
    let services: Vec<_> = found
        .as_array()
        .expect("an array")
        .iter()
        .map(|found| found["service"].clone())
        .collect();
    assert_eq!(services, ["vxlan", "vxlan-gpe"]);
    // A name that is one, for all its asterisk.
    assert_eq!(json(&["sql*net"]).as_array().expect("an array").len(), 2);
}

#[test]
fn reports_of_unauthorized_use_and_notes_stand_below_the_table() {
    let table = stdout(&["lookup", "106/tcp", "3/tcp", "2049/tcp"]);
    let below: Vec<_> = table
        .lines()
        .skip_while(|line| !line.is_empty())
        .skip(1)
        .collect();
    assert_eq!(
        below,
        [
            "106/tcp 3com-tsmux: unauthorized use: Known Unauthorized Use on 106",
            "2049/tcp nfs: note: Defined TXT keys: path=<path to mount point>",
        ]
    );
}

#[test]
fn what_cannot_be_understood_is_wrong_usage() {
    let long = "x".repeat(300);
    for (arguments, part) in [
        (
            &["lookup", "65536"][..],
            "port 65536 is out of range; expected 0 to 65535",
        ),
        (
            &["lookup", "53/quic"],
            "unknown transport \"quic\"; expected tcp, udp, dccp or sctp",
        ),
        (&["lookup", "9-8"], "the range 9-8 ends before it starts"),
        (&["lookup"], "QUERIES"),
        (
            &["lookup", "1", "--registry-date", "2024-02-30"],
            "expected a day as YYYY-MM-DD",
        ),
        (
            &["registry", "show", "--status", "dynamic"],
            "possible values",
        ),
        (
            &["registry", "show", "--ports", "9-8"],
            "ends before it starts",
        ),
        (&["registry", "show", "--name", "[a"], "is no pattern"),
        (&["registry", "diff", "one"], "<NEW>"),
        (&["registry", "convert"], "--to"),
        (&["registry"], "Usage"),
        (
            &["run", "--iface", &long],
            "no interface can have this name; expected 1 to 15 bytes",
        ),
        (
            &["run", "--iface", "a/b"],
            "no interface can have this name",
        ),
        (&["run", "--iface", ""], "no interface can have this name"),
        (
            &["run", "--mode", "fast"],
            "possible values: auto, native, generic",
        ),
        (
            &["run", "--direction", "egress", "--tag", "metadata"],
            "--tag metadata is for what arrives; use --direction ingress or both",
        ),
        (
            &["run", "--direction", "egress", "--mode", "auto"],
            "--mode is for what arrives; use --direction ingress or both",
        ),
        (
            &["run", "--tc-hook", "tcx", "--tag", "metadata"],
            "--tc-hook is for what leaves and for marks; use --direction egress or both, or --tag mark",
        ),
        (
            &["run", "--mark-mask", "0x0007ffff"],
            "--mark-mask is for marks; use --tag mark",
        ),
        (&["run", "--interval", "0s"], "expected 10ms to 1day"),
        (&["run", "--duration", "soon"], "--duration"),
        (&["run", "--limit", "few"], "--limit"),
        (&["fly"], "unrecognized subcommand"),
        (&[], "Usage"),
    ] {
        let (status, said) = failure(arguments);
        assert_eq!(status, Some(2), "{arguments:?}: {said}");
        assert!(said.contains(part), "{arguments:?}: {said}");
    }
}

#[test]
fn a_registry_that_cannot_be_used_is_one_line() {
    let folder = TempDir::new().expect("a temporary folder");
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, content).expect("a temporary file");
        path.display().to_string()
    };
    let escape = file("escape\u{1b}[2J", b"");
    for (path, part) in [
        (file("empty", b""), "the file is empty"),
        (
            file("garbage", b"some,garbage\n1,2\n"),
            "not a port registry",
        ),
        (
            file("binary", &[0x7f, b'E', b'L', b'F', 0, 0xff, 0xfe]),
            "not a port registry",
        ),
        (
            folder.path().display().to_string(),
            "cannot read the registry",
        ),
        (
            "/nonexistent".to_owned(),
            "/nonexistent: cannot read the registry: No such file",
        ),
        (escape, "escape\u{fffd}[2J: the file is empty"),
    ] {
        for command in [&["lookup", "53"][..], &["load"]] {
            let (status, said) = failure(&[command, &["--registry", &path]].concat());
            assert_eq!(status, Some(1), "{said}");
            assert_eq!(said.lines().count(), 1, "{said}");
            assert!(
                said.starts_with("portclass: ") && said.contains(part),
                "{said}"
            );
        }
    }
}

#[test]
fn a_broken_record_is_a_warning_and_the_others_are_there() {
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join("registry.csv");
    let header = "Service Name,Port Number,Transport Protocol,Description,Assignee,Contact,Registration Date,\
                  Modification Date,Reference,Service Code,Known Unauthorized Uses,Assignment Notes";
    fs::write(
        &path,
        format!("{header}\nfirst,1,tcp,,,,,,,,,\nbroken,1x,tcp,,,,,,,,,\nlast,3,tcp,,,,,,,,,\n"),
    )
    .expect("a temporary file");
    let path = path.display().to_string();
    let output = portclass(&["lookup", "--registry", &path, "first", "last"]);
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 3);
    let said = String::from_utf8_lossy(&output.stderr);
    let expected = format!("portclass: warning: {path}:3: column 'Port Number': \"1x\" is no port");
    assert!(said.starts_with(&expected), "{said}");
}

#[test]
fn options_come_from_the_environment_as_well() {
    let output = Command::new(env!("CARGO_BIN_EXE_portclass"))
        .args(["lookup", "--format", "json", "2049/tcp"])
        .env("PORTCLASS_NO_PREFERRED_NAMES", "1")
        // For runs, which know more formats than look-ups.
        .env("PORTCLASS_FORMAT", "csv")
        .output()
        .expect("portclass starts");
    let found: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(found[0]["service"], "shilp");
}

#[test]
fn what_the_environment_says_without_effect_is_no_wrong_usage() {
    for (arguments, variables) in [
        (
            &["run"][..],
            &[
                ("PORTCLASS_MARK_MASK", "0xffffe000"),
                ("PORTCLASS_TC_HOOK", "tcx"),
            ][..],
        ),
        (
            &["run", "--direction", "egress", "--tc-hook", "tcx"],
            &[("PORTCLASS_MODE", "native")],
        ),
        (
            &["run", "--direction", "egress"],
            &[("PORTCLASS_TAG", "metadata")],
        ),
        (
            &["run", "--mark-mask", "0xffffe000", "--tc-hook", "tcx"],
            &[("PORTCLASS_TAG", "mark")],
        ),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_portclass"))
            .args(arguments)
            .args(["--iface", "no-such-one"])
            .envs(variables.iter().copied())
            .output()
            .expect("portclass starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("no-such-one: no such interface"), "{said}");
    }
}

#[test]
fn a_closed_stdout_is_a_normal_end() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_portclass"))
        .args(["lookup", "0-65535"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("portclass starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("its end");
    assert!(output.status.success());
    assert!(output.stderr.is_empty());
}
