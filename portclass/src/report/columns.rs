//! Rows of text in columns.

use std::io;

use comfy_table::{Table, presets};

use crate::text::one_line;

/// Characters of a cell at most: one that is longer than any of IANA's would make every row as wide.
const MAX_WIDTH: usize = 400;

/// A table of text below headings, as wide as it has to be.
pub(super) struct Columns<const N: usize>(Table);

impl<const N: usize> Columns<N> {
    pub(super) fn new(headings: [&str; N]) -> Self {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header(headings);
        Self(table)
    }

    /// Adds a row; every cell is one line, and a long one is cut.
    pub(super) fn row(&mut self, cells: [String; N]) {
        self.0.add_row(cells.map(|cell| {
            let mut cell = one_line(&cell);
            if let Some((end, _)) = cell.char_indices().nth(MAX_WIDTH) {
                cell.truncate(end);
                cell.push('…');
            }
            cell
        }));
    }

    pub(super) fn write(mut self, out: &mut impl io::Write) -> io::Result<()> {
        for column in self.0.column_iter_mut() {
            column.set_padding((0, 2));
        }
        for line in self.0.lines() {
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}
