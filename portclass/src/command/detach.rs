//! `portclass detach`: the pinned maps go. What is attached belongs to a running portclass and goes with it.

use std::io::{self, Write as _};

use portclass::dataplane::remove;

use super::{Failure, status::attached, stderr::say, unless_closed};
use crate::cli::PinArgs;

pub fn run(args: &PinArgs) -> Result<(), Failure> {
    let removed = remove(&args.pin_dir)?;
    let mut out = io::stdout().lock();
    unless_closed(if removed.is_empty() {
        writeln!(out, "nothing is pinned in {}", args.pin_dir.display())
    } else {
        removed
            .iter()
            .try_for_each(|path| writeln!(out, "removed {}", path.display()))
    })?;
    for line in attached()? {
        say(format_args!("still attached: {line}"));
    }
    Ok(())
}
