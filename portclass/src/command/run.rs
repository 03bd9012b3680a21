//! `portclass run`: attach, count, print, until something ends the run.

use std::{
    io::{self, IsTerminal as _},
    time::Duration,
};

use portclass::{
    account::Snapshot,
    report::{Live, Reporter},
};

use super::{
    Failure,
    output::{Output, is_closed},
    serve::{self, Feed, Listener, Publication},
    session::{Ends, Session, Wishes, every},
    unless_closed,
};
use crate::cli::RunArgs;

pub fn run(args: RunArgs) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(observe(args))
}

async fn observe(args: RunArgs) -> Result<(), Failure> {
    let in_place =
        io::stdout().is_terminal() && !(args.log_unlabelled && io::stderr().is_terminal());
    let report = args.report;
    let metrics = args.metrics;
    let listener = metrics.listen.map(Listener::bind).transpose()?;
    let wishes = Wishes {
        sort: report.sort.into(),
        log_unlabelled: args.log_unlabelled,
        per_interface: listener.is_some(),
        times_programs: listener.is_some() && metrics.run_time,
        keeps_registry: false,
    };
    let (mut session, mut ends) = Session::start(&args.observe, &wishes)?;
    let served = serve::Wishes {
        top: metrics.top,
        hosts: metrics.hosts,
    };
    let feed = listener.map(|listener| listener.serve(served, first(&mut session)));
    let live = in_place.then(Live::default);
    let reporter = Reporter::new(report.format.into(), report.limit, live, io::stdout());
    let mut run = Run {
        session,
        output: Output::start(reporter),
        feed: feed.transpose()?,
    };
    ends.after(args.observe.duration);
    let watched = run.watch(&mut ends, args.observe.interval).await;
    run.session.detach();
    let whole = run.session.whole();
    run.end_feed(&whole);
    match watched {
        Ok(()) => run.report_whole(whole, &mut ends).await,
        Err(error) => unless_closed(Err(error)),
    }
}

/// What there is before anything was counted.
fn first(session: &mut Session) -> Publication {
    Publication {
        snapshot: session.whole(),
        programs: session.programs(),
        is_last: false,
    }
}

/// What a run works with once it has attached.
struct Run {
    session: Session,
    output: Output,
    /// Who collects metrics or looks at the page.
    feed: Option<Feed>,
}

impl Run {
    /// Reports every `period` until the run ends. An error is one of writing.
    async fn watch(&mut self, ends: &mut Ends, period: Duration) -> io::Result<()> {
        const LOOK_AT_STDOUT: Duration = Duration::from_millis(500);
        let mut ticks = every(period);
        let mut looks = every(LOOK_AT_STDOUT);
        loop {
            tokio::select! {
                () = ends.any() => return Ok(()),
                () = self.session.housekeeping() => {}
                written = self.output.written() => written?,
                // Some formats write at the end alone, and only writing would tell.
                _ = looks.tick() => if is_closed(&io::stdout()) {
                    return Err(io::ErrorKind::BrokenPipe.into());
                },
                _ = ticks.tick() => self.report(),
            }
        }
    }

    /// Reports to all that take a report now.
    fn report(&mut self) {
        if self.output.is_busy() && self.feed.is_none() {
            return;
        }
        let snapshot = self.session.interval();
        if let Some(feed) = &self.feed {
            feed.publish(Publication {
                snapshot: snapshot.clone(),
                programs: self.session.programs(),
                is_last: false,
            });
        }
        self.output.interval(snapshot);
    }

    /// Tells those who watch that this was all, however the run has ended.
    fn end_feed(&mut self, whole: &Snapshot) {
        if let Some(feed) = self.feed.take() {
            feed.end(Publication {
                snapshot: whole.clone(),
                programs: self.session.programs(),
                is_last: true,
            });
        }
    }

    /// The final report. Nothing is attached any more, so whoever reads may take their time, but not for ever.
    async fn report_whole(&mut self, whole: Snapshot, ends: &mut Ends) -> Result<(), Failure> {
        const PATIENCE: Duration = Duration::from_secs(5);
        ends.after(Some(PATIENCE));
        tokio::select! {
            written = self.output.whole(whole) => unless_closed(written),
            () = ends.any() => Err(Failure::new(
                "nobody reads stdout, and the final report is lost; read it, or send it to a file",
            )),
        }
    }
}
