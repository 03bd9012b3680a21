//! A list of rows, below their headings.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    widgets::{Sparkline, Widget as _},
};
use unicode_width::UnicodeWidthStr as _;

use super::{
    Watched,
    column::{Column, GAP, Needed, columns},
    paint::{Colours, Edge, line, put},
    row::{Row, Subject},
};
use crate::{
    report::{
        number::{ports, rate, share, short},
        table::has_directions,
    },
    text::one_line,
};

/// Eight to a character: ▁ to █.
const LEVELS: u64 = 8;

/// The rows of a list that are to be seen, and how.
pub(super) struct List<'screen> {
    pub(super) watched: &'screen Watched,
    pub(super) subject: Subject,
    /// All that pass the filter, in order.
    pub(super) rows: &'screen [Row<'screen>],
    /// The first one to be seen.
    pub(super) first: usize,
    pub(super) selected: usize,
    /// Whether services go by their ports alone.
    pub(super) numbers: bool,
    pub(super) colours: Colours,
}

impl List<'_> {
    pub(super) fn draw(&self, buffer: &mut Buffer, area: Rect) {
        let snapshot = &self.watched.snapshot;
        let needed = Needed {
            directions: has_directions(snapshot),
            interfaces: self.rows.iter().any(|row| row.interface.is_some()),
        };
        let columns = columns(area.width, self.subject, needed);
        let mut left = area.x;
        let cells: Vec<_> = columns
            .into_iter()
            .map(|(column, width)| {
                let x = left;
                left += width + GAP;
                (column, x, width)
            })
            .collect();
        let headings = line(area, 0);
        for &(column, x, width) in &cells {
            let heading = match column {
                Column::Name if self.subject == Subject::Services && self.numbers => "PORT",
                _ => column.heading(self.subject),
            };
            let area = Rect {
                x,
                width,
                ..headings
            };
            put(buffer, area, heading, edge(column), self.colours.heading());
        }
        let visible = self.rows.iter().enumerate().skip(self.first);
        for ((position, row), from_top) in visible.zip(1..area.height) {
            let line = line(area, from_top);
            for &(column, x, width) in &cells {
                let area = Rect { x, width, ..line };
                self.cell(buffer, area, column, row);
            }
            if position == self.selected {
                buffer.set_style(line, Colours::selected());
            }
        }
        if self.rows.is_empty() {
            put(
                buffer,
                line(area, 1),
                self.why_empty(),
                Edge::Left,
                Colours::weak(),
            );
        }
    }

    fn why_empty(&self) -> &'static str {
        if !Row::all(&self.watched.snapshot, self.subject).is_empty() {
            return "nothing matches the filter";
        }
        match self.subject {
            Subject::Services => "no labelled packet yet",
            Subject::Reasons => "no unlabelled packet yet",
            Subject::Tunnels => "no tunnel yet",
        }
    }

    fn cell(&self, buffer: &mut Buffer, area: Rect, column: Column, row: &Row<'_>) {
        let whole = self.watched.snapshot.totals.bytes;
        let text = match column {
            Column::Name => return self.name(buffer, area, row),
            Column::Graph => return self.graph(buffer, area, row),
            Column::Transport => row.detail.unwrap_or_default().to_owned(),
            Column::Direction => row.direction.name().to_owned(),
            Column::Interface => row.interface.unwrap_or_default().to_owned(),
            Column::PacketRate => rate(row.rates.map(|rates| rates.packets_per_second)),
            Column::BitRate => rate(row.rates.map(|rates| rates.bits_per_second)),
            Column::Packets => short(row.packets),
            Column::Bytes => short(row.bytes),
            Column::Share => share(row.bytes, whole),
        };
        let style = match column {
            Column::BitRate => Colours::strong(),
            _ => Style::new(),
        };
        put(buffer, area, &text, edge(column), style);
    }

    /// A name with its ports beside it. Both have half of the room at least.
    fn name(&self, buffer: &mut Buffer, area: Rect, row: &Row<'_>) {
        let ports = ports(row.ports.iter().map(|row| row.port));
        if row.subject == Subject::Services && self.numbers {
            return put(buffer, area, &ports, Edge::Left, Style::new());
        }
        if ports.is_empty() {
            return put(buffer, area, row.name, Edge::Left, Style::new());
        }
        let name = one_line(row.name);
        let name_width = u16::try_from(name.width()).unwrap_or(u16::MAX);
        let left = area.width.saturating_sub(name_width.saturating_add(1));
        let ports_width = (ports.len() as u16).min(left.max(area.width / 2));
        let name_width = name_width.min(area.width.saturating_sub(ports_width + 1));
        let room = Rect {
            width: name_width,
            ..area
        };
        put(buffer, room, &name, Edge::Left, Style::new());
        let beside = Rect {
            x: area.x + name_width + 1,
            width: ports_width,
            ..area
        };
        put(
            buffer,
            beside.intersection(area),
            &ports,
            Edge::Left,
            Colours::weak(),
        );
    }

    fn graph(&self, buffer: &mut Buffer, area: Rect, row: &Row<'_>) {
        let rates = self.watched.history.last(&row.id(), area.width.into());
        bars(&rates, 1)
            .max(LEVELS)
            .style(self.colours.graph())
            .render(area, buffer);
    }
}

/// Bars of `rates`, the highest as high as `lines` lines. What is not nothing shows.
pub(super) fn bars(rates: &[f32], lines: u16) -> Sparkline<'static> {
    let highest = rates.iter().copied().fold(0.0, f32::max);
    let levels = (LEVELS * u64::from(lines)) as f32;
    let level = |&rate: &f32| (rate / highest * levels).ceil() as u64;
    let data: Vec<u64> = match highest > 0.0 {
        true => rates.iter().map(level).collect(),
        false => vec![0; rates.len()],
    };
    Sparkline::default().data(data).max(levels as u64)
}

fn edge(column: Column) -> Edge {
    match column.is_number() {
        true => Edge::Right,
        false => Edge::Left,
    }
}
