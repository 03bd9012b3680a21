//! One file per subcommand: it reads its arguments and calls the rooms of the library, nothing else.

pub mod detach;
pub mod load;
mod log_line;
pub mod lookup;
mod output;
pub mod run;
pub mod status;
pub mod stderr;

use std::{error::Error, fmt, io};

use portclass::registry::{Finding, Registry, Sources};

use self::stderr::say;

/// Why a command failed: what, why, and the remedy, in one line.
pub struct Failure(String);

impl Failure {
    pub fn new(line: impl Into<String>) -> Self {
        Self(line.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// Loads a registry, and says which records had to be left out.
fn load_registry(sources: &Sources) -> Result<Registry, Failure> {
    const SHOWN: usize = 10;
    let (registry, findings): (_, Vec<Finding>) = Registry::load(sources)?;
    for finding in findings.iter().take(SHOWN) {
        say(format_args!("warning: {finding}; this record was left out"));
    }
    if findings.len() > SHOWN {
        say(format_args!(
            "warning: {} more records were left out",
            findings.len() - SHOWN
        ));
    }
    Ok(registry)
}

/// A closed stdout is a normal end.
fn unless_closed(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("cannot write to stdout: {error}")))
        }
        _ => Ok(()),
    }
}
