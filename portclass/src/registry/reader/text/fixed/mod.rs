//! IANA's plain text edition: its page as a text browser draws it, a table whose twelve columns have a fixed width.
//!
//! A cell that is too wide is folded, and each cell stands in the middle of its row's lines. No line says where a row
//! begins: that follows from the layout alone (see [`rows`]), and so does where a column does (see [`columns`]).

mod block;
mod columns;
mod cost;
mod heading;
mod line;
mod rows;
#[cfg(test)]
mod tests;

use std::ops::Range;

use self::{
    block::Block,
    columns::Columns,
    heading::Heading,
    line::Cells,
    rows::{Doubt, Row},
};
use crate::registry::{Column, Kind, RegistryError, reading::Reading};

/// Reads the rows below the headings, whose line with 'Service Name' starts at the offset `from`.
///
/// # Errors
///
/// No twelve headings, or too many records.
pub(super) fn read(reading: &mut Reading<'_>, from: usize) -> Result<(), RegistryError> {
    let text = reading.text;
    let Some(heading) = Heading::at(text, from) else {
        return Err(reading.malformed(
            from,
            "text",
            "the headings of all twelve columns, in three lines at most",
        ));
    };
    let table = heading.end..end_of_table(text, heading.end);
    let Some(columns) = Columns::of(&heading, &text[table.clone()]) else {
        return Err(reading.malformed(from, "text", "headings with room between them"));
    };
    let mut block = Block::default();
    let mut at = table.start;
    for line in text[table.clone()].split_inclusive('\n') {
        let range = at..at + line.len();
        at = range.end;
        let line = block.next(range, &columns.cut(line), &columns);
        if block.ends_before(&line) {
            write(reading, &columns, &mut block, false)?;
        }
        block.push(line);
    }
    write(reading, &columns, &mut block, true)
}

/// Where the table of the registry ends: before the next one, and before the blank lines in front of that.
fn end_of_table(text: &str, start: usize) -> usize {
    const TITLES: [&str; 4] = ["People", "Footnotes", "Contact Information", "References"];
    let (mut at, mut filled) = (start, start);
    let mut is_after_blank = false;
    let mut title = None;
    for line in text[start..].split_inclusive('\n') {
        let content = line.trim();
        if content.is_empty() {
            if let Some(end) = title {
                return end;
            }
        } else if is_heading_of_people(content) {
            return title.unwrap_or(filled);
        } else {
            title = (is_after_blank && TITLES.contains(&content)).then_some(filled);
            if title.is_none() {
                filled = at + line.len();
            }
        }
        is_after_blank = content.is_empty();
        at += line.len();
    }
    title.unwrap_or(filled)
}

fn is_heading_of_people(line: &str) -> bool {
    let mut words = line.split_whitespace();
    ["ID", "Name", "Organization"]
        .into_iter()
        .all(|word| words.next() == Some(word))
}

/// Hands over the records of a block, and empties it.
fn write(
    reading: &mut Reading<'_>,
    columns: &Columns,
    block: &mut Block,
    is_last: bool,
) -> Result<(), RegistryError> {
    let mut record = Folded::default();
    for Row { lines, doubt } in block.rows(is_last) {
        let at = block.line(lines.start).start;
        if let Some(doubt) = doubt {
            let (kind, message) = match doubt {
                Doubt::Lost => (
                    Kind::Layout,
                    "text that belongs to no record; it was left out",
                ),
                Doubt::CutOff => (Kind::CutOff, "the file ends inside this record"),
                Doubt::OffCentre => (
                    Kind::Layout,
                    "the cells of this record do not stand in the middle of its lines; some of them may belong to its \
                     neighbours",
                ),
                Doubt::Tied => (
                    Kind::Layout,
                    "the layout does not tell whether its first or last lines belong to this record or to its neighbour",
                ),
            };
            if matches!(doubt, Doubt::Lost) {
                let is_blank = lines.clone().all(|line| block.is_blank(line));
                if !is_blank {
                    reading.find(at, kind, None, message);
                }
                continue;
            }
            reading.find(at, kind, None, message);
        }
        record.fold(reading.text, columns, lines.map(|line| block.line(line)));
        if record.runs_across {
            let message = "text runs across the columns here";
            reading.find(at, Kind::Layout, None, message);
        }
        reading.record(at, &record.columns())?;
    }
    block.clear();
    Ok(())
}

/// The columns of one row, the lines of each cell put together.
#[derive(Default)]
struct Folded {
    texts: [String; Column::COUNT],
    runs_across: bool,
}

impl Folded {
    fn fold(&mut self, text: &str, columns: &Columns, lines: impl Iterator<Item = Range<usize>>) {
        self.texts.iter_mut().for_each(String::clear);
        self.runs_across = false;
        for line in lines {
            let Cells { texts, runs_across } = columns.cut(&text[line]);
            self.runs_across |= runs_across;
            for ((column, folded), cell) in Column::ALL.into_iter().zip(&mut self.texts).zip(texts)
            {
                if !folded.is_empty() {
                    folded.push_str(between(column, folded, cell));
                }
                folded.push_str(cell);
            }
        }
        for folded in &mut self.texts {
            folded.truncate(folded.trim_end().len());
        }
    }

    fn columns(&self) -> [&str; Column::COUNT] {
        self.texts.each_ref().map(String::as_str)
    }
}

/// What a fold took the place of: nothing between two brackets, nor behind a hyphen of a name or of a range of ports.
fn between(column: Column, before: &str, after: &str) -> &'static str {
    match column {
        Column::ServiceName | Column::PortNumber | Column::TransportProtocol => {
            let is_blank = after.is_empty() || before.ends_with('-') || after.starts_with('-');
            if is_blank { "" } else { " " }
        }
        _ if before.ends_with(']') && after.starts_with('[') => "",
        _ => "\n",
    }
}
