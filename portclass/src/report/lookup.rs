//! Answers of the registry, as a table and as JSON.

use std::io;

use comfy_table::{Table, presets};

use crate::{registry::Found, text::one_line};

/// One array, an object an answer.
///
/// # Errors
///
/// Those of the writer.
pub fn lookup_json(out: &mut impl io::Write, found: &[Found<'_>]) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, found)?;
    writeln!(out)
}

/// A row an answer.
///
/// # Errors
///
/// Those of the writer.
pub fn lookup_table(out: &mut impl io::Write, found: &[Found<'_>]) -> io::Result<()> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
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
        let beneath = found
            .beneath
            .iter()
            .map(|beneath| format!("{}: {}", beneath.layer.name(), beneath.service));
        table.add_row([
            found
                .port
                .map(|port| port.to_string())
                .unwrap_or_else(|| "-".to_owned()),
            found.transport.unwrap_or("any").to_owned(),
            found.status.name().to_owned(),
            one_line(found.service.unwrap_or("-")),
            one_line(&found.other_names.join(", ")),
            layers.chain(beneath).collect::<Vec<_>>().join(" over "),
            one_line(found.description.unwrap_or_default()),
        ]);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    for line in table.lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}
