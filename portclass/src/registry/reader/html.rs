//! The registry as HTML, as IANA publishes it: a table of twelve cells a row, spread over many pages.

use html5gum::{DefaultEmitter, Token, Tokenizer};

use crate::registry::{Column, Kind, RegistryError, reading::Reading};

/// Reads the rows of the table that has the registry's headings.
///
/// # Errors
///
/// No such table, or too many records.
pub(in crate::registry) fn read(reading: &mut Reading<'_>) -> Result<(), RegistryError> {
    let mut page = Page::default();
    let tokens =
        Tokenizer::new_with_emitter(reading.text, DefaultEmitter::<usize>::new_with_span());
    for token in tokens {
        // Reading text from memory fails in no way; what browsers forgive, it forgives as well.
        let Ok(token) = token;
        match token {
            Token::StartTag(tag) => {
                let links_a_page = &**tag.name == b"a"
                    && tag
                        .attributes
                        .get(&b"href"[..])
                        .is_some_and(|link| contains(link, b"page="));
                page.has_more_pages |= links_a_page;
                page.open(reading, tag.span.start, &tag.name)?;
            }
            Token::EndTag(tag) => page.close(reading, &tag.name)?,
            Token::String(text) => page.text(&String::from_utf8_lossy(&text)),
            Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
        }
    }
    page.end(reading)
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// What has been seen of the page so far.
#[derive(Default)]
struct Page {
    /// Whether there was a table with the registry's headings.
    has_registry: bool,
    has_more_pages: bool,
    /// Whether the open table is that one.
    in_registry: bool,
    row: Option<Row>,
    /// The open cell, term or definition.
    text: Option<String>,
    /// The last term of a list of definitions.
    term: String,
}

struct Row {
    at: usize,
    /// The first cells.
    cells: Vec<String>,
    count: usize,
}

/// Cells of a row that are kept; more of them are counted.
const MAX_CELLS: usize = Column::COUNT + 1;

impl Page {
    fn open(
        &mut self,
        reading: &mut Reading<'_>,
        at: usize,
        name: &[u8],
    ) -> Result<(), RegistryError> {
        match name {
            b"table" => self.end_of_table(reading)?,
            b"tr" => {
                self.end_of_row(reading)?;
                self.row = Some(Row {
                    at,
                    cells: Vec::new(),
                    count: 0,
                });
            }
            b"td" | b"th" => {
                self.end_of_cell();
                self.text = Some(String::new());
            }
            b"dt" | b"dd" => self.text = Some(String::new()),
            b"br" | b"p" => self.text("\n"),
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, reading: &mut Reading<'_>, name: &[u8]) -> Result<(), RegistryError> {
        match name {
            b"table" => self.end_of_table(reading)?,
            b"tr" => self.end_of_row(reading)?,
            b"td" | b"th" => self.end_of_cell(),
            b"dt" => self.term = self.text.take().unwrap_or_default(),
            b"dd" => {
                if let Some(text) = self.text.take()
                    && self.term.trim() == "Last Updated"
                {
                    reading.updated_on(&text);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &str) {
        if let Some(of_cell) = &mut self.text {
            of_cell.push_str(text);
        }
    }

    fn end_of_cell(&mut self) {
        if let (Some(row), Some(text)) = (&mut self.row, self.text.take()) {
            row.count += 1;
            if row.count <= MAX_CELLS {
                row.cells.push(text);
            }
        }
    }

    fn end_of_row(&mut self, reading: &mut Reading<'_>) -> Result<(), RegistryError> {
        self.end_of_cell();
        let Some(Row { at, cells, count }) = self.row.take() else {
            return Ok(());
        };
        if Column::are_headed(cells.iter().map(String::as_str)) {
            self.in_registry = true;
            self.has_registry = true;
            return Ok(());
        }
        if !self.in_registry || cells.is_empty() {
            return Ok(());
        }
        if count != Column::COUNT {
            let message = format!("{count} cells; expected {}", Column::COUNT);
            reading.find(at, Kind::ColumnCount, None, message);
            return Ok(());
        }
        let mut columns = [""; Column::COUNT];
        for (column, cell) in columns.iter_mut().zip(&cells) {
            *column = cell.trim();
        }
        reading.record(at, &columns).map(drop)
    }

    fn end_of_table(&mut self, reading: &mut Reading<'_>) -> Result<(), RegistryError> {
        self.end_of_row(reading)?;
        self.in_registry = false;
        Ok(())
    }

    fn end(&mut self, reading: &mut Reading<'_>) -> Result<(), RegistryError> {
        let end = reading.text.len();
        if !self.has_registry {
            return Err(reading.malformed(
                0,
                "HTML",
                "a table with the headings 'Service Name', 'Port Number', 'Transport Protocol', ...",
            ));
        }
        if self.in_registry {
            let (at, message) = match &self.row {
                Some(row) => (
                    row.at,
                    "the file ends inside this row, and the row is left out",
                ),
                None => (end, "the file ends before </table>"),
            };
            reading.find(at, Kind::EndsEarly, None, message);
        }
        if self.has_more_pages {
            let message = "this is one page of many, and the others are not here; the CSV and the XML have all records";
            reading.find(end, Kind::Page, None, message);
        }
        Ok(())
    }
}
