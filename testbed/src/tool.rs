//! Programs that some tests run, and that not every machine has.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

/// Whether `program` can be started; where it cannot, says on standard error that `test` is skipped, and in which Debian
/// package the program is.
pub fn is_there_or_skips(program: &str, package: &str, test: &str) -> bool {
    let is_there = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    if !is_there {
        // Written past the test harness, which keeps back what a passing test prints.
        let line = format!("SKIPPED {test}: it runs {program} (package {package})\n");
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
    is_there
}
