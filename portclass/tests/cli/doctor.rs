//! `portclass doctor`, whatever privileges it has.

use std::process::Output;

use serde_json::Value;

use crate::portclass;

fn document(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("one JSON document")
}

/// The keys of an object, in alphabetical order.
fn keys(object: &Value) -> Vec<&str> {
    let mut keys: Vec<_> = object
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    keys
}

#[test]
fn the_document_has_the_same_keys_everywhere() {
    let output = portclass(&["doctor", "--iface", "lo", "--format", "json"]);
    let document = document(&output);
    assert_eq!(document["schema"], "portclass.doctor/1");
    assert_eq!(
        keys(&document),
        ["can_run", "findings", "interfaces", "kernel", "schema"]
    );
    assert_eq!(
        keys(&document["interfaces"][0]),
        [
            "driver", "generic", "index", "metadata", "mtu", "name", "native", "tcx"
        ]
    );
    for finding in document["findings"].as_array().expect("an array") {
        assert_eq!(
            keys(finding),
            ["id", "interface", "remedy", "severity", "summary"]
        );
    }
    assert_eq!(document["can_run"], output.status.success());
}

#[test]
fn the_table_says_the_same_as_the_document() {
    let document = document(&portclass(&["doctor", "-i", "lo", "-f", "json"]));
    let output = portclass(&["doctor", "-i", "lo"]);
    let table = String::from_utf8(output.stdout).expect("text");
    for finding in document["findings"].as_array().expect("an array") {
        let id = format!("[{}]", finding["id"].as_str().expect("text"));
        assert!(table.contains(&id), "{id} is not in: {table}");
        // In one piece, since it is to be copied.
        if let Some(remedy) = finding["remedy"].as_str() {
            let line = format!("         -> {remedy}");
            assert!(
                table.lines().any(|other| other == line),
                "{line} is not in: {table}"
            );
        }
    }
    let end = match document["can_run"].as_bool() {
        Some(true) => "portclass run would work",
        _ => "portclass run would fail",
    };
    assert_eq!(table.lines().last(), Some(end));
    let is_remedy = |line: &str| line.starts_with("         -> ");
    let mut others = table.lines().filter(|line| !is_remedy(line));
    assert!(others.all(|line| line.chars().count() <= 80), "{table}");
}

#[test]
fn an_unknown_interface_is_an_error_that_lists_those_that_are_there() {
    let output = portclass(&["doctor", "-i", "no-such-iface", "-f", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let document = document(&output);
    let mut findings = document["findings"].as_array().expect("an array").iter();
    let finding = findings
        .find(|finding| finding["id"] == "no-interface")
        .expect("it is there");
    assert_eq!(finding["summary"], "no-such-iface: no such interface");
    assert!(
        finding["remedy"]
            .as_str()
            .is_some_and(|remedy| remedy.contains("lo"))
    );
}

#[test]
fn a_name_that_no_interface_can_have_is_wrong_usage() {
    let output = portclass(&["doctor", "-i", "a/b"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
}
