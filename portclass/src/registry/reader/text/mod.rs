//! The registry as text: IANA's plain text edition, whose columns have a fixed width, and its page as text, whose cells
//! stand between vertical bars. Both are made for people.

mod cells;
mod fixed;

use crate::registry::{Column, RegistryError, reading::Reading};

/// Whether a line has the headings of the columns.
pub(in crate::registry) fn is_heading(line: &str) -> bool {
    is_heading_of_cells(line) || is_heading_of_columns(line)
}

fn is_heading_of_cells(line: &str) -> bool {
    line.contains('|') && Column::are_headed(line.split('|'))
}

/// Headings of several words are folded, so that not all of them need stand in one line.
fn is_heading_of_columns(line: &str) -> bool {
    let mut words = line.split_whitespace();
    ["Service", "Name", "Port", "Number"]
        .into_iter()
        .all(|word| words.next() == Some(word))
        && line.contains("Description")
        && !line.contains(',')
}

/// Reads all rows below the headings.
///
/// # Errors
///
/// No headings, or too many records.
pub(in crate::registry) fn read(reading: &mut Reading<'_>) -> Result<(), RegistryError> {
    let mut at = 0;
    let mut is_date_next = false;
    for line in reading.text.split_inclusive('\n') {
        let text = line.trim().trim_start_matches("- ");
        if is_date_next && !text.is_empty() {
            reading.updated_on(text);
        }
        is_date_next = text == "Last Updated" || is_date_next && text.is_empty();
        if is_heading_of_cells(line) {
            return cells::read(reading, at + line.len());
        }
        if is_heading_of_columns(line) {
            return fixed::read(reading, at);
        }
        at += line.len();
    }
    let expected = "the headings 'Service Name', 'Port Number', 'Transport Protocol', ...";
    Err(reading.malformed(0, "text", expected))
}
