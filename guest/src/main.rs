//! The first process of `cargo xtask vm`'s machines: sets the machine up, does what it is there for, switches it off.
//!
//! What is to be done stands in `/task`, one word a line: `test` with the test programs and, after `--`, their arguments;
//! `show` with the arguments of `portclass`; or `show-screen` with the same where standard output is looked at. What the
//! kernel says goes to the first serial line, standard output to the second, standard error to the third.

mod measure;
mod power;
mod setup;
mod show;
mod test;

use std::{fs, process::ExitCode};

use anyhow::{Context as _, Result, bail};

fn main() -> ExitCode {
    let status = match run() {
        Ok(status) => status,
        Err(error) => {
            eprintln!("guest: {error:#}");
            1
        }
    };
    power::off(status)
}

fn run() -> Result<i32> {
    setup::mount_all()?;
    setup::take_serial_lines()?;
    setup::lift_limits()?;
    setup::load_drivers();
    setup::bring_loopback_up()?;
    let task = fs::read_to_string("/task").context("/task")?;
    let words: Vec<&str> = task.lines().collect();
    match words.split_first() {
        Some((&"test", rest)) => test::run(rest),
        Some((&"show", rest)) => show::run(rest, false),
        Some((&"show-screen", rest)) => show::run(rest, true),
        _ => bail!("/task: {task:?}: no task"),
    }
}
