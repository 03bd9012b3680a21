//! The rows of a registry by port, for look-ups.

use std::collections::HashSet;

use portclass_common::{label::Class, port::PortKey};

use super::{Entry, Layer, Record, Registry};

const PORTS: usize = 1 << 16;

/// The rows about ports that are asked for in order: those of the port before, unless they have changed.
pub(super) struct RowsOfPorts<'index, 'registry> {
    index: &'index Index<'registry>,
    port: Option<u16>,
    rows: Vec<u32>,
    /// The first row of the index that has not begun yet.
    next: usize,
    /// How often the rows have changed.
    changes: u32,
}

impl<'index, 'registry> RowsOfPorts<'index, 'registry> {
    pub(super) fn new(index: &'index Index<'registry>) -> Self {
        Self {
            index,
            port: None,
            rows: Vec::new(),
            next: 0,
            changes: 0,
        }
    }

    /// How often the rows have changed so far.
    pub(super) fn changes(&self) -> u32 {
        self.changes
    }

    pub(super) fn at(&mut self, port: u16) -> &[u32] {
        let is_same = self.port.is_some_and(|before| {
            let between = usize::from(before) + 1..=usize::from(port);
            before <= port && !self.index.changes[between].contains(&true)
        });
        if !is_same {
            self.move_to(port);
            self.changes += 1;
        }
        self.port = Some(port);
        &self.rows
    }

    /// Takes rows in that begin on the way, and leaves those out that end there.
    fn move_to(&mut self, port: u16) {
        let index = self.index;
        if self.port.is_some_and(|before| before > port) {
            self.rows.clear();
            self.next = 0;
        }
        let begun = index.rows[self.next..]
            .iter()
            .take_while(|&&(first, _)| first <= port);
        let rows = begun.map(|&(_, row)| row);
        let before = self.rows.len();
        self.rows.extend(rows);
        self.next += self.rows.len() - before;
        self.rows.retain(|&row| index.record(row).covers(port));
        self.rows.sort_unstable();
    }
}

/// A registry, and which of its rows are about a port.
pub struct Index<'registry> {
    pub(super) registry: &'registry Registry,
    /// Rows about ports, by first port and then in the registry's order.
    rows: Vec<(u16, u32)>,
    /// The highest port that any row up to this one is about.
    reach: Vec<u16>,
    /// Of each port, whether other rows are about it than about the one before.
    changes: Vec<bool>,
}

impl<'registry> Index<'registry> {
    /// Sorts the rows of `registry`.
    pub fn new(registry: &'registry Registry) -> Self {
        let records = registry.records();
        let mut rows: Vec<_> = (0..records.len())
            .filter_map(|index| Some((records.get(index).ports()?.first(), index)))
            .collect();
        rows.sort_unstable();
        let mut changes = vec![false; PORTS + 1];
        for ports in records.iter().filter_map(Record::ports) {
            changes[usize::from(ports.first())] = true;
            changes[usize::from(ports.last()) + 1] = true;
        }
        let mut highest = 0;
        let reach = rows.iter().map(|&(_, index)| {
            let last = records.get(index).ports().map_or(0, |ports| ports.last());
            highest = last.max(highest);
            highest
        });
        Self {
            registry,
            reach: reach.collect(),
            rows,
            changes,
        }
    }

    /// The rows that are about `port`, those of lower layers first, each layer's in the order of its files.
    pub(super) fn rows_at(&self, port: u16) -> Vec<u32> {
        let records = self.registry.records();
        let end = self.rows.partition_point(|&(first, _)| first <= port);
        let mut rows: Vec<_> = (0..end)
            .rev()
            .take_while(|&at| self.reach[at] >= port)
            .map(|at| self.rows[at].1)
            .filter(|&index| records.get(index).covers(port))
            .collect();
        rows.sort_unstable();
        rows
    }

    /// What each layer says of a port of a transport, the highest first, and the record in which it does.
    pub(super) fn said_of(&self, key: PortKey, rows: &[u32]) -> Vec<(Layer, u32)> {
        let mut said: Vec<(Layer, u32)> = Vec::new();
        for file in &self.registry.files {
            let decides = rows
                .iter()
                .copied()
                .filter(|index| file.rows.contains(index))
                .filter(|&index| {
                    let own = self.registry.records().get(index).transport();
                    own.is_none() || own == key.transport()
                })
                .min_by_key(|&index| self.registry.records().get(index).rank());
            if let Some(index) = decides {
                said.push((file.layer, index));
            }
            if file.layer == Layer::Iana {
                said.extend(self.preferred(key).map(|index| (Layer::Preferred, index)));
            }
        }
        said.reverse();
        said
    }

    /// The record that preferred names put on top of another one.
    pub(super) fn preferred(&self, key: PortKey) -> Option<u32> {
        let mut preferred = self.registry.preferred.iter();
        preferred
            .find(|&&(preferred, _)| preferred == key)
            .map(|&(_, index)| index)
    }

    pub(super) fn record(&self, index: u32) -> Record<'registry> {
        self.registry.records().get(index)
    }

    /// The names of a port of a transport beside the one of the record that decides it, as the same file has them.
    pub(super) fn other_names(
        &self,
        decides: (u32, Record<'registry>),
        rows: &[u32],
    ) -> Vec<&'registry str> {
        let (index, record) = decides;
        let file = self.registry.file(index);
        let mut known = HashSet::from([record.name()]);
        let rows = rows.iter().copied().filter(|row| file.rows.contains(row));
        rows.map(|row| self.record(row))
            .filter(|other| other.is_named() && other.transport() == record.transport())
            .map(Record::name)
            .filter(|&name| known.insert(name))
            .collect()
    }

    /// Every port of a transport that has a name, by port and then by IP protocol number, with all its names, the
    /// canonical one first, and the record of that one.
    pub fn named(&self) -> impl Iterator<Item = (PortKey, Vec<&'registry str>, Record<'registry>)> {
        let mut rows = RowsOfPorts::new(self);
        let entries = self.registry.entries();
        let named = entries.filter(|entry| entry.class == Class::Labelled);
        named.map(move |Entry { key, .. }| {
            let rows = rows.at(key.port());
            let index = self.registry.deciding(key);
            let record = self.record(index);
            let mut names = vec![record.name()];
            names.extend(self.other_names((index, record), rows));
            (key, names, record)
        })
    }
}
