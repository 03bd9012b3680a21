//! The rows of a registry, all of them in one piece of text.

use std::ops::RangeInclusive;

use portclass_common::transport::Transport;

use super::{Column, Status};
use crate::text::harmless;

/// A port, or an inclusive range of ports, in host byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    first: u16,
    last: u16,
}

impl Ports {
    /// The ports from `first` to `last`, both included; `None` when they stand the wrong way round.
    pub fn new(first: u16, last: u16) -> Option<Self> {
        (first <= last).then_some(Self { first, last })
    }

    /// The ports, in order.
    pub fn iter(self) -> RangeInclusive<u16> {
        self.first..=self.last
    }

    /// Whether `port` is one of them.
    pub const fn contains(self, port: u16) -> bool {
        self.first <= port && port <= self.last
    }
}

/// What a reader found out about a row beside its text.
pub(super) struct Parsed {
    pub(super) ports: Option<Ports>,
    pub(super) transport: Option<Transport>,
    pub(super) is_alias: bool,
}

struct Row {
    start: u32,
    /// Where each column's text ends, counted from `start`.
    ends: [u32; Column::COUNT],
    parsed: Parsed,
}

/// Rows of twelve columns each, in file order.
#[derive(Default)]
pub struct Records {
    text: String,
    rows: Vec<Row>,
}

impl Records {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self {
            text: String::with_capacity(bytes),
            rows: Vec::with_capacity(bytes / 80),
        }
    }

    /// Adds a row; characters that could drive a terminal are replaced.
    pub(super) fn push<'a>(&mut self, columns: impl Iterator<Item = &'a str>, parsed: Parsed) {
        let start = self.text.len();
        let mut ends = [0; Column::COUNT];
        for (end, column) in ends.iter_mut().zip(columns) {
            self.text.push_str(&harmless(column));
            *end = (self.text.len() - start) as u32;
        }
        self.rows.push(Row {
            start: start as u32,
            ends,
            parsed,
        });
    }

    /// Number of rows.
    pub fn len(&self) -> u32 {
        self.rows.len() as u32
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The row at `index`, which is below [`Records::len`].
    pub fn get(&self, index: u32) -> Record<'_> {
        Record {
            text: &self.text,
            row: &self.rows[index as usize],
        }
    }

    /// All rows.
    pub fn iter(&self) -> impl Iterator<Item = Record<'_>> {
        (0..self.len()).map(|index| self.get(index))
    }
}

/// One row.
#[derive(Clone, Copy)]
pub struct Record<'registry> {
    text: &'registry str,
    row: &'registry Row,
}

impl<'registry> Record<'registry> {
    /// The text of a column, with line feeds where the file has them and without other control characters.
    pub fn column(self, column: Column) -> &'registry str {
        let index = column as usize;
        let start = index
            .checked_sub(1)
            .map_or(0, |before| self.row.ends[before]);
        let of_row = self.row.start as usize;
        &self.text[of_row + start as usize..of_row + self.row.ends[index] as usize]
    }

    /// The service name, empty where the row has none.
    pub fn name(self) -> &'registry str {
        self.column(Column::ServiceName)
    }

    /// Whether the row has a service name.
    pub fn is_named(self) -> bool {
        self.row.ends[Column::ServiceName as usize] > 0
    }

    /// The ports, unless the row is for a name alone.
    pub fn ports(self) -> Option<Ports> {
        self.row.parsed.ports
    }

    /// Whether the row is about `port`.
    pub fn covers(self, port: u16) -> bool {
        self.ports().is_some_and(|ports| ports.contains(port))
    }

    /// The transport, unless the row is for any of them.
    pub fn transport(self) -> Option<Transport> {
        self.row.parsed.transport
    }

    /// Whether the row's note says that it is an alias of another name.
    pub fn is_alias(self) -> bool {
        self.row.parsed.is_alias
    }

    /// What the row says of its ports.
    pub fn status(self) -> Status {
        if self.is_named() {
            Status::Assigned
        } else {
            Status::of_description(self.column(Column::Description))
        }
    }
}
