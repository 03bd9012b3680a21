//! The rows of a registry, all of them in one piece of text.

use std::{fmt, ops::RangeInclusive, str::FromStr};

use memchr::memchr_iter;
use portclass_common::transport::Transport;

use super::{Column, Status};
use crate::text::{harmless, is_plain};

/// A port, or an inclusive range of ports, in host byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

    /// The lowest of them.
    pub const fn first(self) -> u16 {
        self.first
    }

    /// The highest of them.
    pub const fn last(self) -> u16 {
        self.last
    }

    /// Whether they have a port in common with `others`.
    pub const fn overlap(self, others: Self) -> bool {
        self.first <= others.last && others.first <= self.last
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}-{}", self.first, self.last)
        }
    }
}

impl FromStr for Ports {
    type Err = String;

    /// A port or a range of ports; the message says what else the text is.
    fn from_str(text: &str) -> Result<Self, String> {
        let ports = match port(text) {
            Some(port) => Some((port, port)),
            None => text
                .split_once('-')
                .and_then(|(first, last)| Some((port(first)?, port(last)?))),
        };
        let Some((first, last)) = ports else {
            return Err(format!(
                "{text:?} is no port; expected a number up to 65535, or two with a hyphen"
            ));
        };
        Self::new(first, last).ok_or_else(|| format!("the range {text:?} ends before it starts"))
    }
}

/// Digits alone, which is less than what `parse` takes.
fn port(digits: &str) -> Option<u16> {
    let mut port: Option<u16> = None;
    for byte in digits.bytes() {
        if !byte.is_ascii_digit() {
            return None;
        }
        let before = port.unwrap_or(0).checked_mul(10)?;
        port = Some(before.checked_add(u16::from(byte - b'0'))?);
    }
    port
}

/// What a reader found out about a row beside its text.
#[derive(Clone, Copy)]
pub(super) struct Parsed {
    pub(super) ports: Option<Ports>,
    pub(super) transport: Option<Transport>,
    pub(super) is_alias: bool,
}

struct Row {
    start: u32,
    /// Where each column's text ends, counted from `start`.
    ends: [u32; Column::COUNT],
    /// The first line in the file; while the file is being read, the offset.
    line: u32,
    parsed: Parsed,
}

/// Bytes of a record in the registry as CSV, a little less than they are on average.
const BYTES_PER_ROW: usize = 72;

/// Rows of twelve columns each, in file order.
#[derive(Default)]
pub struct Records {
    text: String,
    rows: Vec<Row>,
}

impl Records {
    /// Makes room for what a file of so many bytes may hold.
    pub(super) fn reserve(&mut self, bytes: usize) {
        self.text.reserve(bytes);
        self.rows.reserve(bytes / BYTES_PER_ROW);
    }

    /// Gives back the room that was not needed.
    pub(super) fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.rows.shrink_to_fit();
    }

    /// Adds the row that starts at the offset `at` of its file. Characters that could drive a terminal are replaced, and
    /// the first column that had some is given back.
    pub(super) fn push(
        &mut self,
        at: usize,
        columns: &[&str; Column::COUNT],
        parsed: Parsed,
    ) -> Option<Column> {
        let start = self.text.len();
        let mut ends = [0; Column::COUNT];
        for (end, text) in ends.iter_mut().zip(columns) {
            self.text.push_str(text);
            *end = (self.text.len() - start) as u32;
        }
        let mut replaced = None;
        if !is_plain(&self.text[start..]) {
            self.text.truncate(start);
            for ((end, text), column) in ends.iter_mut().zip(columns).zip(Column::ALL) {
                let harmless = harmless(text);
                self.text.push_str(&harmless);
                *end = (self.text.len() - start) as u32;
                if replaced.is_none() && replacements(&harmless) > replacements(text) {
                    replaced = Some(column);
                }
            }
        }
        self.rows.push(Row {
            start: start as u32,
            ends,
            line: at as u32,
            parsed,
        });
        replaced
    }

    /// Gives the rows from `first` on, which came from a file with that `text`, their lines for their offsets.
    pub(super) fn number_lines(&mut self, first: u32, text: &str) {
        let mut line_feeds = memchr_iter(b'\n', text.as_bytes()).peekable();
        let mut line = 1;
        for row in &mut self.rows[first as usize..] {
            while line_feeds.next_if(|&at| at < row.line as usize).is_some() {
                line += 1;
            }
            row.line = line;
        }
    }

    /// Takes rows out; `indices` are in order.
    pub(super) fn remove(&mut self, indices: &[u32]) {
        let mut indices = indices.iter().peekable();
        let mut index = 0;
        self.rows.retain(|_| {
            let is_removed = indices.next_if_eq(&&index).is_some();
            index += 1;
            !is_removed
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

fn replacements(text: &str) -> usize {
    if text.is_ascii() {
        return 0;
    }
    text.matches(char::REPLACEMENT_CHARACTER).count()
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

    /// Whether the row is about ports of `transport`.
    pub fn is_for(self, transport: Transport) -> bool {
        self.transport().is_none_or(|own| own == transport)
    }

    /// Whether the row's note says that it is an alias of another name.
    pub fn is_alias(self) -> bool {
        self.row.parsed.is_alias
    }

    /// The row's first line in its file, counted from 1.
    pub fn line(self) -> u64 {
        self.row.line.into()
    }

    /// What the row says of its ports.
    pub fn status(self) -> Status {
        if self.is_named() {
            Status::Assigned
        } else {
            Status::of_description(self.column(Column::Description))
        }
    }

    /// Which of two rows decides a port: the lower one, and of equal ones the one that stands first. A name for exactly
    /// this transport, then its aliases, then a name for any transport and its aliases, then the status that a row without a
    /// name gives.
    pub(super) fn rank(self) -> usize {
        match (self.is_named(), self.transport(), self.is_alias()) {
            (true, Some(_), false) => 0,
            (true, Some(_), true) => 1,
            (true, None, false) => 2,
            (true, None, true) => 3,
            (false, Some(_), _) => 4,
            (false, None, _) => 5,
        }
    }

    /// Number of ranks.
    pub(super) const RANKS: usize = 6;
}
