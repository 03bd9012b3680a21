//! The rooms of the house: nobody imports backwards.

use std::{fs, path::Path};

/// Every line of a room's sources, with the file it stands in.
fn lines(room: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(room);
    let mut lines = Vec::new();
    collect(&folder, &mut lines);
    assert!(lines.len() > 100, "{room} is nearly empty");
    lines
}

fn collect(folder: &Path, lines: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("a room") {
        let path = entry.expect("a file").path();
        if path.is_dir() {
            collect(&path, lines);
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source file");
        lines.extend(
            text.lines()
                .map(|line| (path.display().to_string(), line.to_owned())),
        );
    }
}

#[test]
fn rooms_know_only_the_rooms_before_them() {
    for (room, strangers) in [
        (
            "registry",
            &[
                "capture",
                "host",
                "dataplane",
                "doctor",
                "account",
                "report",
            ][..],
        ),
        (
            "capture",
            &[
                "registry",
                "host",
                "dataplane",
                "doctor",
                "account",
                "report",
            ],
        ),
        (
            "host",
            &["capture", "dataplane", "doctor", "account", "report"],
        ),
        (
            "dataplane",
            &["capture", "host", "doctor", "account", "report"],
        ),
        (
            "doctor",
            &["registry", "capture", "host", "account", "report"],
        ),
        (
            "account",
            &["capture", "host", "dataplane", "doctor", "report"],
        ),
        ("report", &["capture", "host", "dataplane"]),
    ] {
        for (file, line) in lines(room) {
            for stranger in strangers {
                assert!(!names(&line, stranger), "{file}: {line}");
            }
        }
    }
}

/// Whether a line of code names a room, as a module or as the start of a path.
fn names(line: &str, room: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    let is_word =
        |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    code.match_indices(room).any(|(at, _)| {
        let before = at
            .checked_sub(1)
            .and_then(|at| code.as_bytes().get(at).copied());
        let after = &code[at + room.len()..];
        let is_import = code.trim_start().starts_with("use ") || code.trim_end().ends_with(',');
        !is_word(before) && (after.starts_with("::") || is_import && after.starts_with([',', '}']))
    })
}

#[test]
fn a_room_is_found_however_it_is_named() {
    for line in [
        "    report::{Live},",
        "use crate::{account, report};",
        "super::super::report::table(x)",
        "use crate::{report::Live};",
    ] {
        assert!(names(line, "report"), "{line}");
    }
    for line in [
        "let report = 1;",
        "// crate::report::table",
        "my_report::x()",
        "reports::x()",
    ] {
        assert!(!names(line, "report"), "{line}");
    }
}

#[test]
fn only_the_dataplane_speaks_to_the_kernel_and_only_the_binary_knows_clap() {
    for room in ["registry", "capture", "host", "doctor", "account", "report"] {
        for (file, line) in lines(room) {
            for library in [
                "aya",
                "rustix",
                "netlink_",
                "tokio",
                "clap",
                "ratatui::crossterm",
            ] {
                let import = format!("use {library}");
                assert!(!line.contains(&import), "{file}: {line}");
            }
        }
    }
    for (file, line) in lines("dataplane") {
        assert!(
            !line.contains("use clap") && !line.contains("use serde"),
            "{file}: {line}"
        );
    }
}
