//! Lines on stderr, written by a thread of its own: whoever reads may stop reading, and nothing waits for them.

use std::{
    fmt,
    io::{self, Write as _},
    sync::{
        OnceLock,
        mpsc::{self, SyncSender},
    },
    thread,
    time::Duration,
};

use portclass::text::harmless;
use rustix::thread::CapabilitySet;

use super::privilege::keep;

/// Lines that wait at most; more are dropped.
const WAITING: usize = 256;

enum Job {
    Line(String),
    /// Answered when every line before it is written.
    Flush(SyncSender<()>),
}

static WRITER: OnceLock<SyncSender<Job>> = OnceLock::new();

fn writer() -> &'static SyncSender<Job> {
    WRITER.get_or_init(|| {
        let (jobs, to_do) = mpsc::sync_channel(WAITING);
        thread::spawn(move || {
            // It writes, and no more than that.
            let _kept = keep(CapabilitySet::empty());
            for job in to_do {
                // Nobody need read it.
                let _unread = match job {
                    Job::Line(line) => io::stderr().write_all(line.as_bytes()),
                    Job::Flush(done) => {
                        let _gone = done.send(());
                        Ok(())
                    }
                };
            }
        });
        jobs
    })
}

/// A line on stderr, in one piece, in which nothing from outside can drive the terminal.
pub fn say(line: impl fmt::Display) {
    let line = harmless(&line.to_string()).replace('\n', " ");
    let _dropped = writer().try_send(Job::Line(format!("portclass: {line}\n")));
}

/// Waits until all lines are written, but not for somebody who does not read.
pub fn flush() {
    const PATIENCE: Duration = Duration::from_secs(1);
    let (done, written) = mpsc::sync_channel(1);
    if writer().try_send(Job::Flush(done)).is_ok() {
        let _late = written.recv_timeout(PATIENCE);
    }
}
