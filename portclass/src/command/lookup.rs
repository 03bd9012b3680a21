//! `portclass lookup`: what the registry says.

use std::io;

use portclass::report::{lookup_json, lookup_table};

use super::{Failure, load_registry, unless_closed};
use crate::cli::{LookupArgs, LookupFormat};

pub fn run(args: LookupArgs) -> Result<(), Failure> {
    let registry = load_registry(&args.registry.sources())?;
    let mut found = Vec::new();
    let mut unknown = Vec::new();
    for query in &args.queries {
        let answers = registry.lookup(query);
        if answers.is_empty() && query.name().is_some() {
            unknown.push(query.to_string());
        }
        // Two queries may meet at one pair.
        let before = found.len();
        for answer in answers {
            if !found[..before].contains(&answer) {
                found.push(answer);
            }
        }
    }
    let mut out = io::stdout().lock();
    unless_closed(match args.format {
        LookupFormat::Json => lookup_json(&mut out, &found),
        LookupFormat::Table if found.is_empty() => Ok(()),
        LookupFormat::Table => lookup_table(&mut out, &found),
    })?;
    if unknown.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{}: no service of that name in the registry",
        unknown.join(", ")
    )))
}
