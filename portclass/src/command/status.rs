//! `portclass status`: what is pinned, and what is attached in this network namespace.

use std::io::{self, Write as _};

use portclass::{
    account::RegistryInfo,
    dataplane::{Pins, interfaces, program_on},
    report::grouped,
};
use portclass_common::names;

use super::{Failure, unless_closed};
use crate::cli::PinArgs;

pub fn run(args: &PinArgs) -> Result<(), Failure> {
    let mut lines = Vec::new();
    match Pins::find(&args.pin_dir)? {
        Some(pins) => {
            let contents = pins.contents();
            let info = RegistryInfo::from(contents);
            let layers: Vec<_> = info.layers.iter().map(|layer| layer.name()).collect();
            lines.push(format!(
                "pinned    {}: registry of {} ({}), {} entries, {} of them named pairs, {} of {} slots, generation {}",
                pins.directory().display(),
                info.updated.as_deref().unwrap_or("unknown date"),
                layers.join(", "),
                grouped(contents.entries.into()),
                grouped(contents.named_pairs.into()),
                grouped(contents.slots.into()),
                grouped(pins.slots().into()),
                pins.generation(),
            ));
        }
        None => lines.push(format!("pinned    nothing in {}", args.pin_dir.display())),
    }
    let attached = attached()?;
    if attached.is_empty() {
        lines.push("attached  nothing in this network namespace".to_owned());
    }
    lines.extend(attached.into_iter().map(|line| format!("attached  {line}")));
    let mut out = io::stdout().lock();
    unless_closed(lines.iter().try_for_each(|line| writeln!(out, "{line}")))
}

/// A line for each interface that a portclass observes.
pub fn attached() -> Result<Vec<String>, Failure> {
    let mut lines = Vec::new();
    for interface in interfaces()? {
        let Some((_, generic)) = interface.xdp else {
            continue;
        };
        let Some(program) =
            program_on(interface.index).filter(|program| program.name.starts_with(names::PROGRAM))
        else {
            continue;
        };
        let mode = if generic { "generic" } else { "native" };
        lines.push(format!(
            "{}: {program}, {mode}; it goes with its process, or by: {}",
            interface.name, program.removal
        ));
    }
    Ok(lines)
}
