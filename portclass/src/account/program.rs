//! What the kernel's programs cost, where that is measured.

use std::time::Duration;

/// Runs of a program in the kernel since it was loaded, as far as they were timed.
#[derive(Clone, Debug)]
pub struct ProgramRuns {
    /// The program's name.
    pub name: String,
    /// The kernel's number of it.
    pub id: u32,
    /// How often it ran.
    pub runs: u64,
    /// How long these runs took.
    pub time: Duration,
}
