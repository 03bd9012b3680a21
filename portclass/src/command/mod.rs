//! One file per subcommand: it reads its arguments and calls the rooms of the library, nothing else.

pub mod detach;
pub mod doctor;
mod fetch;
mod interfaces;
pub mod load;
mod log_line;
pub mod lookup;
pub mod nft;
mod output;
mod privilege;
pub mod registry;
mod replace;
pub mod replay;
pub mod run;
mod serve;
mod session;
pub mod status;
pub mod stderr;
pub mod top;
mod update;

use std::{error::Error, fmt, io};

use portclass::{
    dataplane::{Changes, DataplaneError, probe::ProcessFacts},
    doctor::why_not_loaded,
    registry::{Index, Kind, Registry, Severity, Sources},
    report::grouped,
};

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

/// Loads a registry, and says what is wrong with it.
fn load_registry(sources: &Sources) -> Result<Registry, Failure> {
    const SHOWN: usize = 10;
    let (registry, findings) = Registry::load(sources)?;
    // Every services file has some of those, and nobody could do anything about it.
    let is_news = |kind: Kind| kind != Kind::ForeignTransport;
    let of = |severity| {
        let kept = findings.kept().iter();
        kept.filter(move |finding| finding.kind.severity() == severity && is_news(finding.kind))
    };
    let mut shown = 0;
    for finding in of(Severity::Error).chain(of(Severity::Warning)).take(SHOWN) {
        shown += 1;
        let left_out = match finding.kind.severity() {
            Severity::Error => "; this record was left out",
            Severity::Warning => "",
        };
        say(format_args!("warning: {finding}{left_out}"));
    }
    let counts = findings.counts().filter(|&(kind, _)| is_news(kind));
    let all = counts.map(|(_, count)| count).sum::<u64>();
    if all > shown {
        say(format_args!(
            "warning: {} more problems; see: portclass registry check",
            all - shown
        ));
    }
    Ok(registry)
}

/// Why the kernel side cannot be loaded, as the doctor says it.
fn not_loaded(error: DataplaneError) -> Failure {
    Failure::new(why_not_loaded(&error, &ProcessFacts::read()).to_string())
}

/// What putting a registry into the maps has changed.
fn summary(changes: &Changes) -> String {
    let Changes {
        written,
        kept,
        removed,
        new_slots,
        contents,
    } = *changes;
    let count = |number: u32| grouped(number.into());
    format!(
        "{} entries, {} of them named pairs: {} written, {} kept, {} removed; {} new slots",
        count(contents.entries),
        count(contents.named_pairs),
        count(written),
        count(kept),
        count(removed),
        count(new_slots),
    )
}

/// What was asked for in vain, and names that are nearly `name`.
fn or_similar(index: &Index<'_>, asked: impl fmt::Display, name: &str) -> String {
    let mut similar = index.similar_names(name);
    // A name without a port is there, and is no help.
    similar.retain(|other| !other.eq_ignore_ascii_case(name));
    if similar.is_empty() {
        asked.to_string()
    } else {
        format!("{asked} (did you mean {}?)", similar.join(", "))
    }
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
