//! The registry as XML, as IANA publishes it.
//!
//! Nothing but the file itself is ever read: entities other than XML's own five and character references are errors,
//! whatever a document type declaration says of them.

use quick_xml::{
    Reader,
    escape::{resolve_predefined_entity, unescape},
    events::{BytesRef, BytesStart, Event},
};

use super::Patience;
use crate::registry::{Column, Kind, RegistryError, reading::Reading};

/// Reads all `record` elements. After markup that is not well-formed it goes on at the next one.
///
/// # Errors
///
/// Another document, or too many records.
pub(in crate::registry) fn read(reading: &mut Reading<'_>) -> Result<(), RegistryError> {
    let mut patience = Patience::with(reading.text);
    let mut from = 0;
    loop {
        let mut document = Document::new(reading, from, from > 0);
        let Some(fault) = document.read()? else {
            return Ok(());
        };
        let text = reading.text;
        let next = text[fault.from..].find("<record");
        let next = next.map(|next| fault.from + next);
        let bears = next.is_none_or(|next| patience.bears(next, fault.to));
        let message = match next {
            Some(next) if !bears => {
                let lost = text.len() - next;
                let message = fault.message;
                format!(
                    "{message}; so was too much before; the {lost} bytes that follow are left out"
                )
            }
            _ => fault.message,
        };
        let ends = next.is_none() && !text[fault.from..].contains("</registry");
        let (kind, message) = match ends {
            true => (
                Kind::EndsEarly,
                format!("{message}; the file ends before </registry>"),
            ),
            false => (Kind::Markup, message),
        };
        reading.find(fault.at, kind, None, message);
        match next {
            Some(next) if bears => from = next,
            _ => return Ok(()),
        }
    }
}

/// Markup that is not well-formed.
struct Fault {
    /// Where the record starts that is lost by it.
    at: usize,
    /// Where a next record may start.
    from: usize,
    /// How far was read.
    to: usize,
    message: String,
}

/// Where the reader is.
enum Place {
    Outside,
    Registry,
    /// In an element of the registry that is no record.
    Other {
        depth: usize,
    },
    /// In the element that holds the registry's date.
    Updated(String),
    Record {
        at: usize,
        depth: usize,
    },
}

struct Document<'reading, 'file> {
    reading: &'reading mut Reading<'file>,
    reader: Reader<&'file [u8]>,
    from: usize,
    place: Place,
    record: Record,
}

impl<'reading, 'file> Document<'reading, 'file> {
    /// The document, or what is left of it `from` an offset on that lies in the `registry` element.
    fn new(reading: &'reading mut Reading<'file>, from: usize, is_inside: bool) -> Self {
        let mut reader = Reader::from_str(&reading.text[from..]);
        reader.config_mut().allow_unmatched_ends = is_inside;
        Self {
            reading,
            reader,
            from,
            place: if is_inside {
                Place::Registry
            } else {
                Place::Outside
            },
            record: Record::default(),
        }
    }

    fn read(&mut self) -> Result<Option<Fault>, RegistryError> {
        loop {
            let at = self.from + self.reader.buffer_position() as usize;
            let event = match self.reader.read_event() {
                Ok(event) => event,
                Err(error) => return Ok(Some(self.fault(&error))),
            };
            match event {
                Event::Start(element) => self.start(at, &element)?,
                Event::Empty(element) => {
                    self.start(at, &element)?;
                    self.end(element.local_name().into_inner())?;
                }
                Event::End(element) => self.end(element.local_name().into_inner())?,
                Event::Text(text) => match &mut self.place {
                    Place::Record { .. } => self.record.text(&text),
                    Place::Updated(day) => day.push_str(&text),
                    Place::Outside if !text.trim().is_empty() => {
                        return Err(not_the_registry(self.reading, at));
                    }
                    _ => {}
                },
                Event::CData(text) => self.record.text(&text),
                Event::GeneralRef(reference) => self.record.reference(&reference),
                Event::Eof => {
                    self.end_of_file(at);
                    return Ok(None);
                }
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            }
        }
    }

    fn start(&mut self, at: usize, element: &BytesStart<'_>) -> Result<(), RegistryError> {
        match (&mut self.place, element.local_name().into_inner()) {
            (Place::Outside, "registry") => self.place = Place::Registry,
            (Place::Outside, _) => return Err(not_the_registry(self.reading, at)),
            (Place::Registry, "record") => {
                self.place = Place::Record { at, depth: 0 };
                self.record.start(element);
            }
            (Place::Registry, "updated") => self.place = Place::Updated(String::new()),
            (Place::Registry, _) => self.place = Place::Other { depth: 0 },
            (Place::Other { depth }, _) => *depth += 1,
            (Place::Updated(_), _) => {}
            (Place::Record { depth, .. }, name) => {
                *depth += 1;
                self.record.open(*depth, name, element);
            }
        }
        Ok(())
    }

    fn end(&mut self, name: &str) -> Result<(), RegistryError> {
        match &mut self.place {
            Place::Record { depth, .. } if *depth > 0 => {
                self.record.close(*depth);
                *depth -= 1;
            }
            Place::Record { at, .. } => {
                self.record.hand_over(self.reading, *at)?;
                self.place = Place::Registry;
            }
            Place::Other { depth } if *depth > 0 => *depth -= 1,
            Place::Updated(day) => {
                self.reading.updated_on(day);
                self.place = Place::Registry;
            }
            Place::Other { .. } => self.place = Place::Registry,
            // Behind broken markup any tag may end here.
            Place::Registry if name != "registry" => {}
            Place::Registry | Place::Outside => self.place = Place::Outside,
        }
        Ok(())
    }

    fn end_of_file(&mut self, at: usize) {
        let (at, message) = match self.place {
            Place::Outside => return,
            Place::Record { at, .. } => (
                at,
                "the file ends inside this record, and the record is left out",
            ),
            _ => (at, "the file ends before </registry>"),
        };
        self.reading.find(at, Kind::EndsEarly, None, message);
    }

    fn fault(&self, error: &quick_xml::Error) -> Fault {
        let length = self.reading.text.len();
        let offset = |position: u64| (self.from + position as usize).min(length);
        let error_at = offset(self.reader.error_position());
        Fault {
            at: match self.place {
                Place::Record { at, .. } => at,
                _ => error_at,
            },
            // Past the tag that it stumbled over, or the same one would be read again.
            from: self
                .reading
                .text
                .ceil_char_boundary((error_at + 1).min(length)),
            to: offset(self.reader.buffer_position()),
            message: format!("not well-formed: {error}"),
        }
    }
}

fn not_the_registry(reading: &mut Reading<'_>, at: usize) -> RegistryError {
    reading.malformed(at, "XML", "a <registry> of <record> elements")
}

/// The record that is being read; it is used again for the next one.
#[derive(Default)]
struct Record {
    columns: [String; Column::COUNT],
    has_assignee: bool,
    /// Where text goes.
    column: Option<Column>,
    /// A cross reference that may have a text of its own: where it goes, how much stood there before, and what it says
    /// if it has no text.
    reference: Option<(Column, usize, String)>,
    fault: Option<(Option<Column>, String)>,
}

impl Record {
    fn start(&mut self, element: &BytesStart<'_>) {
        self.columns.iter_mut().for_each(String::clear);
        self.has_assignee = false;
        self.column = None;
        self.reference = None;
        self.fault = None;
        for (attribute, column) in [
            ("date", Column::RegistrationDate),
            ("updated", Column::ModificationDate),
        ] {
            if let Some(value) = self.attribute(element, attribute) {
                self.columns[column as usize] = value;
            }
        }
    }

    fn attribute(&mut self, element: &BytesStart<'_>, name: &str) -> Option<String> {
        let value = element.try_get_attribute(name).ok().flatten()?.value;
        match unescape(&value) {
            Ok(value) => Some(value.into_owned()),
            Err(error) => {
                self.fault
                    .get_or_insert((None, format!("attribute '{name}': {error}")));
                None
            }
        }
    }

    /// Opens an element of the record, at `depth` 1, or one inside of such.
    fn open(&mut self, depth: usize, name: &str, element: &BytesStart<'_>) {
        if depth == 1 {
            self.column = match name {
                "name" => Some(Column::ServiceName),
                "number" => Some(Column::PortNumber),
                "protocol" => Some(Column::TransportProtocol),
                "description" => Some(Column::Description),
                "assignee" => {
                    self.has_assignee = true;
                    Some(Column::Assignee)
                }
                "sc" => Some(Column::ServiceCode),
                "unauthorized" => Some(Column::UnauthorizedUse),
                "note" => Some(Column::AssignmentNotes),
                _ => None,
            };
            if let Some(column) = self.column {
                let text = &mut self.columns[column as usize];
                if !text.is_empty() {
                    text.push('\n');
                }
            }
        }
        match name {
            "xref" => self.open_reference(element),
            "br" | "paragraph" => self.text("\n"),
            _ => {}
        }
    }

    fn open_reference(&mut self, element: &BytesStart<'_>) {
        let kind = self.attribute(element, "type").unwrap_or_default();
        let data = self.attribute(element, "data").unwrap_or_default();
        let column = self.column.unwrap_or(match kind.as_str() {
            "person" => Column::Contact,
            _ => Column::Reference,
        });
        let data = match data.strip_prefix("rfc") {
            Some(number) if kind == "rfc" => format!("RFC{number}"),
            _ => data,
        };
        let text = &mut self.columns[column as usize];
        text.push('[');
        self.reference = Some((column, text.len(), data));
    }

    fn close(&mut self, depth: usize) {
        if let Some((column, before, data)) = self.reference.take() {
            let text = &mut self.columns[column as usize];
            if text.len() == before {
                text.push_str(&data);
            }
            text.push(']');
        }
        if depth == 1 {
            self.column = None;
        }
    }

    fn text(&mut self, text: &str) {
        let reference = self.reference.as_ref().map(|&(column, ..)| column);
        if let Some(column) = reference.or(self.column) {
            self.columns[column as usize].push_str(text);
        }
    }

    fn reference(&mut self, reference: &BytesRef<'_>) {
        if let Ok(Some(character)) = reference.resolve_char_ref() {
            return self.text(character.encode_utf8(&mut [0; 4]));
        }
        match resolve_predefined_entity(reference) {
            Some(text) => self.text(text),
            None => {
                let name: &str = reference;
                let message = format!("the entity &{name}; is unknown, and none is ever followed");
                self.fault.get_or_insert((self.column, message));
            }
        }
    }

    fn hand_over(&mut self, reading: &mut Reading<'_>, at: usize) -> Result<(), RegistryError> {
        if let Some((column, message)) = self.fault.take() {
            reading.find(at, Kind::Markup, column, message);
            return Ok(());
        }
        let mut columns = [""; Column::COUNT];
        for (column, text) in columns.iter_mut().zip(&self.columns) {
            *column = text.trim();
        }
        if !self.has_assignee {
            columns[Column::Assignee as usize] = columns[Column::Contact as usize];
        }
        reading.record(at, &columns).map(drop)
    }
}
