//! A snapshot as a table.

use comfy_table::{CellAlignment, Row, Table, presets};

use super::number::{grouped, ports, scaled, share};
use crate::{
    account::{Rates, Snapshot},
    text::one_line,
};

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

    let shown = Shown::new(snapshot, layout);
    let more = |hidden: usize| vec![format!("({hidden} more)")];

    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(headings(["SERVICE", "TRANSPORT", "PORTS"]));
    for service in snapshot.services.iter().take(shown.services) {
        let ports = ports(service.ports.iter().map(|row| row.port));
        let text = [
            one_line(&service.service),
            service.transport.to_owned(),
            ports,
        ];
        table.add_row(row(
            text,
            numbers(service.packets, service.bytes, service.rates),
        ));
    }
    if shown.services < snapshot.services.len() {
        table.add_row(more(snapshot.services.len() - shown.services));
    }
    let text = ["TOTAL".to_owned(), String::new(), String::new()];
    table.add_row(row(
        text,
        numbers(totals.packets, totals.bytes, total_rates(snapshot)),
    ));
    if !snapshot.unlabelled.is_empty() {
        table.add_row(vec![""]);
        table.add_row(headings(["UNLABELLED", "", ""]));
    }
    for reason in snapshot.unlabelled.iter().take(shown.reasons) {
        let detail = reason.transport.or(reason.detail.as_deref());
        let text = [
            reason.class.to_owned(),
            detail.unwrap_or_default().to_owned(),
            String::new(),
        ];
        table.add_row(row(
            text,
            numbers(reason.packets, reason.bytes, reason.rates),
        ));
    }
    if shown.reasons < snapshot.unlabelled.len() {
        table.add_row(more(snapshot.unlabelled.len() - shown.reasons));
    }
    for (position, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if position >= TEXT_COLUMNS {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut lines = Vec::new();
    if with_title(layout) {
        lines.extend([title(snapshot), String::new()]);
    }
    lines.extend(table.lines().map(|line| line.trim_end().to_owned()));
    lines
}

/// How many rows of each kind a table shows.
struct Shown {
    services: usize,
    reasons: usize,
}

impl Shown {
    /// Services and reasons share the lines that title, headings and totals leave, half and half where both want more.
    fn new(snapshot: &Snapshot, layout: Layout) -> Self {
        let services = snapshot
            .services
            .len()
            .min(layout.limit.unwrap_or(usize::MAX));
        let reasons = snapshot.unlabelled.len();
        let Some(rows) = layout.rows else {
            return Self { services, reasons };
        };
        // Heading, totals and the cursor's line; the reasons' blank line and heading; title and blank line.
        let others = 3 + if reasons > 0 { 2 } else { 0 } + if with_title(layout) { 2 } else { 0 };
        let room = rows.saturating_sub(others);
        let hides_services = usize::from(services < snapshot.services.len());
        if services + hides_services + reasons <= room {
            return Self { services, reasons };
        }
        // Each kind has half of the lines, and what the other one does not want; a line says what is not shown.
        let for_reasons = reasons.min((room / 2).max(room.saturating_sub(services)));
        let for_services = room - for_reasons;
        let but_one = |wanted: usize, lines: usize, hides: bool| {
            if wanted > lines || hides {
                lines.saturating_sub(1).min(wanted)
            } else {
                wanted
            }
        };
        Self {
            services: but_one(services, for_services, hides_services > 0),
            reasons: but_one(reasons, for_reasons, false),
        }
    }
}

/// Whether there is room for the title: in a terminal of a few lines the numbers come first.
fn with_title(layout: Layout) -> bool {
    layout.rows.is_none_or(|rows| rows >= 10)
}

fn title(snapshot: &Snapshot) -> String {
    let interfaces = snapshot
        .interfaces
        .iter()
        .map(|interface| match interface.mode {
            Some(mode) => format!("{} ({mode})", one_line(&interface.name)),
            None => one_line(&interface.name),
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
