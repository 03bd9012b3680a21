//! What tests need that only root has.

use crate::kernel::skip;

/// Whether this process may make network namespaces; where it may not, says on standard error that `test` is
/// skipped.
pub fn is_root_or_skips(test: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        skip(test, "it makes network namespaces, which takes root");
    }
    root
}
