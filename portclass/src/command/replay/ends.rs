//! What ends a replay early: a signal, or nobody who reads its report.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    flag,
};

use super::super::output::is_closed;

/// Whether the replay is to end.
#[derive(Clone)]
pub struct Ends(Arc<AtomicBool>);

impl Ends {
    /// Catches signals from now on: the first one ends the replay in order, the next one ends the process.
    pub fn catch() -> io::Result<Self> {
        let is_over = Arc::new(AtomicBool::new(false));
        for signal in [SIGHUP, SIGINT, SIGTERM] {
            // By shells' custom, the status of a process that a signal has ended.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&is_over))?;
            flag::register(signal, Arc::clone(&is_over))?;
        }
        Ok(Self(is_over))
    }

    pub fn is_over(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Ends the replay; from here on the next signal ends the process.
    pub fn end(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Ends the replay if nobody reads stdout any more.
    pub fn look_at_stdout(&self) {
        if is_closed(&io::stdout()) {
            self.end();
        }
    }
}
