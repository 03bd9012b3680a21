//! Settings of the whole host that `portclass doctor` advises against, and its remedies for them. They run where nothing
//! else depends on such settings: in the machines of `cargo xtask vm`, one after the other.

use std::{
    fs,
    process::{Command, Output},
};

use serde_json::Value;
use testbed::{kernel::skip, machine::is_in_machine};

/// What the doctor says of the loopback interface.
fn doctor() -> Value {
    let mut doctor = Command::new(env!("CARGO_BIN_EXE_portclass"));
    let Output { stdout, stderr, .. } = doctor
        .args(["doctor", "-i", "lo", "--format", "json"])
        .output()
        .expect("it starts");
    serde_json::from_slice(&stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&stderr)))
}

fn finding<'document>(document: &'document Value, id: &str) -> Option<&'document Value> {
    let mut findings = document["findings"].as_array().expect("findings").iter();
    findings.find(|finding| finding["id"] == id)
}

#[test]
fn a_setting_that_is_advised_against_is_mended_by_the_remedy() {
    const TEST: &str = "a_setting_that_is_advised_against_is_mended_by_the_remedy";
    if !is_in_machine() {
        skip(
            TEST,
            "it sets up the whole host, as cargo xtask vm's machines may be",
        );
        return;
    }
    for (setting, id) in [
        ("net/core/bpf_jit_enable", "jit-off"),
        ("kernel/unprivileged_bpf_disabled", "unprivileged-bpf"),
    ] {
        if let Err(why) = fs::write(format!("/proc/sys/{setting}"), "0") {
            skip(&format!("{TEST}, {setting}"), why);
            continue;
        }
        let document = doctor();
        let found = finding(&document, id).unwrap_or_else(|| panic!("{document:#}"));
        let remedy = found["remedy"].as_str().expect("a remedy");
        let (_, words) = remedy.split_once("sysctl ").expect("a command");
        let status = Command::new("sysctl").args(words.split(' ')).status();
        assert!(status.expect("sysctl starts").success(), "{remedy}");
        let document = doctor();
        assert!(finding(&document, id).is_none(), "{document:#}");
    }
}
