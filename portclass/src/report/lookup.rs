//! Answers of the registry, as a table and as JSON.

use std::io;

use super::columns::Columns;
use crate::{
    registry::{Beneath, Found},
    text::one_line,
};

/// One array, an object an answer.
///
/// # Errors
///
/// Those of the writer.
pub fn lookup_json(out: &mut impl io::Write, found: &[Found<'_>]) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, found)?;
    writeln!(out)
}

/// A row an answer, and below them what IANA notes of some.
///
/// # Errors
///
/// Those of the writer.
pub fn lookup_table(out: &mut impl io::Write, found: &[Found<'_>]) -> io::Result<()> {
    let mut table = Columns::new([
        "PORT",
        "TRANSPORT",
        "STATUS",
        "SERVICE",
        "OTHER NAMES",
        "LAYER",
        "DESCRIPTION",
    ]);
    for found in found {
        let layers = found.layer.iter().map(|layer| layer.name().to_owned());
        let layers = layers.chain(found.beneath.iter().map(beneath));
        table.row([
            port(found),
            found.transport.unwrap_or("any").to_owned(),
            found.status.name().to_owned(),
            found.service.unwrap_or("-").to_owned(),
            found.other_names.join(", "),
            layers.collect::<Vec<_>>().join(" over "),
            found.description.unwrap_or_default().to_owned(),
        ]);
    }
    table.write(out)?;
    let mut is_first = true;
    for found in found {
        for (what, text) in [
            ("unauthorized use", found.unauthorized_use),
            ("note", found.notes),
        ] {
            let Some(text) = text else { continue };
            if std::mem::take(&mut is_first) {
                writeln!(out)?;
            }
            let transport = found
                .transport
                .map_or(String::new(), |name| format!("/{name}"));
            let service = found
                .service
                .map_or(String::new(), |name| format!(" {name}"));
            let line = format!("{}{transport}{service}: {what}: {text}", port(found));
            writeln!(out, "{}", one_line(&line))?;
        }
    }
    Ok(())
}

fn port(found: &Found<'_>) -> String {
    found
        .port
        .map_or_else(|| "-".to_owned(), |port| port.to_string())
}

fn beneath(beneath: &Beneath<'_>) -> String {
    let says = beneath.service.unwrap_or_else(|| beneath.status.name());
    format!("{}: {says}", beneath.layer.name())
}
