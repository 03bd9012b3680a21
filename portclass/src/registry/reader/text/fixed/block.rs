//! The lines of the table, as far as they tell its rows apart, in blocks with a certain row end at both ends.

use std::{
    hash::{DefaultHasher, Hasher},
    mem,
    ops::Range,
};

use super::{
    columns::Columns,
    cost::{self, Cost},
    line::Cells,
    rows::{Row, Ways},
};
use crate::registry::{Column, Ports};

/// More lines than any row has; where it takes more to tell the rows apart, something else is in front of us.
const MAX_LINES: usize = 16 << 10;

/// More blank lines than any row has within it.
const MAX_BLANK: usize = 64;

/// Room at a fold that is worth counting: longer words are rare.
const MAX_ROOM: usize = 40;

pub(super) const NAME: u16 = 1 << Column::ServiceName as u16;
pub(super) const PORT: u16 = 1 << Column::PortNumber as u16;

/// A line of the table, as far as it tells rows apart.
pub(super) struct Line {
    at: Range<usize>,
    /// A bit for each column with text.
    pub(super) filled: u16,
    /// What it costs to have this line and the one before in one row.
    pub(super) folds: Cost,
    /// How much room the line before has where the first word of this one has none, in all columns. That no fold is
    /// there is a coincidence, and the more room there is the less likely.
    pub(super) room: u32,
    /// The columns whose text here is less likely to be the start of a cell.
    pub(super) small_starts: u16,
    /// The columns whose text here is less likely to be the end of a cell.
    pub(super) open_ends: u16,
    /// Whether name and port of the line before may go on in this one.
    pub(super) continues: bool,
    pub(super) has_odd_name: bool,
    pub(super) has_bad_port: bool,
    /// A number for the text of each column.
    pub(super) hashes: [u64; Column::COUNT],
}

impl Line {
    pub(super) fn is_key(&self) -> bool {
        self.filled & (NAME | PORT) != 0
    }
}

/// Lines whose rows are told apart together.
#[derive(Default)]
pub(super) struct Block {
    lines: Vec<Line>,
    /// How many lines at its end are blank.
    blank: usize,
    last: [Fold; Column::COUNT],
}

/// What the last line of a cell says of whether it goes on in the next one.
#[derive(Clone, Copy, Default)]
struct Fold {
    length: usize,
    ends_with: Option<char>,
}

impl Fold {
    fn of(cell: &str) -> Self {
        Self {
            length: cell.chars().count(),
            ends_with: cell.chars().next_back(),
        }
    }

    /// Whether the first word of the next line would have had room in this one, of a column of that width.
    fn has_room_for(self, next: &str, width: usize) -> bool {
        let word = next.split_whitespace().next().unwrap_or_default();
        let blank = usize::from(!(self.ends_with == Some(']') && word.starts_with('[')));
        self.length + blank + word.chars().take(width + 1).count() <= width
    }

    /// Whether a word of this column is broken here: behind a hyphen only, where its next part has no room.
    fn is_broken_before(self, next: &str, width: usize) -> bool {
        let part = next.find('-').map_or(next, |hyphen| &next[..=hyphen]);
        self.ends_with == Some('-') && self.length + part.chars().take(width + 1).count() > width
    }
}

impl Block {
    /// The next line of the table.
    pub(super) fn next(&mut self, at: Range<usize>, cells: &Cells<'_>, columns: &Columns) -> Line {
        let mut line = Line {
            at,
            filled: 0,
            folds: Cost::default(),
            room: 0,
            small_starts: 0,
            open_ends: 0,
            continues: false,
            has_odd_name: false,
            has_bad_port: false,
            hashes: cells.texts.map(hash),
        };
        let mut is_broken = false;
        for (column, &cell) in Column::ALL.into_iter().zip(&cells.texts) {
            let before = mem::replace(&mut self.last[column as usize], Fold::of(cell));
            if cell.is_empty() {
                continue;
            }
            let bit = 1 << column as u16;
            line.filled |= bit;
            if cell.starts_with(|first: char| first.is_ascii_lowercase()) {
                line.small_starts |= bit;
            }
            if cell.ends_with([',', ':', '-']) {
                line.open_ends |= bit;
            }
            if before.ends_with.is_none() {
                continue;
            }
            let width = columns.widths[column as usize];
            match column {
                Column::ServiceName | Column::PortNumber => {
                    let goes_on = !before.has_room_for(cell, width)
                        && (column == Column::ServiceName || before.ends_with == Some('-'))
                        || before.is_broken_before(cell, width);
                    line.continues |= goes_on;
                    is_broken |= !goes_on;
                }
                _ if !before.has_room_for(cell, width) => {
                    line.room += width.saturating_sub(before.length).min(MAX_ROOM) as u32;
                }
                Column::AssignmentNotes => line.folds.likeness += cost::BREAK_IN_NOTES,
                _ => line.folds.layout += cost::EARLY_FOLD,
            }
        }
        line.continues &= !is_broken;
        let [name, port, ..] = cells.texts;
        line.has_odd_name = name.contains(|character: char| {
            !character.is_ascii_alphanumeric() && !"-_.+*/".contains(character)
        });
        line.has_bad_port = !port.is_empty() && port.parse::<Ports>().is_err();
        line
    }

    /// Whether a row certainly ends before that line, or has to.
    pub(super) fn ends_before(&self, line: &Line) -> bool {
        self.lines.last().is_some_and(|last| {
            let is_certain = last.is_key() && line.is_key() && !line.continues;
            is_certain || self.blank >= MAX_BLANK || self.lines.len() >= MAX_LINES
        })
    }

    pub(super) fn push(&mut self, line: Line) {
        let is_blank = line.filled == 0;
        self.blank = if is_blank { self.blank + 1 } else { 0 };
        if !(is_blank && self.lines.is_empty()) {
            self.lines.push(line);
        }
    }

    /// Forgets the lines, but not what the next one may continue.
    pub(super) fn clear(&mut self) {
        self.lines.clear();
    }

    /// The offsets of a line.
    pub(super) fn line(&self, index: usize) -> Range<usize> {
        self.lines[index].at.clone()
    }

    /// Whether a line is blank.
    pub(super) fn is_blank(&self, index: usize) -> bool {
        self.lines[index].filled == 0
    }

    /// The rows, from top to bottom. The last one may be cut off if the file ends here.
    pub(super) fn rows(&self, is_last: bool) -> Vec<Row> {
        Ways::of(&self.lines).rows(is_last)
    }
}

fn hash(text: &str) -> u64 {
    if text.is_empty() {
        return 0;
    }
    let mut hasher = DefaultHasher::new();
    hasher.write(text.as_bytes());
    hasher.finish()
}
