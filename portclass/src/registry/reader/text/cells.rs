//! IANA's page as text: cells between vertical bars, the empty ones of a row moved to its end.

use portclass_common::transport::Transport;

use crate::registry::{Column, Kind, Ports, RegistryError, reading::Reading};

/// Reads the rows from the offset `from` on. A row may span lines; it ends with its twelfth bar.
pub(super) fn read(reading: &mut Reading<'_>, from: usize) -> Result<(), RegistryError> {
    let text = reading.text;
    let mut row = Row::starting(from);
    for line in text[from..].split_inclusive('\n') {
        let start = row.end;
        row.end += line.len();
        if row.at == start && is_rule(line) {
            row = Row::starting(row.end);
            continue;
        }
        if row.at < start && starts_row(line) {
            cut_off(reading, row.at);
            (row.at, row.bars) = (start, 0);
        }
        row.bars += bars(line);
        if row.bars >= Column::COUNT {
            record(reading, row.at, &text[row.at..row.end])?;
            row = Row::starting(row.end);
        }
    }
    if !text[row.at..].trim().is_empty() {
        cut_off(reading, row.at);
    }
    Ok(())
}

/// The row that is being read.
struct Row {
    at: usize,
    /// Where its last line ends.
    end: usize,
    bars: usize,
}

impl Row {
    fn starting(at: usize) -> Self {
        Self {
            at,
            end: at,
            bars: 0,
        }
    }
}

fn bars(text: &str) -> usize {
    text.matches('|').count()
}

/// Whether a line can be no continuation: a whole row, or one with a port where only the start of a row has it.
fn starts_row(line: &str) -> bool {
    let is_whole = bars(line) >= Column::COUNT && place(line).is_some();
    let has_port = |cells: usize| line.split('|').take(cells).any(|cell| is_port(cell.trim()));
    is_whole || bars(line) > 2 && has_port(2)
}

/// The line below the headings, or an empty one.
fn is_rule(line: &str) -> bool {
    line.trim()
        .chars()
        .all(|character| "-|: ".contains(character))
}

fn cut_off(reading: &mut Reading<'_>, at: usize) {
    let message = "this record is cut off; it was left out";
    reading.find(at, Kind::CutOff, None, message);
}

fn record(reading: &mut Reading<'_>, at: usize, row: &str) -> Result<(), RegistryError> {
    let Some((columns, left_over)) = place(row) else {
        let message = "expected a name, a port, or both in front";
        reading.find(at, Kind::ColumnCount, None, message);
        return Ok(());
    };
    if let Some(cell) = left_over {
        let message = format!("no column fits {cell:?}; it was left out");
        reading.find(at, Kind::Layout, None, message);
    }
    reading.record(at, &columns).map(drop)
}

/// The columns that the cells of a row belong to, as far as their looks tell, and the first cell that fits nowhere.
fn place(row: &str) -> Option<([&str; Column::COUNT], Option<&str>)> {
    let cells = row.split('|').map(str::trim);
    let mut cells = cells.filter(|cell| !cell.is_empty()).peekable();
    let mut columns = [""; Column::COUNT];
    let mut put = |column: Column, cell| columns[column as usize] = cell;

    if let Some(name) = cells.next_if(|cell| !is_port(cell)) {
        put(Column::ServiceName, name);
    }
    let port = cells.next_if(|cell| is_port(cell));
    let transport = cells.next_if(|cell| Transport::of_name(cell).is_some());
    put(Column::PortNumber, port.unwrap_or_default());
    put(Column::TransportProtocol, transport.unwrap_or_default());
    let description = cells.next_if(|cell| !is_in_brackets(cell) && !is_date(cell));
    put(Column::Description, description.unwrap_or_default());
    for column in [Column::Assignee, Column::Contact] {
        if let Some(people) = cells.next_if(|cell| is_in_brackets(cell) && !is_reference(cell)) {
            put(column, people);
        }
    }
    for column in [Column::RegistrationDate, Column::ModificationDate] {
        if let Some(date) = cells.next_if(|cell| is_date(cell)) {
            put(column, date);
        }
    }
    if let Some(reference) = cells.next_if(|cell| is_in_brackets(cell)) {
        put(Column::Reference, reference);
    }
    if let Some(code) = cells.next_if(|cell| cell.parse::<u32>().is_ok()) {
        put(Column::ServiceCode, code);
    }
    if let Some(report) = cells.next_if(|cell| cell.to_ascii_lowercase().contains("unauthorized")) {
        put(Column::UnauthorizedUse, report);
    }
    if let Some(notes) = cells.next() {
        put(Column::AssignmentNotes, notes);
    }
    let is_about_something = !columns[Column::ServiceName as usize].is_empty() || port.is_some();
    is_about_something.then(|| (columns, cells.next()))
}

fn is_port(cell: &str) -> bool {
    cell.parse::<Ports>().is_ok()
}

/// `[Somebody]`, `[Somebody][Somebody_Else]`, `[RFC6335]`.
fn is_in_brackets(cell: &str) -> bool {
    cell.starts_with('[') && cell.ends_with(']')
}

fn is_reference(cell: &str) -> bool {
    ["[RFC", "[draft", "[http", "[IEEE", "[ITU"]
        .iter()
        .any(|start| cell.starts_with(start))
}

/// `YYYY-MM` or `YYYY-MM-DD`.
fn is_date(cell: &str) -> bool {
    matches!(cell.len(), 7 | 10)
        && cell.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}
