//! One row by itself: its rate over time, its ports, and what the registry says of it.

use portclass_common::transport::Transport;
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
    widgets::{Paragraph, Widget as _, Wrap},
};

use super::{
    Screen, Watched,
    history::INTERVALS,
    list::bars,
    paint::{Colours, Edge, line, put},
    row::{Id, Row, Subject},
};
use crate::{
    registry::{Found, Index, Registry},
    report::number::{scaled, share, short},
    text::one_line,
};

/// Ports that are listed.
const PORTS: usize = 16;
/// Characters of a text from the registry at most: one that is longer than any of IANA's is no help.
const LONGEST: usize = 1_000;

/// The row that is shown by itself.
pub(super) struct Detail {
    pub(super) id: Id,
    /// What the registry says, each with its heading.
    entry: Vec<(&'static str, String)>,
    /// Lines that are scrolled away.
    pub(super) scroll: u16,
}

impl Detail {
    /// A row, and what `registry` says of its busiest port.
    pub(super) fn new(row: &Row<'_>, registry: &Registry) -> Self {
        let busiest = row.ports.iter().max_by_key(|port| port.bytes);
        let transport = row.detail.and_then(Transport::of_name);
        let entry = match (row.subject, busiest, transport) {
            (Subject::Services, Some(port), Some(transport)) => {
                let query = format!("{}/{}", port.port, transport.name()).parse();
                let found =
                    query.map_or_else(|_| Vec::new(), |query| Index::new(registry).lookup(&query));
                found.first().map(entry).unwrap_or_default()
            }
            _ => Vec::new(),
        };
        Self {
            id: row.id(),
            entry,
            scroll: 0,
        }
    }
}

/// What the registry says, in the order in which people ask.
fn entry(found: &Found<'_>) -> Vec<(&'static str, String)> {
    let column = |heading, text: Option<&str>| text.map(|text| (heading, cut(text)));
    let others = found.other_names.join(", ");
    let layer = found.layer.map(|layer| layer.name());
    [
        column("Name", found.service),
        column(
            "Also",
            Some(others.as_str()).filter(|text| !text.is_empty()),
        ),
        column("Status", Some(found.status.name())),
        column("Description", found.description),
        column("Reference", found.reference),
        column("Assignee", found.assignee),
        column("Registered", found.registered),
        column("Modified", found.modified),
        column("Used without", found.unauthorized_use),
        column("Notes", found.notes),
        column("Says", layer),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn cut(text: &str) -> String {
    let mut text = one_line(text);
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(end);
        text.push('…');
    }
    text
}

impl Screen {
    pub(super) fn detail(&self, buffer: &mut Buffer, area: Rect, detail: &Detail) {
        let watched = self.shown();
        let id = &detail.id;
        let rows = Row::all(&watched.snapshot, id.subject);
        let Some(row) = rows.iter().find(|row| row.is(id)) else {
            let text = format!("{}: not there any more", id.name);
            return put(buffer, area, &text, Edge::Left, Colours::weak());
        };
        put(
            buffer,
            line(area, 0),
            &title(row),
            Edge::Left,
            self.colours.heading(),
        );
        // Text needs the most room, and a graph some.
        let high = (area.height / 4).clamp(2, 12);
        let gap = u16::from(area.height >= 12);
        let graph = Rect {
            y: area.y + 1,
            height: high,
            ..area
        }
        .intersection(area);
        self.over_time(buffer, graph, line(area, 1 + high), watched, id);
        let text = Rect {
            y: area.y + high + 2 + gap,
            height: area.height.saturating_sub(high + 2 + gap),
            ..area
        };
        let lines = self.lines(row, &rows, watched, detail);
        Paragraph::new(lines)
            .wrap(Wrap { trim: false })
            .scroll((detail.scroll, 0))
            .render(text.intersection(area), buffer);
    }

    /// The graph, and `below` it what its width and its height stand for.
    fn over_time(&self, buffer: &mut Buffer, area: Rect, below: Rect, watched: &Watched, id: &Id) {
        let count = usize::from(area.width).min(INTERVALS);
        let rates = watched.history.last(id, count);
        let newest_right = Rect {
            x: area.right() - count as u16,
            width: count as u16,
            ..area
        };
        bars(&rates, area.height)
            .style(self.colours.graph())
            .render(newest_right, buffer);
        let highest = rates.iter().copied().fold(0.0, f32::max);
        let seconds = watched.history.seconds(count).round() as u64;
        let since = humantime::format_duration(std::time::Duration::from_secs(seconds));
        let text = format!("bits/s, up to {}", scaled(highest.into()));
        put(buffer, below, &text, Edge::Left, Colours::weak());
        let text = format!("the last {since}");
        let taken = 28.min(below.width);
        let rest = Rect {
            x: below.x + taken,
            width: below.width - taken,
            ..below
        };
        put(buffer, rest, &text, Edge::Right, Colours::weak());
    }

    fn lines(
        &self,
        row: &Row<'_>,
        rows: &[Row<'_>],
        watched: &Watched,
        detail: &Detail,
    ) -> Vec<Line<'static>> {
        let rates = row.rates.map(|rates| {
            let (packets, bits) = (rates.packets_per_second, rates.bits_per_second);
            format!("{} packets/s, {} bits/s, ", scaled(packets), scaled(bits))
        });
        let mut lines = vec![Line::raw(format!(
            "{}{} packets, {} bytes, {} of all bytes",
            rates.unwrap_or_default(),
            short(row.packets),
            short(row.bytes),
            share(row.bytes, watched.snapshot.totals.bytes),
        ))];
        let of_name: Vec<_> = rows.iter().filter(|other| other.name == row.name).collect();
        let ports: Vec<_> = of_name
            .iter()
            .flat_map(|row| row.ports.iter().map(move |port| (row, port)))
            .collect();
        if !ports.is_empty() {
            let heading = format!(
                "{:<13} {:<9} {:<15} {:>9} {:>9}",
                "PORT", "DIRECTION", "INTERFACE", "PACKETS", "BYTES"
            );
            lines.extend([
                Line::default(),
                Line::styled(heading, self.colours.heading()),
            ]);
        }
        for (row, port) in ports.iter().take(PORTS) {
            let place = format!("{}/{}", port.port, row.detail.unwrap_or_default());
            lines.push(Line::raw(format!(
                "{place:<13} {:<9} {:<15} {:>9} {:>9}",
                row.direction.name(),
                row.interface.map(one_line).unwrap_or_default(),
                short(port.packets),
                short(port.bytes)
            )));
        }
        if let Some(more @ 1..) = ports.len().checked_sub(PORTS) {
            lines.push(Line::raw(format!("({more} more)")));
        }
        if row.subject == Subject::Services {
            let heading = format!("REGISTRY{}", self.of_which_registry());
            lines.extend([
                Line::default(),
                Line::styled(heading, self.colours.heading()),
            ]);
            if detail.entry.is_empty() {
                lines.push(Line::raw("nothing about this port"));
            }
        }
        for (heading, text) in &detail.entry {
            lines.push(Line::from(vec![
                Span::styled(format!("{heading:<13}"), Colours::weak()),
                Span::raw(text.clone()),
            ]));
        }
        lines
    }
}

/// What the row is called, and where its packets were counted.
fn title(row: &Row<'_>) -> String {
    let parts = [
        Some(row.name),
        row.detail,
        Some(row.direction.name()),
        row.interface,
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    parts.join(" · ")
}
