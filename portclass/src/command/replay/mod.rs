//! `portclass replay`: captures through the kernel's program, and the same report as of live traffic.

mod ends;
mod engine;
mod input;
mod progress;

use std::{
    io::{self, BufWriter},
    path::Path,
    time::Instant,
};

use portclass::{
    account::{Account, Direction, Observed, Origin, Snapshot},
    capture::{Capture, CaptureError},
    report::Reporter,
    text::one_line,
};

use self::{ends::Ends, engine::Engine, input::Input, progress::Progress};
use super::{Failure, load_registry, stderr::say, unless_closed};
use crate::cli::ReplayArgs;

pub fn run(args: ReplayArgs) -> Result<(), Failure> {
    let registry = load_registry(&args.registry.sources())?;
    let mut replay = Replay {
        engine: Engine::new(args.engine, &registry, args.label)?,
        ends: Ends::catch()?,
        has_read: false,
    };
    // What is wrong with a file is no reason to leave out the others, nor what was read of it.
    let mut failures = Vec::new();
    for path in &args.files {
        match replay.file(path) {
            Ok(()) => {}
            Err(Stop::File(failure)) => failures.push(failure),
            Err(Stop::All(failure)) => return Err(failure),
        }
        if replay.ends.is_over() {
            break;
        }
    }
    replay.ends.end();
    if replay.has_read {
        let report = args.report;
        let observed = Observed {
            registry: replay.engine.contents().into(),
            interfaces: Vec::new(),
            origins: vec![Origin {
                interface: None,
                direction: Direction::Ingress,
            }],
            sort: report.sort.into(),
            tunnels: args.label.decapsulate,
            tags: false,
        };
        let out = BufWriter::new(io::stdout().lock());
        let mut reporter = Reporter::new(report.format.into(), report.limit, None, out);
        // It must not hide what is wrong with the files.
        failures.extend(unless_closed(reporter.whole(replay.snapshot(observed))).err());
    }
    let last = failures.pop();
    failures.into_iter().for_each(say);
    last.map_or(Ok(()), Err)
}

/// Why no more is read.
enum Stop {
    /// Of this file.
    File(Failure),
    /// Of any file.
    All(Failure),
}

struct Replay {
    engine: Engine,
    ends: Ends,
    /// Whether any of the files was a capture.
    has_read: bool,
}

impl Replay {
    /// Labels and counts the frames of a file, up to its end or that of the replay.
    fn file(&mut self, path: &Path) -> Result<(), Stop> {
        let name = path.display();
        let failed = |error: CaptureError| Stop::File(Failure::new(format!("{name}: {error}")));
        let input = Input::open(path, self.ends.clone()).map_err(Stop::File)?;
        let mut progress = Progress::new(one_line(&name.to_string()), input.length());
        let opened = Capture::open(input);
        if self.ends.is_over() {
            return Ok(());
        }
        let mut capture = opened.map_err(failed)?;
        self.has_read = true;
        let mut frames = 0u64;
        loop {
            let next = capture.next();
            if self.ends.is_over() {
                return Ok(());
            }
            let Some(frame) = next.map_err(failed)? else {
                return Ok(());
            };
            self.engine.count(frame).map_err(Stop::All)?;
            frames += 1;
            // Asking for the time costs as much as labelling a frame.
            if frames.is_multiple_of(1 << 10) && progress.show(capture.position(), frames) {
                self.ends.look_at_stdout();
            }
        }
    }

    fn snapshot(&mut self, observed: Observed) -> Snapshot {
        let counters = [self.engine.counters()];
        let mut account = Account::new(observed, Instant::now());
        let mut snapshot = account.whole(&counters, |slot| self.engine.service(slot));
        snapshot.frames = Some(self.engine.frames());
        snapshot
    }
}
