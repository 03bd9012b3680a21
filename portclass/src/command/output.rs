//! Reports, written by a thread of its own: whoever reads may stop reading, and a run must still end and detach.

use std::{
    io::{self, Stdout},
    os::fd::AsFd,
    sync::mpsc::{self, SyncSender},
    thread,
};

use portclass::{
    account::Snapshot,
    report::{Reporter, Size},
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    termios::tcgetwinsize,
    thread::CapabilitySet,
};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::privilege::keep;

/// Something to report.
enum Job {
    Interval(Snapshot),
    Whole(Snapshot),
}

/// The thread that writes reports to stdout, one at a time.
pub struct Output {
    jobs: SyncSender<Job>,
    results: UnboundedReceiver<io::Result<()>>,
    is_busy: bool,
}

impl Output {
    pub fn start(mut reporter: Reporter<Stdout>) -> Self {
        let (jobs, to_write) = mpsc::sync_channel(1);
        let (written, results) = unbounded_channel();
        thread::spawn(move || {
            // It writes, and no more than that.
            let _kept = keep(CapabilitySet::empty());
            for job in to_write {
                let result = match job {
                    Job::Interval(snapshot) => reporter.interval(&snapshot, terminal_size()),
                    Job::Whole(snapshot) => reporter.whole(snapshot),
                };
                if written.send(result).is_err() {
                    return;
                }
            }
        });
        Self {
            jobs,
            results,
            is_busy: false,
        }
    }

    /// Whether the report before is still being written.
    pub fn is_busy(&self) -> bool {
        self.is_busy
    }

    /// Reports an interval, unless the report before is still being written.
    pub fn interval(&mut self, snapshot: Snapshot) {
        if !self.is_busy {
            self.is_busy = self.jobs.try_send(Job::Interval(snapshot)).is_ok();
        }
    }

    /// Reports the whole run, after the report before.
    pub async fn whole(&mut self, snapshot: Snapshot) -> io::Result<()> {
        if self.is_busy {
            self.written().await?;
        }
        self.is_busy = self.jobs.try_send(Job::Whole(snapshot)).is_ok();
        self.written().await
    }

    /// Waits until a report is written; for ever when none is.
    pub async fn written(&mut self) -> io::Result<()> {
        if !self.is_busy {
            return std::future::pending().await;
        }
        let result = self.results.recv().await;
        self.is_busy = false;
        result.unwrap_or_else(|| Err(io::Error::other("the thread that writes has ended")))
    }
}

/// The size of the terminal that stdout is, where it says one.
pub fn terminal_size() -> Option<Size> {
    let size = tcgetwinsize(io::stdout()).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then_some(Size {
        columns: size.ws_col,
        rows: size.ws_row,
    })
}

/// Whether nobody is at the other end of `stream` any more.
pub fn is_closed(stream: &impl AsFd) -> bool {
    let mut fds = [PollFd::new(stream, PollFlags::empty())];
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    poll(&mut fds, Some(&now)).is_ok()
        && fds[0].revents().intersects(PollFlags::ERR | PollFlags::HUP)
}
