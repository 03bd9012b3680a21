//! `portclass status`: what is pinned, and what is attached in this network namespace.

use std::io::{self, Write as _};

use portclass::{
    account::RegistryInfo,
    dataplane::{
        Held, Holder, OurFilter, Pins, interfaces, our_filters, our_tcx_programs, program_on,
    },
    report::grouped,
    text::one_line,
};

use super::{Failure, unless_closed};
use crate::cli::PinArgs;

pub fn run(args: &PinArgs) -> Result<(), Failure> {
    let pins = Pins::find(&args.pin_dir);
    let mut lines = Vec::new();
    match &pins {
        Ok(Some(pins)) => lines.push(format!("pinned    {}", pinned(pins))),
        Ok(None) => lines.push(format!("pinned    nothing in {}", args.pin_dir.display())),
        Err(_) => {}
    }
    let attached = attached()?;
    if attached.is_empty() {
        lines.push("attached  nothing of portclass in this network namespace".to_owned());
    }
    lines.extend(attached.into_iter().map(|line| format!("attached  {line}")));
    let mut out = io::stdout().lock();
    unless_closed(lines.iter().try_for_each(|line| writeln!(out, "{line}")))?;
    pins?;
    Ok(())
}

fn pinned(pins: &Pins) -> String {
    let contents = pins.contents();
    let info = RegistryInfo::from(contents);
    let layers: Vec<_> = info.layers.iter().map(|layer| layer.name()).collect();
    format!(
        "{}: registry of {} ({}), {} entries, {} of them named pairs, {} of {} slots, generation {}",
        pins.directory().display(),
        info.updated
            .map_or_else(|| "unknown date".to_owned(), |date| date.to_string()),
        layers.join(", "),
        grouped(contents.entries.into()),
        grouped(contents.named_pairs.into()),
        grouped(contents.slots.into()),
        grouped(pins.slots().into()),
        pins.generation(),
    )
}

/// A line for each interface that a portclass observes, or may observe where this process may not ask for names.
pub fn attached() -> Result<Vec<String>, Failure> {
    let mut lines = Vec::new();
    for interface in interfaces()? {
        lines.extend(our_tcx_programs(&interface).into_iter().map(|program| {
            let direction = if program.is_egress {
                "egress"
            } else {
                "ingress"
            };
            format!(
                "{}: tc program {:?} (id {}), tcx {direction}; it goes with its process",
                interface.name, program.name, program.id
            )
        }));
        let Some((_, generic)) = interface.xdp else {
            continue;
        };
        let Some(program) = program_on(interface.index) else {
            continue;
        };
        if program.name.is_some() && !program.is_ours() {
            continue;
        }
        let mode = if generic { "generic" } else { "native" };
        let end = match program.holder {
            Holder::Link(_) | Holder::Links => "it goes with its process, or by: ",
            Holder::Interface { .. } => "it stays until it is removed: ",
            Holder::Unknown => "",
        };
        lines.push(format!(
            "{}: {program}, {mode}; {end}{}",
            interface.name,
            program.removal()
        ));
    }
    lines.extend(our_filters()?.iter().map(filter_line));
    // Whoever may name an interface may put anything into its name.
    Ok(lines.iter().map(|line| one_line(line)).collect())
}

fn filter_line(filter: &OurFilter) -> String {
    let end = match filter.held() {
        Held::Yes => "it goes with its process".to_owned(),
        Held::No => "left by a run that was killed; remove it: portclass detach".to_owned(),
        Held::Unknown => unless_it_runs(filter),
    };
    format!(
        "{}: tc program {:?} (id {}), clsact {}; {end}",
        filter.interface,
        filter.program,
        filter.id,
        filter.direction()
    )
}

/// What to do about a filter whose process may be one that this process cannot see.
pub fn unless_it_runs(filter: &OurFilter) -> String {
    format!(
        "its process cannot be seen from here; if it runs no more, remove it: {}",
        filter.removal()
    )
}
