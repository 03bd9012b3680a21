//! `portclass detach`: filters that a killed run has left go, and the pinned maps. What is attached otherwise belongs to a
//! running portclass and goes with it.

use std::io::{self, Write as _};

use portclass::dataplane::{Held, our_filters, remove};

use super::{
    Failure,
    status::{attached, unless_it_runs},
    stderr::say,
    unless_closed,
};
use crate::cli::PinArgs;

/// One obstacle does not keep the rest from being removed.
pub fn run(args: &PinArgs) -> Result<(), Failure> {
    let leftovers = remove_leftovers();
    let removed = remove(&args.pin_dir);
    let mut out = io::stdout().lock();
    let written = match removed.as_deref() {
        Ok([]) => writeln!(out, "nothing is pinned in {}", args.pin_dir.display()),
        Ok(removed) => removed
            .iter()
            .try_for_each(|path| writeln!(out, "removed {}", path.display())),
        Err(_) => Ok(()),
    };
    let attached = attached();
    // It says what is unsure, too.
    for line in attached.iter().flatten() {
        say(format_args!("still attached: {line}"));
    }
    let mut failures = leftovers.failures;
    failures.extend(removed.err().map(|error| error.to_string()));
    failures.extend(attached.err().map(|error| error.to_string()));
    failures.extend(unless_closed(written).err().map(|error| error.to_string()));
    if failures.is_empty() {
        Ok(())
    } else {
        Err(Failure::new(failures.join("; ")))
    }
}

/// What is left of the filters of runs that were killed.
#[derive(Default)]
pub struct Leftovers {
    /// About those that may belong to a process that this one cannot see.
    pub unsure: Vec<String>,
    /// About those that the kernel does not remove.
    pub failures: Vec<String>,
}

/// Removes the filters that runs have left which were killed, on all interfaces of this network namespace.
pub fn remove_leftovers() -> Leftovers {
    let mut left = Leftovers::default();
    // Who may not list them cannot remove them either.
    for filter in our_filters().unwrap_or_default() {
        let (interface, program) = (&filter.interface, &filter.program);
        match filter.held() {
            Held::Yes => {}
            Held::Unknown => left.unsure.push(format!(
                "{interface}: the filter {program} may be of a run that was killed: {}",
                unless_it_runs(&filter)
            )),
            Held::No => match filter.remove() {
                Ok(()) => say(format_args!(
                    "{interface}: removed the filter {program} of a run that was killed"
                )),
                Err(why) => left.failures.push(format!(
                    "{interface}: cannot remove the filter {program} of a run that was killed: {why}"
                )),
            },
        }
    }
    left
}
