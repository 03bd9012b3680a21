//! `portclass lookup`: what the registry says.

use std::io::{self, BufWriter, Write as _};

use portclass::{
    registry::Index,
    report::{lookup_json, lookup_table},
};

use super::{Failure, load_registry, or_similar, unless_closed};
use crate::cli::{LookupArgs, LookupFormat};

pub fn run(args: LookupArgs) -> Result<(), Failure> {
    let registry = load_registry(&args.registry.sources())?;
    let index = Index::new(&registry);
    let mut found = Vec::new();
    let mut unknown = Vec::new();
    for query in &args.queries {
        let answers = index.lookup(query);
        if let Some(name) = query.name().filter(|_| answers.is_empty()) {
            unknown.push(or_similar(&index, query, name));
        }
        // Two queries may meet at one pair.
        let before = found.len();
        for answer in answers {
            if !found[..before].contains(&answer) {
                found.push(answer);
            }
        }
    }
    let mut out = BufWriter::new(io::stdout().lock());
    let written = match args.format {
        LookupFormat::Json => lookup_json(&mut out, &found),
        LookupFormat::Table if found.is_empty() => Ok(()),
        LookupFormat::Table => lookup_table(&mut out, &found),
    };
    unless_closed(written.and_then(|()| out.flush()))?;
    if unknown.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{}: no service of that name in the registry",
        unknown.join(", ")
    )))
}
