//! `portclass detach`: the pinned maps go, and filters that a killed run has left. What is attached otherwise belongs to a
//! running portclass and goes with it.

use std::io::{self, Write as _};

use portclass::dataplane::{our_filters, remove};

use super::{Failure, status::attached, stderr::say, unless_closed};
use crate::cli::PinArgs;

pub fn run(args: &PinArgs) -> Result<(), Failure> {
    let removed = remove(&args.pin_dir)?;
    let mut out = io::stdout().lock();
    unless_closed(if removed.is_empty() {
        writeln!(out, "nothing is pinned in {}", args.pin_dir.display())
    } else {
        removed
            .iter()
            .try_for_each(|path| writeln!(out, "removed {}", path.display()))
    })?;
    remove_leftovers();
    for line in attached()? {
        say(format_args!("still attached: {line}"));
    }
    Ok(())
}

/// Removes the filters that runs have left which were killed, on all interfaces of this network namespace.
pub fn remove_leftovers() {
    // Who may not list them cannot remove them either.
    let filters = our_filters().unwrap_or_default();
    for filter in filters.iter().filter(|filter| !filter.is_held()) {
        let (interface, program) = (&filter.interface, &filter.program);
        match filter.remove() {
            Ok(()) => say(format_args!(
                "{interface}: removed the filter {program} of a run that was killed"
            )),
            Err(why) => say(format_args!(
                "warning: {interface}: cannot remove the filter {program} of a run that was killed: {why}"
            )),
        }
    }
}
