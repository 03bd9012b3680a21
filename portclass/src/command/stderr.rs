//! Lines on stderr, written by a thread of its own: whoever reads may stop reading, and nothing waits for them.

use std::{
    collections::VecDeque,
    fmt,
    io::{self, Write as _},
    mem,
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
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

/// Lines that would tear a screen, kept until it is given back.
#[derive(Default)]
struct Held {
    lines: VecDeque<String>,
    /// How many older ones are dropped.
    dropped: usize,
    /// Whether the latest one is still to be shown.
    is_news: bool,
}

static HELD: Mutex<Option<Held>> = Mutex::new(None);

fn lock() -> MutexGuard<'static, Option<Held>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A line on stderr, in one piece, in which nothing from outside can drive the terminal.
pub fn say(line: impl fmt::Display) {
    let line = harmless(&line.to_string()).replace('\n', " ");
    match &mut *lock() {
        Some(held) => held.add(line),
        None => write(&line),
    }
}

fn write(line: &str) {
    let _dropped = writer().try_send(Job::Line(format!("portclass: {line}\n")));
}

impl Held {
    fn add(&mut self, line: String) {
        // Room for the line that says how many there were.
        if self.lines.len() == WAITING - 1 {
            self.lines.pop_front();
            self.dropped += 1;
        }
        self.lines.push_back(line);
        self.is_news = true;
    }
}

/// From here on lines are kept, since somebody is about to take the whole screen. Those of before are written.
pub fn hold() {
    flush();
    lock().get_or_insert_default();
}

/// The latest line that is kept, once.
pub fn news() -> Option<String> {
    let mut held = lock();
    let held = held.as_mut()?;
    let is_news = mem::take(&mut held.is_news);
    held.lines.back().filter(|_| is_news).cloned()
}

/// Writes all lines that were kept, and from here on every line at once.
pub fn release() {
    let Some(held) = lock().take() else { return };
    if held.dropped > 0 {
        write(&format!("{} older lines are not shown", held.dropped));
    }
    held.lines.iter().for_each(|line| write(line));
}

/// Waits until all lines are written, but not for somebody who does not read.
pub fn flush() {
    const PATIENCE: Duration = Duration::from_secs(1);
    let (done, written) = mpsc::sync_channel(1);
    if writer().try_send(Job::Flush(done)).is_ok() {
        let _late = written.recv_timeout(PATIENCE);
    }
}
