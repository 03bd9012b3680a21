//! A snapshot as a table.

use comfy_table::{CellAlignment, Row, Table, presets};

use super::{
    number::{grouped, ports, scaled, share},
    shown::{Layout, Shown},
    title::title,
};
use crate::{
    account::{Direction, Rates, Snapshot},
    text::one_line,
};

/// The lines of a table: services, totals, unlabelled frames by reason, tunnels, and tags.
pub fn table(snapshot: &Snapshot, layout: Layout) -> Vec<String> {
    let shown = Shown::new(snapshot, layout);
    let totals = snapshot.totals;
    let mut grid = Grid::new(snapshot);

    grid.headings(["SERVICE", "TRANSPORT", "PORTS"]);
    for row in snapshot.services.iter().take(shown.services) {
        let ports = ports(row.ports.iter().map(|row| row.port));
        let text = [one_line(&row.service), row.transport.to_owned(), ports];
        let origin = Some((&row.interface, row.direction));
        grid.row(text, origin, (row.packets, row.bytes, row.rates));
    }
    grid.more(snapshot.services.len() - shown.services);
    let text = ["TOTAL".to_owned(), String::new(), String::new()];
    let numbers = (totals.packets, totals.bytes, total_rates(snapshot));
    grid.row(text, None, numbers);

    if !snapshot.unlabelled.is_empty() {
        grid.blank();
        grid.headings(["UNLABELLED", "", ""]);
    }
    for row in snapshot.unlabelled.iter().take(shown.reasons) {
        let detail = row.transport.or(row.detail.as_deref()).unwrap_or_default();
        let text = [row.class.to_owned(), detail.to_owned(), String::new()];
        let origin = Some((&row.interface, row.direction));
        grid.row(text, origin, (row.packets, row.bytes, row.rates));
    }
    grid.more(snapshot.unlabelled.len() - shown.reasons);

    if let (Some(tunnels), Some(shown)) = (&snapshot.tunnels, shown.tunnels) {
        grid.has_shares = false;
        grid.blank();
        if tunnels.is_empty() {
            grid.over_next("TUNNELS (none)");
            grid.blank();
        } else {
            grid.over_next("TUNNELS (not in TOTAL)");
            grid.headings([""; TEXT_COLUMNS]);
        }
        for row in tunnels.iter().take(shown) {
            let transport = row.transport.unwrap_or_default().to_owned();
            let text = [row.service.to_owned(), transport, String::new()];
            let origin = Some((&row.interface, row.direction));
            grid.row(text, origin, (row.packets, row.bytes, row.rates));
        }
        grid.more(tunnels.len() - shown);
    }

    let mut lines = Vec::new();
    if shown.title {
        lines.extend([title(snapshot), String::new()]);
    }
    lines.extend(grid.lines());
    if let Some(tags) = snapshot.tags.filter(|_| shown.tags) {
        let [tagged, untagged] = [tags.tagged, tags.untagged].map(grouped);
        lines.extend([
            String::new(),
            format!("TAGS  {tagged} tagged, {untagged} untagged"),
        ]);
    }
    lines
}

/// Columns of text that every table has.
const TEXT_COLUMNS: usize = 3;

/// Lines of cells in columns: text, the origin as far as rows are told apart by it, and numbers.
struct Grid {
    table: Table,
    /// Bytes that shares are of.
    whole: u64,
    has_interfaces: bool,
    has_directions: bool,
    has_rates: bool,
    /// Whether rows from here on are a share of the whole.
    has_shares: bool,
    /// Lines by number, each with a text that runs over its first cells, which are empty: no cell may be as wide.
    over: Vec<(usize, &'static str)>,
}

impl Grid {
    fn new(snapshot: &Snapshot) -> Self {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        Self {
            table,
            whole: snapshot.totals.bytes,
            has_interfaces: origins(snapshot).any(|(interface, _)| interface.is_some()),
            has_directions: has_directions(snapshot),
            has_rates: snapshot.interval_seconds.is_some(),
            has_shares: true,
            over: Vec::new(),
        }
    }

    /// Adds headings; the first ones are the table's.
    fn headings(&mut self, text: [&str; TEXT_COLUMNS]) {
        let share = if self.has_shares { "SHARE" } else { "" };
        let row = self.cells(
            text.map(str::to_owned),
            ["INTERFACE", "DIRECTION"].map(str::to_owned),
            ["PACKETS", "BYTES"].map(str::to_owned),
            ["PACKETS/S", "BITS/S"].map(str::to_owned),
            share.to_owned(),
        );
        if self.table.header().is_none() {
            self.table.set_header(row);
        } else {
            self.table.add_row(row);
        }
    }

    fn row(
        &mut self,
        text: [String; TEXT_COLUMNS],
        origin: Option<(&Option<String>, Direction)>,
        (packets, bytes, rates): (u64, u64, Option<Rates>),
    ) {
        let origin = origin.map_or_else(Default::default, |(interface, direction)| {
            let interface = interface.as_deref().map(one_line).unwrap_or_default();
            [interface, direction.name().to_owned()]
        });
        let rates = rates.map_or_else(Default::default, |rates| {
            [
                scaled(rates.packets_per_second),
                scaled(rates.bits_per_second),
            ]
        });
        let share = match self.has_shares {
            true => share(bytes, self.whole),
            false => String::new(),
        };
        let numbers = [grouped(packets), grouped(bytes)];
        let row = self.cells(text, origin, numbers, rates, share);
        self.table.add_row(row);
    }

    /// A row of the columns that this table has.
    fn cells(
        &self,
        text: [String; TEXT_COLUMNS],
        [interface, direction]: [String; 2],
        numbers: [String; 2],
        rates: [String; 2],
        share: String,
    ) -> Row {
        let mut cells = Vec::from(text);
        cells.extend(self.has_interfaces.then_some(interface));
        cells.extend(self.has_directions.then_some(direction));
        cells.extend(numbers);
        cells.extend(rates.into_iter().filter(|_| self.has_rates));
        cells.push(share);
        Row::from(cells)
    }

    /// Says how many rows are not shown, if any.
    fn more(&mut self, hidden: usize) {
        if hidden > 0 {
            self.table.add_row([format!("({hidden} more)")]);
        }
    }

    fn blank(&mut self) {
        self.table.add_row([""]);
    }

    /// Has the next line start with `text`, over its first cells, which are empty.
    fn over_next(&mut self, text: &'static str) {
        // The table's own headings are none of its rows.
        self.over.push((1 + self.table.row_count(), text));
    }

    fn lines(mut self) -> Vec<String> {
        let text =
            TEXT_COLUMNS + usize::from(self.has_interfaces) + usize::from(self.has_directions);
        for (position, column) in self.table.column_iter_mut().enumerate() {
            column.set_padding((0, 2));
            if position >= text {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let trimmed = |line: &str| line.trim_end().to_owned();
        let mut lines: Vec<_> = self.table.lines().map(|line| trimmed(&line)).collect();
        for (line, text) in self.over {
            let rest = lines[line].get(text.len()..).unwrap_or_default();
            lines[line] = format!("{text}{rest}");
        }
        lines
    }
}

/// The interface and the direction of each row.
fn origins(snapshot: &Snapshot) -> impl Iterator<Item = (&Option<String>, Direction)> {
    let services = snapshot.services.iter();
    let reasons = snapshot.unlabelled.iter();
    let tunnels = snapshot.tunnels.iter().flatten();
    services
        .map(|row| (&row.interface, row.direction))
        .chain(reasons.map(|row| (&row.interface, row.direction)))
        .chain(tunnels.map(|row| (&row.interface, row.direction)))
}

/// Whether more than one direction is observed.
pub(super) fn has_directions(snapshot: &Snapshot) -> bool {
    let interfaces = snapshot.interfaces.iter();
    let observed = interfaces.flat_map(|interface| interface.directions.iter().copied());
    let mut all = observed.chain(origins(snapshot).map(|(_, direction)| direction));
    let first = all.next();
    all.any(|direction| Some(direction) != first)
}

pub(super) fn total_rates(snapshot: &Snapshot) -> Option<Rates> {
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
