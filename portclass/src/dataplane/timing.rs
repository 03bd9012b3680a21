//! How often and how long the kernel runs programs, which it counts as long as somebody asks for it.

use std::{os::fd::OwnedFd, time::Duration};

use aya::sys::{Stats, enable_stats};

use super::{Dataplane, DataplaneError};

/// The kernel times all its programs as long as this value lives, which costs each run some nanoseconds.
#[derive(Debug)]
pub struct Timing {
    _descriptor: OwnedFd,
}

impl Timing {
    /// Has the kernel time its programs (Linux 5.8, kernel commit d46edd671a14).
    ///
    /// # Errors
    ///
    /// This process lacks CAP_SYS_ADMIN, or the kernel cannot do it.
    pub fn start() -> Result<Self, DataplaneError> {
        let descriptor = enable_stats(Stats::RunTime);
        let descriptor = descriptor.map_err(|error| DataplaneError::System {
            what: "have the kernel time its programs, which takes root (CAP_SYS_ADMIN)",
            why: error.io_error,
        })?;
        Ok(Self {
            _descriptor: descriptor,
        })
    }
}

/// Runs of a program since it was loaded, as far as they were timed.
#[derive(Clone, Debug)]
pub struct TimedProgram {
    /// The program's name in the object.
    pub name: &'static str,
    /// The kernel's number of it.
    pub id: u32,
    /// How often it ran.
    pub runs: u64,
    /// How long these runs took.
    pub time: Duration,
}

impl Dataplane {
    /// The runs of all programs that are loaded. What the kernel does not tell is left out.
    pub fn timed_programs(&self) -> Vec<TimedProgram> {
        self.programs()
            .filter_map(|(name, program)| {
                let info = program.info().ok()?;
                Some(TimedProgram {
                    name,
                    id: info.id(),
                    runs: info.run_count(),
                    time: info.run_time(),
                })
            })
            .collect()
    }
}
