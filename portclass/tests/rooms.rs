//! The rooms of the house: nobody imports backwards.

use std::{fs, path::Path};

/// Every line of a room's sources, with the file it stands in.
fn lines(room: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(room);
    let mut lines = Vec::new();
    for entry in fs::read_dir(folder).expect("a room") {
        let path = entry.expect("a file").path();
        let text = fs::read_to_string(&path).expect("a source file");
        lines.extend(
            text.lines()
                .map(|line| (path.display().to_string(), line.to_owned())),
        );
    }
    assert!(lines.len() > 100, "{room} is nearly empty");
    lines
}

#[test]
fn rooms_know_only_the_rooms_before_them() {
    for (room, strangers) in [
        ("registry", &["dataplane", "account", "report"][..]),
        ("dataplane", &["account", "report"]),
        ("account", &["dataplane", "report"]),
        ("report", &["dataplane"]),
    ] {
        for (file, line) in lines(room) {
            for stranger in strangers {
                let imports = [format!("crate::{stranger}"), format!("    {stranger}::{{")];
                assert!(
                    !imports.iter().any(|import| line.contains(import)),
                    "{file}: {line}"
                );
            }
        }
    }
}

#[test]
fn only_the_dataplane_speaks_to_the_kernel_and_only_the_binary_knows_clap() {
    for room in ["registry", "account", "report"] {
        for (file, line) in lines(room) {
            for library in ["aya", "rustix", "netlink_", "tokio", "clap"] {
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
