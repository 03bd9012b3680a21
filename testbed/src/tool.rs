//! Programs that some tests run, and that not every machine has.

use std::process::{Command, Stdio};

use crate::kernel::skip;

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
        skip(test, format_args!("it runs {program} (package {package})"));
    }
    is_there
}
