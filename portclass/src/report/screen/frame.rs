//! What stands above and below a list: where, how much, how, and which keys there are.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{
    Screen, View,
    paint::{Colours, Edge, line, put, put_parts},
    row::Subject,
};
use crate::report::{
    number::{rate, share, short},
    table::total_rates,
    title::interface,
};

/// Lines above.
pub(super) const HEADER: u16 = 3;
/// Characters from which on words are not cut short.
const WIDE: u16 = 60;

impl Screen {
    pub(super) fn header(&self, buffer: &mut Buffer, area: Rect) {
        let snapshot = &self.shown().snapshot;
        let plain = |text: String| (text, Style::new());
        let interfaces: Vec<_> = snapshot.interfaces.iter().map(interface).collect();
        let registry = &snapshot.registry;
        let date = registry.updated.as_ref();
        let registry = date.map_or_else(
            || "registry without a date".to_owned(),
            |date| format!("registry of {date}"),
        );
        let where_ = [
            (interfaces.join(", "), Colours::strong()),
            (registry, Colours::weak()),
        ];
        put_parts(buffer, line(area, 0), &where_);

        let rates = total_rates(snapshot);
        let packet_rate = rate(rates.map(|rates| rates.packets_per_second));
        let bit_rate = rate(rates.map(|rates| rates.bits_per_second));
        let totals = snapshot.totals;
        let unlabelled = snapshot.unlabelled.iter().map(|row| row.bytes).sum();
        let unlabelled = share(unlabelled, totals.bytes);
        let (packets, bytes) = (short(totals.packets), short(totals.bytes));
        // The numbers keep their places.
        let how_much = match area.width >= WIDE {
            true => [
                format!("{packet_rate:>5} packets/s"),
                format!("{bit_rate:>5} bits/s"),
                format!("{unlabelled:>5} unlabelled"),
                format!("{packets} packets, {bytes} bytes"),
            ],
            false => [
                format!("{packet_rate:>5} pkts/s"),
                format!("{bit_rate:>5} bits/s"),
                format!("{unlabelled:>5} unlab."),
                format!("{packets} packets, {bytes} bytes"),
            ],
        };
        put_parts(buffer, line(area, 1), &how_much.map(plain));

        let reversed = if self.reversed { ", reversed" } else { "" };
        let mut how = Vec::new();
        if self.still.is_some() {
            how.push(("PAUSED".to_owned(), self.colours.notice()));
        }
        let filter = self.filter.text();
        if !filter.is_empty() {
            how.push((format!("filter {filter}"), self.colours.notice()));
        }
        let interval = humantime::format_duration(self.interval());
        how.push(plain(format!("every {interval}")));
        how.push(plain(format!("by {}{reversed}", self.order.name())));
        put_parts(buffer, line(area, 2), &how);
    }

    /// The keys, or what somebody is writing.
    pub(super) fn footer(&self, buffer: &mut Buffer, area: Rect) {
        if self.is_typing {
            let parts = [
                (
                    format!("filter: {}_", self.filter.text()),
                    self.colours.notice(),
                ),
                ("Enter keeps it".to_owned(), Colours::weak()),
                ("Esc removes it".to_owned(), Colours::weak()),
            ];
            return put_parts(buffer, area, &parts);
        }
        let list = match self.subject {
            Subject::Services => "u unlabelled",
            Subject::Reasons | Subject::Tunnels => "u services",
        };
        let tunnels = self.has_tunnels().then_some("t tunnels");
        let keys: Vec<&str> = match &self.view {
            View::List => ["q quit", "? help", "Enter detail", "s sort", "/ filter"]
                .into_iter()
                .chain([list])
                .chain(tunnels)
                .chain(["space pause", "n numbers", "+/- interval", "r reverse"])
                .collect(),
            View::Detail(_) => vec!["q quit", "Esc back", "space pause", "j/k scroll"],
            View::Help => vec!["q quit", "Esc back", "j/k scroll"],
        };
        let parts: Vec<_> = keys
            .into_iter()
            .map(|key| (key.to_owned(), Colours::weak()))
            .collect();
        put_parts(buffer, area, &parts);
    }

    /// The latest line that was said.
    pub(super) fn note(&self, buffer: &mut Buffer, area: Rect) {
        if let Some(note) = &self.note {
            put(buffer, area, note, Edge::Left, self.colours.notice());
        }
    }
}
