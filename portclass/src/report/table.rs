//! A snapshot as a table.

use comfy_table::{CellAlignment, Row, Table, presets};

use super::number::{grouped, ports, scaled, share};
use crate::account::{Rates, Snapshot};

/// How much of a snapshot a table shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Layout {
    /// Services at most.
    pub limit: Option<usize>,
    /// Lines at most; services make room for the totals and reasons below them.
    pub rows: Option<usize>,
}

/// Columns of text; those after them hold numbers.
const TEXT_COLUMNS: usize = 3;

/// The lines of a table: services, totals, and unlabelled frames by reason.
pub fn table(snapshot: &Snapshot, layout: Layout) -> Vec<String> {
    let totals = snapshot.totals;
    let with_rates = snapshot.interval_seconds.is_some();
    let numbers = |packets, bytes, rates: Option<Rates>| {
        let mut cells = vec![grouped(packets), grouped(bytes)];
        if with_rates {
            let rates = rates.map_or([String::new(), String::new()], |rates| {
                [
                    scaled(rates.packets_per_second),
                    scaled(rates.bits_per_second),
                ]
            });
            cells.extend(rates);
        }
        cells.push(share(bytes, totals.bytes));
        cells
    };
    let headings = |text: [&str; TEXT_COLUMNS]| {
        let rates: &[&str] = if with_rates {
            &["PACKETS/S", "BITS/S"]
        } else {
            &[]
        };
        let numbers = [&["PACKETS", "BYTES"], rates, &["SHARE"]].concat();
        Row::from(text.into_iter().chain(numbers).collect::<Vec<_>>())
    };
    let row = |text: [String; TEXT_COLUMNS], numbers: Vec<String>| {
        Row::from(text.into_iter().chain(numbers).collect::<Vec<_>>())
    };

    let title = title(snapshot);
    let reasons = snapshot.unlabelled.len();
    // Title, blank line, heading, totals, and the reasons below a blank line and their heading.
    let others = 4 + if reasons > 0 { reasons + 2 } else { 0 };
    // The last line of a terminal is the cursor's, and the services that are left out take one as well.
    let room = layout.rows.map(|rows| rows.saturating_sub(others + 2));
    let limit = layout
        .limit
        .into_iter()
        .chain(room)
        .min()
        .unwrap_or(usize::MAX);
    let hidden = snapshot.services.len().saturating_sub(limit);

    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(headings(["SERVICE", "TRANSPORT", "PORTS"]));
    for service in snapshot.services.iter().take(limit) {
        let ports = ports(service.ports.iter().map(|row| row.port));
        let text = [
            service.service.replace('\n', " "),
            service.transport.to_owned(),
            ports,
        ];
        table.add_row(row(
            text,
            numbers(service.packets, service.bytes, service.rates),
        ));
    }
    if hidden > 0 {
        table.add_row(vec![format!("({hidden} more)")]);
    }
    let text = ["TOTAL".to_owned(), String::new(), String::new()];
    table.add_row(row(
        text,
        numbers(totals.packets, totals.bytes, total_rates(snapshot)),
    ));
    if reasons > 0 {
        table.add_row(vec![""]);
        table.add_row(headings(["UNLABELLED", "", ""]));
    }
    for reason in &snapshot.unlabelled {
        let detail = reason
            .transport
            .or(reason.detail.as_deref())
            .unwrap_or_default();
        let text = [reason.class.to_owned(), detail.to_owned(), String::new()];
        table.add_row(row(
            text,
            numbers(reason.packets, reason.bytes, reason.rates),
        ));
    }
    for (position, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if position >= TEXT_COLUMNS {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut lines = vec![title, String::new()];
    lines.extend(table.lines().map(|line| line.trim_end().to_owned()));
    lines
}

fn title(snapshot: &Snapshot) -> String {
    let interfaces = snapshot
        .interfaces
        .iter()
        .map(|interface| match interface.mode {
            Some(mode) => format!("{} ({mode})", interface.name),
            None => interface.name.clone(),
        })
        .collect::<Vec<_>>()
        .join(", ");
    let registry = &snapshot.registry;
    let date = registry
        .updated
        .as_ref()
        .map(|date| format!(" of {date}"))
        .unwrap_or_default();
    format!(
        "{}  {interfaces}  registry{date}, {} names",
        humantime::format_rfc3339_seconds(snapshot.time),
        grouped(registry.entries.into()),
    )
}

fn total_rates(snapshot: &Snapshot) -> Option<Rates> {
    snapshot.interval_seconds?;
    let services = snapshot.services.iter().map(|row| row.rates);
    let reasons = snapshot.unlabelled.iter().map(|row| row.rates);
    let none = Rates {
        packets_per_second: 0.0,
        bits_per_second: 0.0,
    };
    Some(
        services
            .chain(reasons)
            .flatten()
            .fold(none, |sum, rates| Rates {
                packets_per_second: sum.packets_per_second + rates.packets_per_second,
                bits_per_second: sum.bits_per_second + rates.bits_per_second,
            }),
    )
}
