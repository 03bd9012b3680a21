//! `portclass top`: what a run counts, as a live screen.

mod keyboard;
mod terminal;

use std::{
    env,
    io::{self, IsTerminal as _},
    time::Duration,
};

use portclass::{
    account::Sort,
    registry::{Registry, Sources},
    report::{Colours, Described, Screen, ScreenOptions},
};
use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};

use self::{
    keyboard::{Event, Keyboard},
    terminal::Terminal,
};
use super::{
    Failure,
    output::is_closed,
    session::{Ends, Session, Wishes, every},
    stderr,
};
use crate::cli::TopArgs;

pub fn run(args: TopArgs) -> Result<(), Failure> {
    refuse_unless_terminal()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(show(args))
}

/// Nothing is attached before this is known.
fn refuse_unless_terminal() -> Result<(), Failure> {
    const INSTEAD: &str = "portclass run prints the same numbers";
    let streams = [
        ("stdin", io::stdin().is_terminal()),
        ("stdout", io::stdout().is_terminal()),
    ];
    if let Some((name, _)) = streams.iter().find(|(_, is_terminal)| !is_terminal) {
        return Err(Failure::new(format!(
            "top takes a terminal, and {name} is none; {INSTEAD}"
        )));
    }
    let term = env::var("TERM").unwrap_or_default();
    if term.is_empty() || term == "dumb" {
        return Err(Failure::new(format!(
            "top takes a terminal that can move its cursor, and TERM is {term:?}; {INSTEAD}"
        )));
    }
    Ok(())
}

async fn show(args: TopArgs) -> Result<(), Failure> {
    let wishes = Wishes {
        // The screen has an order of its own.
        sort: Sort::Name,
        log_unlabelled: false,
        keeps_registry: true,
        per_interface: false,
        times_programs: false,
    };
    let (mut session, mut ends) = Session::start(&args.observe, &wishes)?;
    let described = match session.take_registry() {
        Some(registry) => Described::ByLabels(registry),
        None => Described::ByShipped(Registry::load(&Sources::default())?.0),
    };
    // https://no-color.org
    let is_without = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let options = ScreenOptions {
        interval: args.observe.interval,
        order: args.sort.into(),
        colours: match is_without {
            true => Colours::None,
            false => Colours::Sixteen,
        },
    };
    let screen = Screen::new(session.whole(), described, options);
    ends.after(args.observe.duration);
    // Who is stopped cannot give the terminal back. Once caught, the signal stops nobody any more.
    let _caught = signal(SignalKind::from_raw(Signal::TSTP.as_raw()))?;
    let terminal = Terminal::enter()?;
    let mut top = Top {
        session,
        screen,
        terminal,
        keyboard: Keyboard::start(),
    };
    let watched = top.watch(&mut ends).await;
    // The screen is given back afterwards, for which a terminal may let us wait.
    top.session.detach();
    drop(top);
    watched.map_err(|error| Failure::new(format!("cannot write to the terminal: {error}")))
}

struct Top {
    session: Session,
    screen: Screen,
    terminal: Terminal,
    keyboard: Keyboard,
}

impl Top {
    /// Shows what is counted until somebody has seen enough. An error is one of writing.
    async fn watch(&mut self, ends: &mut Ends) -> io::Result<()> {
        const LOOK_AT_TERMINAL: Duration = Duration::from_millis(500);
        let mut interval = self.screen.interval();
        let mut ticks = every(interval);
        let mut looks = every(LOOK_AT_TERMINAL);
        let mut is_stale = true;
        loop {
            if let Some(line) = stderr::news() {
                self.screen.say(line);
                is_stale = true;
            }
            // What changes while a terminal takes its time is drawn at once.
            if is_stale && !self.terminal.is_busy() {
                self.terminal.draw(&mut self.screen)?;
                is_stale = false;
            }
            tokio::select! {
                () = ends.any() => return Ok(()),
                () = self.session.housekeeping() => {}
                event = self.keyboard.next() => {
                    let Some(event) = event else { return Ok(()) };
                    self.react(event);
                    if self.screen.is_over() {
                        return Ok(());
                    }
                    is_stale = true;
                }
                written = self.terminal.written() => match written {
                    Err(error) if is_gone(&error) => return Ok(()),
                    other => other?,
                },
                // SIGHUP is for those who belong to the terminal's session, and the thread that reads keys is told nothing.
                _ = looks.tick() => if is_closed(&io::stdin()) || is_closed(&io::stdout()) {
                    return Ok(());
                },
                _ = ticks.tick() => {
                    let snapshot = self.session.interval();
                    self.screen.update(snapshot);
                    is_stale = true;
                }
            }
            if interval != self.screen.interval() {
                interval = self.screen.interval();
                ticks = every(interval);
            }
        }
    }

    fn react(&mut self, event: Event) {
        match event {
            Event::Key(key) => self.screen.press(key),
            Event::Redraw => self.terminal.forget(),
            Event::Resized => {}
        }
    }
}

/// Whether an error of writing says that there is no terminal any more, which is a normal end.
fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
        || error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
}
