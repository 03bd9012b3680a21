//! What tests need that only root has.

use std::io::Write as _;

/// Whether this process may make network namespaces; where it may not, says on standard error that `test` is
/// skipped.
pub fn is_root_or_skips(test: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        // Written past the test harness, which keeps back what a passing test prints.
        let line = format!("SKIPPED {test}: it makes network namespaces, which takes root\n");
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
    root
}
