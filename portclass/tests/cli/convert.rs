//! `portclass registry convert`: what it writes, and what it leaves alone.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    process::{Command, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use super::registry::{SHIPPED, SMALL_XML, files, registry};
use crate::{failure, portclass};

#[test]
fn a_registry_is_converted_between_formats() {
    let folder = TempDir::new().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let csv = path("small.csv");
    assert_eq!(
        registry(&["convert", SMALL_XML, "--to", "csv", "--output", &csv]),
        ""
    );
    let again = registry(&["diff", SMALL_XML, &csv]);
    assert!(
        again
            .trim_end()
            .ends_with("0 added, 0 removed, 0 renamed, 0 status, 0 amended"),
        "{again}"
    );
    let json: Value =
        serde_json::from_str(&registry(&["convert", &csv, "--to", "json"])).expect("JSON");
    assert_eq!(json["schema"], "portclass.registry/1");
    assert_eq!(json["records"].as_array().expect("records").len(), 11);
    assert_eq!(json["records"][5]["service"], "beta");
    assert_eq!(
        (
            &json["records"][5]["first_port"],
            &json["records"][5]["last_port"]
        ),
        (&200.into(), &203.into())
    );
    let services = registry(&["convert", SMALL_XML, "--to", "services"]);
    let lines: BTreeSet<_> = services
        .lines()
        .skip(1)
        .map(|line| {
            line.split_whitespace()
                .take(2)
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect();
    assert!(
        lines.contains("alpha 100/tcp") && lines.contains("beta 203/dccp"),
        "{services}"
    );
    // Four ports on four transports, less the one that has a name of its own; then alpha, gamma and delta.
    assert_eq!(lines.len(), 4 * 4 - 1 + 3, "{services}");
    assert!(
        services.contains("alpha_old"),
        "aliases stand behind the name: {services}"
    );
}

#[test]
fn a_conversion_that_fails_leaves_the_old_file_and_nothing_else() {
    let (folder, [kept]) = files([("kept.csv", "as it was")]);
    fs::set_permissions(&kept, fs::Permissions::from_mode(0o640)).expect("permissions");
    let (status, said) = failure(&[
        "registry",
        "convert",
        "/nonexistent",
        "--to",
        "csv",
        "--output",
        &kept,
    ]);
    assert_eq!(status, Some(1), "{said}");
    assert_eq!(fs::read_to_string(&kept).expect("the file"), "as it was");
    let nowhere = folder.path().join("no/such/folder").display().to_string();
    let (status, said) = failure(&[
        "registry", "convert", SMALL_XML, "--to", "csv", "--output", &nowhere,
    ]);
    assert_eq!((status, said.lines().count()), (Some(1), 1), "{said}");
    assert!(said.contains("cannot write"), "{said}");
    registry(&["convert", SMALL_XML, "--to", "csv", "--output", &kept]);
    let mode = fs::metadata(&kept).expect("the file").permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 1);
}

#[test]
fn a_conversion_keeps_permissions_whatever_the_umask_and_follows_links() {
    let (folder, [kept]) = files([("kept.csv", "as it was")]);
    fs::set_permissions(&kept, fs::Permissions::from_mode(0o664)).expect("permissions");
    let link = folder.path().join("link");
    let dangling = folder.path().join("dangling");
    symlink("kept.csv", &link).expect("a link");
    symlink("made.csv", &dangling).expect("a link");
    for output in [&link, &dangling] {
        let script = format!(
            "umask 077; exec {} registry convert {SMALL_XML} --to csv --output {}",
            env!("CARGO_BIN_EXE_portclass"),
            output.display()
        );
        let status = Command::new("sh")
            .args(["-c", &script])
            .status()
            .expect("a shell");
        assert!(status.success());
        assert!(output.is_symlink());
        assert!(
            fs::read_to_string(output)
                .expect("the file")
                .starts_with("Service Name")
        );
    }
    let mode = fs::metadata(&kept).expect("the file").permissions().mode();
    assert_eq!(mode & 0o777, 0o664);
}

#[test]
fn an_output_that_is_open_already_is_written_to_and_not_replaced() {
    let (_folder, [out]) = files([("out.csv", "")]);
    for output in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
        let script = format!(
            "{{ echo start; {} registry convert {SMALL_XML} --to csv --output {output}; echo end; }} >>{out}",
            env!("CARGO_BIN_EXE_portclass")
        );
        let status = Command::new("sh")
            .args(["-c", &script])
            .status()
            .expect("a shell");
        assert!(status.success());
        let written = fs::read_to_string(&out).expect("the file");
        assert!(
            written.starts_with("start\nService Name"),
            "{output}: {written:.60}"
        );
    }
}

#[test]
fn a_reader_of_a_conversion_may_stop_reading() {
    for format in ["csv", "json", "services"] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_portclass"))
            .args(["registry", "convert", SHIPPED, "--to", format])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("portclass starts");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("its end");
        assert!(
            output.status.success(),
            "{format}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[test]
fn names_that_a_services_file_cannot_hold_are_told() {
    let output = portclass(&["registry", "convert", "--to", "services"]);
    assert!(output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(
        said.lines().next(),
        Some(
            "portclass: warning: \"Apple Remote Desktop (Net Assistant)\" cannot stand in such a file; it was left out"
        )
    );
}
