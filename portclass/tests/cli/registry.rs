//! `portclass registry`: no privilege, no kernel.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::{failure, portclass, stdout};

pub const SHIPPED: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/data/service-names-port-numbers.csv"
);
pub const SMALL_XML: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/registry/fixtures/small.xml"
);
const PAGE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/registry/fixtures/excerpt.page.txt"
);

pub fn registry(arguments: &[&str]) -> String {
    stdout(&[&["registry"], arguments].concat())
}

fn registry_json(arguments: &[&str]) -> Value {
    serde_json::from_str(&registry(&[arguments, &["--format", "json"]].concat())).expect("JSON")
}

/// A folder with files of these names and contents, and their paths.
pub fn files<const N: usize>(files: [(&str, &str); N]) -> (TempDir, [String; N]) {
    let folder = TempDir::new().expect("a temporary folder");
    let paths = files.map(|(name, content)| {
        let path = folder.path().join(name);
        fs::write(&path, content).expect("a temporary file");
        path.display().to_string()
    });
    (folder, paths)
}

#[test]
fn a_check_lists_findings_with_file_line_and_column_and_counts_them() {
    let shown = registry(&["check"]);
    assert_eq!(
        shown.lines().last(),
        Some("14,447 records, 11,598 named pairs, 0 errors, 416 warnings")
    );
    let (_folder, [path]) = files([("bad.csv", "a,1,tcp\nb,1x,tcp\nc_d,3,udp\ne,4,quic\n")]);
    let output = portclass(&["registry", "check", &path]);
    assert_eq!(output.status.code(), Some(1));
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines: Vec<_> = shown.lines().collect();
    assert_eq!(
        lines,
        [
            &format!(
                "error: {path}:2: column 'Port Number': \"1x\" is no port; expected a number up to 65535, or two with a hyphen [port]"
            ),
            &format!(
                "warning: {path}:3: column 'Service Name': \"c_d\" has other characters than letters, digits and hyphens (RFC 6335 section 5.1) [name-syntax]"
            ),
            &format!(
                "error: {path}:4: column 'Transport Protocol': unknown transport \"quic\"; expected tcp, udp, dccp, sctp or nothing [transport]"
            ),
            "",
            "error    port                     1",
            "error    transport                1",
            "warning  name-syntax              1",
            "2 records, 2 named pairs, 2 errors, 1 warning",
        ]
    );
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "portclass: 2 errors; until they are mended, what they are about is left out\n"
    );
}

#[test]
fn a_check_as_json_has_counts_and_findings() {
    let output = portclass(&["registry", "check", "--registry", PAGE, "--format", "json"]);
    assert!(output.status.success(), "warnings are no errors");
    let checked: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(
        (&checked["records"], &checked["errors"]),
        (&100.into(), &0.into())
    );
    assert_eq!(checked["counts"]["cut-off"], 1);
    let findings = checked["findings"].as_array().expect("an array");
    let cut_off = findings.iter().find(|finding| finding["kind"] == "cut-off");
    assert_eq!(
        cut_off.expect("one"),
        &serde_json::json!({
            "severity": "warning", "kind": "cut-off", "file": PAGE, "line": 125, "column": null,
            "message": "this record is cut off; it was left out",
        })
    );
}

#[test]
fn records_are_shown_by_transport_status_ports_and_name() {
    let count = |arguments: &[&str]| {
        let shown = registry_json(&[&["show"], arguments].concat());
        shown.as_array().expect("an array").len()
    };
    assert_eq!(count(&[]), 14_447);
    assert_eq!(
        count(&["--status", "assigned", "--transport", "tcp"]),
        5_998 + 342
    );
    assert_eq!(
        count(&["--status", "assigned", "--transport", "any"]),
        16 + 577
    );
    assert_eq!(count(&["--status", "private-use"]), 14);
    assert_eq!(count(&["--ports", "6010"]), 2);
    assert_eq!(count(&["--ports", "4740-4851", "--transport", "sctp"]), 1);
    assert_eq!(count(&["--name", "VXLAN*"]), 2);
    assert_eq!(count(&["--name", "x11", "--ports", "1-6000"]), 2);
    let shown = registry(&["show", "--ports", "4788-4789"]);
    let rows: Vec<Vec<&str>> = shown
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        rows[0],
        [
            "PORTS",
            "TRANSPORT",
            "STATUS",
            "SERVICE",
            "LAYER",
            "DESCRIPTION"
        ]
    );
    assert_eq!(rows[1][..5], ["4788", "tcp", "assigned", "xmcp", "iana"]);
    assert_eq!(rows[2][..5], ["4788", "udp", "reserved", "-", "iana"]);
    assert_eq!(rows.len(), 5);
}

#[test]
fn shown_records_say_where_they_come_from() {
    let (_folder, [overlay]) = files([("site.csv", "# ours\nintranet,8080,tcp\n")]);
    let shown = registry_json(&[
        "show",
        "--overlay",
        &overlay,
        "--ports",
        "8080",
        "--transport",
        "tcp",
    ]);
    let origins: Vec<_> = shown
        .as_array()
        .expect("an array")
        .iter()
        .map(|row| (&row["service"], &row["layer"], &row["file"]))
        .collect();
    assert_eq!(
        origins,
        [
            (
                &"http-alt".into(),
                &"iana".into(),
                &"the shipped registry".into()
            ),
            (
                &"intranet".into(),
                &"overlay".into(),
                &Value::from(overlay.as_str())
            ),
        ]
    );
    assert_eq!(shown[1]["line"], 2);
}

#[test]
fn a_difference_is_a_table_or_json() {
    let (_folder, [old, new]) = files([
        ("old.csv", "a,1,tcp\nb,2-5,udp\n,9,,Unassigned\n"),
        ("new.csv", "z,1,tcp\nb,2-3,udp\nc,7,udp\n,9,,Reserved\n"),
    ]);
    let shown = registry(&["diff", &old, &new]);
    let rows: Vec<Vec<&str>> = shown
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        rows[0],
        ["CHANGE", "PORTS", "TRANSPORT", "BEFORE", "AFTER", "COLUMNS"]
    );
    assert_eq!(rows[1], ["added", "7", "udp", "not-listed", "c"]);
    assert_eq!(rows[2], ["removed", "4-5", "udp", "b", "not-listed"]);
    assert_eq!(rows[3], ["renamed", "1", "tcp", "a", "z"]);
    assert_eq!(
        rows[4],
        [
            "status",
            "9",
            "any",
            "unassigned",
            "reserved",
            "Description"
        ]
    );
    let totals = "1 added, 2 removed, 1 renamed, 4 status, 0 amended";
    assert!(shown.trim_end().ends_with(totals), "{shown}");
    let differences = registry_json(&["diff", &old, &new]);
    assert_eq!(differences["schema"], "portclass.registry-diff/1");
    assert_eq!(
        differences["added"],
        serde_json::json!([{
            "port": 7, "transport": "udp", "old": {"status": "not-listed", "service": null},
            "new": {"status": "assigned", "service": "c"}, "columns": [],
        }])
    );
    let same = registry(&["diff", SHIPPED, SHIPPED]);
    assert!(
        same.trim_end()
            .ends_with("0 added, 0 removed, 0 renamed, 0 status, 0 amended"),
        "{same}"
    );
}

#[test]
fn a_check_of_a_file_without_a_good_record_lists_what_is_wrong() {
    let (_folder, [path]) = files([("bad.csv", "a,1x,tcp\nb,2,quic\nc,,\nc,3-1,\n")]);
    let (_folder, [only_bad]) = files([("bad.csv", "name,port,transport\na,1x,tcp\nb,2,quic\n")]);
    for (path, errors) in [(path, 3), (only_bad, 2)] {
        let output = portclass(&["registry", "check", &path, "--format", "json"]);
        assert_eq!(output.status.code(), Some(1));
        let checked: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(checked["errors"], errors);
    }
}

#[test]
fn the_format_and_the_date_can_be_told() {
    let (_folder, [path]) = files([("odd", "intranet 8080/tcp\n")]);
    let (status, said) = failure(&["registry", "show", &path, "--registry-format", "xml"]);
    assert_eq!(status, Some(1));
    assert!(
        said.contains(":1: not the registry as XML: expected a <registry>"),
        "{said}"
    );
    let arguments = [
        "convert",
        &path,
        "--to",
        "json",
        "--registry-format",
        "services",
        "--registry-date",
        "2025-01-02",
    ];
    let json: Value = serde_json::from_str(&registry(&arguments)).expect("JSON");
    assert_eq!(json["updated"], "2025-01-02");
}

#[test]
fn strict_makes_an_error_of_a_record_that_cannot_be_used() {
    let (_folder, [path]) = files([("site.csv", "a,1,tcp\nb,1x,tcp\n")]);
    assert!(
        portclass(&["lookup", "1/tcp", "--overlay", &path])
            .status
            .success()
    );
    for command in [&["lookup", "1/tcp"][..], &["registry", "show"], &["load"]] {
        let (status, said) = failure(&[command, &["--overlay", &path, "--strict"]].concat());
        assert_eq!((status, said.lines().count()), (Some(1), 1), "{said}");
        assert!(said.contains("site.csv:2: column 'Port Number'"), "{said}");
    }
}

#[test]
fn this_hosts_services_are_a_layer_without_warnings_of_other_transports() {
    let (_folder, [path]) = files([("services", "http-here 80/tcp\nrtmp 1/ddp\n")]);
    let output = portclass(&[
        "lookup",
        "80/tcp",
        &format!("--etc-services={path}"),
        "--format",
        "json",
    ]);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let found: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(
        (&found[0]["service"], &found[0]["layer"]),
        (&"http-here".into(), &"etc-services".into())
    );
}
