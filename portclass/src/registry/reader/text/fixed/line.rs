//! One line of the table, cut into the cells of its columns.

use super::columns::Columns;
use crate::registry::Column;

/// The cells of one line.
pub(super) struct Cells<'line> {
    pub(super) texts: [&'line str; Column::COUNT],
    /// Whether there is text between two columns.
    pub(super) runs_across: bool,
}

impl Columns {
    /// Cuts a line into cells. IANA's browser laid out bytes where others lay out characters: the measure that leaves
    /// text between fewer columns, and starts more cells where their column does, is the right one.
    pub(super) fn cut<'line>(&self, line: &'line str) -> Cells<'line> {
        let by_bytes = |start: usize| line.floor_char_boundary(start);
        if line.is_ascii() {
            return self.cut_at(line, self.starts.map(by_bytes)).0;
        }
        let mut characters = line.char_indices().map(|(at, _)| at);
        let mut counted = 0;
        let by_characters = self.starts.map(|start| {
            let at = characters.nth(start - counted);
            counted = start + 1;
            at.unwrap_or(line.len())
        });
        let (of_characters, badness) = self.cut_at(line, by_characters);
        let (of_bytes, badness_of_bytes) = self.cut_at(line, self.starts.map(by_bytes));
        if badness_of_bytes < badness {
            of_bytes
        } else {
            of_characters
        }
    }

    /// The cells that begin at these offsets, how many columns have text right before them, and how many cells do not
    /// begin with their column.
    fn cut_at<'line>(
        &self,
        line: &'line str,
        starts: [usize; Column::COUNT],
    ) -> (Cells<'line>, (usize, usize)) {
        let is_blank = |character: char| character.is_whitespace();
        let mut across = usize::from(!line[..starts[0]].trim().is_empty());
        let mut indented = 0;
        let mut texts = [""; Column::COUNT];
        for (column, text) in texts.iter_mut().enumerate() {
            let end = starts.get(column + 1).copied().unwrap_or(line.len());
            // What stands left of the first column is not lost.
            let start = if column == 0 { 0 } else { starts[column] };
            let cell = &line[start..end];
            *text = cell.trim();
            indented += usize::from(!text.is_empty() && cell.starts_with(is_blank));
            let is_last = column + 1 == Column::COUNT;
            across += usize::from(!is_last && end < line.len() && !cell.ends_with(is_blank));
        }
        let cells = Cells {
            texts,
            runs_across: across > 0,
        };
        (cells, (across, indented))
    }
}
