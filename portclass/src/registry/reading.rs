//! What all readers share: the file, what they make of it, and the checks that every row goes through.

use std::{borrow::Cow, sync::Arc};

use memchr::memchr_iter;
use portclass_common::{label::NAME_CAPACITY, transport::Transport};

use super::{
    Column, Date, Finding, Findings, Kind, MAX_RECORDS, Records, RegistryError, record::Parsed,
};
use crate::text::harmless;

/// Stands where the file has bytes that are no UTF-8: a noncharacter, which text does not hold.
const NO_TEXT: char = '\u{ffff}';

/// The file as text, with a mark for each run of bytes that are none, so that only the records around them are lost.
pub(super) fn decode(bytes: &[u8]) -> Cow<'_, str> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if let Ok(text) = str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() && !text.ends_with(NO_TEXT) {
            text.push(NO_TEXT);
        }
    }
    Cow::Owned(text)
}

/// A file that is being read: its text, and what readers make of it.
pub(super) struct Reading<'file> {
    /// The text, in which every offset is one of bytes.
    pub(super) text: &'file str,
    file: &'file Arc<str>,
    has_bad_bytes: bool,
    records: &'file mut Records,
    findings: &'file mut Findings,
    count: usize,
    /// Records of the files before.
    before: u32,
    updated: Option<Date>,
    /// An offset, and the number of its line.
    counted: (usize, u64),
}

impl<'file> Reading<'file> {
    pub(super) fn new(
        file: &'file Arc<str>,
        text: &'file str,
        records: &'file mut Records,
        findings: &'file mut Findings,
    ) -> Self {
        Self {
            text,
            file,
            has_bad_bytes: text.contains(NO_TEXT),
            before: records.len(),
            records,
            findings,
            count: 0,
            updated: None,
            counted: (0, 1),
        }
    }

    /// Adds the record that starts at the offset `at`, or says what is wrong with it. Offsets never go back. Gives back
    /// whether it was added.
    ///
    /// # Errors
    ///
    /// Too many records for any registry.
    pub(super) fn record(
        &mut self,
        at: usize,
        columns: &[&str; Column::COUNT],
    ) -> Result<bool, RegistryError> {
        if self.count >= MAX_RECORDS {
            return Err(RegistryError::TooManyRecords {
                file: self.file.to_string(),
            });
        }
        self.count += 1;
        if self.has_bad_bytes
            && let Some(column) = Column::ALL
                .into_iter()
                .find(|&column| columns[column as usize].contains(NO_TEXT))
        {
            let message = "not valid UTF-8";
            self.find(at, Kind::Utf8, Some(column), message);
            return Ok(false);
        }
        match parse(columns) {
            Ok(parsed) => {
                if let Some(column) = self.records.push(at, columns, parsed) {
                    let message = "characters that could drive a terminal were replaced".to_owned();
                    self.find(at, Kind::ControlCharacters, Some(column), message);
                }
                Ok(true)
            }
            Err((kind, column, message)) => {
                self.find(at, kind, Some(column), message);
                Ok(false)
            }
        }
    }

    /// Says what is wrong with the record that starts at the offset `at`.
    pub(super) fn find(
        &mut self,
        at: usize,
        kind: Kind,
        column: Option<Column>,
        message: impl Into<String>,
    ) {
        let finding = Finding {
            kind,
            file: Arc::clone(self.file),
            line: self.line(at),
            column,
            message: message.into(),
        };
        self.findings.push(finding);
    }

    /// The line of an offset, counted from 1.
    pub(super) fn line(&mut self, at: usize) -> u64 {
        let (from, mut line) = self.counted;
        let between = self.text.as_bytes().get(from..at).unwrap_or_default();
        line += memchr_iter(b'\n', between).count() as u64;
        self.counted = (from.max(at), line);
        line
    }

    /// Remembers the day that the file says it was published on, if it is one.
    pub(super) fn updated_on(&mut self, day: &str) {
        self.updated = self.updated.or_else(|| day.trim().parse().ok());
    }

    /// The failure of a whole file that is not in `format`.
    pub(super) fn malformed(
        &mut self,
        at: usize,
        format: &'static str,
        expected: &'static str,
    ) -> RegistryError {
        RegistryError::Malformed {
            file: self.file.to_string(),
            line: self.line(at),
            format,
            expected,
        }
    }

    /// The day that the file says it was published on.
    ///
    /// # Errors
    ///
    /// Not one record could be used.
    pub(super) fn finish(self) -> Result<Option<Date>, RegistryError> {
        let records = self.before;
        if self.records.len() == records {
            return Err(RegistryError::NoRecords {
                file: self.file.to_string(),
                findings: Box::new(std::mem::take(self.findings)),
            });
        }
        self.records.number_lines(records, self.text);
        Ok(self.updated)
    }
}

type Fault = (Kind, Column, String);

fn parse(columns: &[&str; Column::COUNT]) -> Result<Parsed, Fault> {
    let name = columns[Column::ServiceName as usize];
    if name.len() >= NAME_CAPACITY / 3 {
        // As it is kept: a control character grows when it is replaced.
        let length = harmless(name).len();
        if length >= NAME_CAPACITY {
            let message = format!("{length} bytes; expected at most {}", NAME_CAPACITY - 1);
            return Err((Kind::Name, Column::ServiceName, message));
        }
    }
    let ports = match columns[Column::PortNumber as usize] {
        "" => None,
        text => Some(
            text.parse()
                .map_err(|message| (Kind::Port, Column::PortNumber, message))?,
        ),
    };
    if name.is_empty() && ports.is_none() {
        let message = "neither a name nor a port; expected one of them".to_owned();
        return Err((Kind::Name, Column::ServiceName, message));
    }
    let transport = match columns[Column::TransportProtocol as usize] {
        "" => None,
        "tcp" => Some(Transport::Tcp),
        "udp" => Some(Transport::Udp),
        text => Some(transport_of_name(text).ok_or_else(|| {
            let message =
                format!("unknown transport {text:?}; expected tcp, udp, dccp, sctp or nothing");
            (Kind::Transport, Column::TransportProtocol, message)
        })?),
    };
    Ok(Parsed {
        ports,
        transport,
        // As it is kept: what is replaced parts no words.
        is_alias: is_alias(&harmless(columns[Column::AssignmentNotes as usize])),
    })
}

/// IANA marks an alias in the note alone, anywhere in it, and folds that sentence wherever it likes.
fn is_alias(note: &str) -> bool {
    const SENTENCE: [&str; 6] = ["This", "entry", "is", "an", "alias", "to"];
    let mut said = 0;
    for word in note.split_ascii_whitespace() {
        match SENTENCE.get(said) {
            None if word.starts_with('"') => return true,
            Some(&next) if word == next => said += 1,
            _ => said = usize::from(word == SENTENCE[0]),
        }
    }
    false
}

/// The transport of that name, whatever its case. UDP-Lite shares UDP's numbers (RFC 3828 section 6).
pub(super) fn transport_of_name(name: &str) -> Option<Transport> {
    match Transport::of_name(name) {
        None if ["udplite", "udp-lite"]
            .iter()
            .any(|lite| name.eq_ignore_ascii_case(lite)) =>
        {
            Some(Transport::Udp)
        }
        transport => transport,
    }
}

/// The note that makes a record an alias of `name`, as IANA words it.
pub(super) fn alias_note(name: &str) -> String {
    format!("This entry is an alias to \"{name}\".")
}
