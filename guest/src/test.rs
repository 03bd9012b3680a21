//! `test`: runs test programs.

use std::process::Command;

use anyhow::{Context as _, Result};

use crate::measure;

/// Runs each program to its end, and gives the status of the first that fails.
pub fn run(words: &[&str]) -> Result<i32> {
    let mut parts = words.splitn(2, |word| *word == "--");
    let programs = parts.next().unwrap_or_default();
    let arguments = parts.next().unwrap_or_default();
    measure::start().context("cannot measure portclass's start")?;
    let mut first_failure = 0;
    for program in programs {
        let status = Command::new(program)
            .args(arguments)
            // Tests may take its network cards for theirs.
            .env(testbed::machine::VARIABLE, "1")
            .env(testbed::c::OBJECTS, "/objects")
            .status()
            .with_context(|| format!("cannot start {program}"))?;
        if first_failure == 0 {
            first_failure = status.code().unwrap_or(1);
        }
    }
    Ok(first_failure)
}
