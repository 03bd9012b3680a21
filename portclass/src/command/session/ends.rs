//! What ends a run in order.

use std::{io, time::Duration};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::{Instant, sleep_until},
};

/// Whatever ends a run in order.
pub struct Ends {
    interrupt: Signal,
    terminate: Signal,
    quit: Signal,
    /// SIGHUP, where it is not for the registry.
    hangup: Option<Signal>,
    deadline: Option<Instant>,
}

impl Ends {
    /// From here on a signal ends the run in order; SIGHUP only if it is given.
    pub fn new(hangup: Option<Signal>) -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            quit: signal(SignalKind::quit())?,
            hangup,
            deadline: None,
        })
    }

    /// Ends the run in `duration` as well; one beyond the clock's reach is none.
    pub fn after(&mut self, duration: Option<Duration>) {
        self.deadline = duration.and_then(|duration| Instant::now().checked_add(duration));
    }

    /// Waits until something ends the run.
    pub async fn any(&mut self) {
        let deadline = self.deadline;
        let over = async move {
            match deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.quit.recv() => {}
            () = next(self.hangup.as_mut()) => {}
            () = over => {}
        }
    }
}

/// Waits for the next signal, for ever where there is none to wait for.
pub async fn next(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}
