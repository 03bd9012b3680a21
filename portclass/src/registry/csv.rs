//! The registry as CSV (RFC 4180), twelve columns, as IANA publishes it.

use csv::{ByteRecord, ReaderBuilder};
use portclass_common::{label::NAME_CAPACITY, transport::Transport};

use super::{Column, Finding, MAX_RECORDS, Ports, Records, RegistryError, record::Parsed};
use crate::text::harmless;

/// A broken quote swallows the records that follow, so reading starts again on the next line; more of them than this
/// are the work of somebody who wants to see how long that takes.
const MAX_RESTARTS: usize = 16;

/// Reads all records, and gives the ones that had to be left out as findings.
///
/// # Errors
///
/// An empty file, one without the registry's header, one with too many records, or with no usable one.
pub(super) fn read(file: &str, bytes: &[u8]) -> Result<(Records, Vec<Finding>), RegistryError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.trim_ascii().is_empty() {
        return Err(RegistryError::Empty {
            file: file.to_owned(),
        });
    }
    let mut reading = Reading {
        file,
        records: Records::with_capacity(bytes.len()),
        findings: Vec::new(),
    };
    let (mut from, mut line) = (0, 1);
    for restart in 0.. {
        let Some(quote) = reading.read_from(&bytes[from..], line, restart == 0)? else {
            break;
        };
        let stop = restart == MAX_RESTARTS;
        let mut message = quote.fault.message().to_owned();
        if stop {
            message.push_str("; so have too many before, and all that follows is left out as well");
        }
        reading.find(quote.line, None, message);
        from += quote.offset;
        let Some(line_feed) = bytes[from..]
            .iter()
            .position(|&byte| byte == b'\n')
            .filter(|_| !stop)
        else {
            break;
        };
        from += line_feed + 1;
        line = quote.line + 1;
    }
    if reading.records.is_empty() {
        return Err(RegistryError::NoRecords {
            file: file.to_owned(),
            first: reading.findings.into_iter().next().map(Box::new),
        });
    }
    Ok((reading.records, reading.findings))
}

/// A record whose quotes cannot be right, and where it starts.
struct BrokenQuote {
    fault: QuoteFault,
    offset: usize,
    line: u64,
}

struct Reading<'file> {
    file: &'file str,
    records: Records,
    findings: Vec<Finding>,
}

impl Reading<'_> {
    /// Reads `bytes`, whose first line is `first_line` of the file, up to their end or to a broken quote.
    fn read_from(
        &mut self,
        bytes: &[u8],
        first_line: u64,
        with_header: bool,
    ) -> Result<Option<BrokenQuote>, RegistryError> {
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(bytes);
        let mut record = ByteRecord::new();
        if with_header
            && !(matches!(reader.read_byte_record(&mut record), Ok(true)) && is_header(&record))
        {
            return Err(RegistryError::Header {
                file: self.file.to_owned(),
            });
        }
        // Reading from memory, `csv` has no error left to report.
        loop {
            let mut offset = reader.position().byte() as usize;
            let mut line = first_line + reader.position().line() - 1;
            if !matches!(reader.read_byte_record(&mut record), Ok(true)) {
                return Ok(None);
            }
            // The reader passes over empty lines without a word.
            while let [b'\r' | b'\n', ..] = bytes[offset..] {
                line += u64::from(bytes[offset] == b'\n');
                offset += 1;
            }
            let end = reader.position().byte() as usize;
            if let Some(fault) = quote_fault(&bytes[offset..end]) {
                return Ok(Some(BrokenQuote {
                    fault,
                    offset,
                    line,
                }));
            }
            if self.records.len() as usize >= MAX_RECORDS {
                return Err(RegistryError::TooManyRecords {
                    file: self.file.to_owned(),
                });
            }
            self.read_record(&record, line);
        }
    }

    fn read_record(&mut self, record: &ByteRecord, line: u64) {
        if record.len() != Column::COUNT {
            let message = format!("{} columns; expected {}", record.len(), Column::COUNT);
            return self.find(line, None, message);
        }
        let mut columns = [""; Column::COUNT];
        for ((text, bytes), column) in columns.iter_mut().zip(record).zip(Column::ALL) {
            match str::from_utf8(bytes) {
                Ok(utf8) => *text = utf8,
                Err(_) => return self.find(line, Some(column), "not valid UTF-8".to_owned()),
            }
        }
        match parse(&columns) {
            Ok(parsed) => self.records.push(columns.into_iter(), parsed),
            Err((column, message)) => self.find(line, Some(column), message),
        }
    }

    fn find(&mut self, line: u64, column: Option<Column>, message: String) {
        self.findings.push(Finding {
            file: self.file.to_owned(),
            line,
            column,
            message,
        });
    }
}

/// The heading of column 11 has changed over the years; the first three have not.
fn is_header(record: &ByteRecord) -> bool {
    record.len() == Column::COUNT
        && Column::ALL[..3]
            .iter()
            .zip(record)
            .all(|(column, heading)| heading.eq_ignore_ascii_case(column.heading().as_bytes()))
}

fn parse(columns: &[&str; Column::COUNT]) -> Result<Parsed, (Column, String)> {
    let name = columns[Column::ServiceName as usize];
    // As it is kept: a control character grows when it is replaced.
    let length = harmless(name).len();
    if length >= NAME_CAPACITY {
        let message = format!("{length} bytes; expected at most {}", NAME_CAPACITY - 1);
        return Err((Column::ServiceName, message));
    }
    let ports = match columns[Column::PortNumber as usize] {
        "" => None,
        text => Some(parse_ports(text).map_err(|message| (Column::PortNumber, message))?),
    };
    let transport = match columns[Column::TransportProtocol as usize] {
        "" => None,
        text => Some(Transport::of_name(text).ok_or_else(|| {
            let message =
                format!("unknown transport {text:?}; expected tcp, udp, dccp, sctp or nothing");
            (Column::TransportProtocol, message)
        })?),
    };
    Ok(Parsed {
        ports,
        transport,
        is_alias: is_alias(columns[Column::AssignmentNotes as usize]),
    })
}

fn parse_ports(text: &str) -> Result<Ports, String> {
    let port = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<u16>().ok()).flatten()
    };
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (Some(first), Some(last)) = (port(first), port(last)) else {
        return Err(format!(
            "{text:?} is no port; expected a number up to 65535, or two with a hyphen"
        ));
    };
    Ports::new(first, last).ok_or_else(|| format!("the range {text:?} ends before it starts"))
}

/// IANA marks an alias in the note alone, anywhere in it, and folds that sentence wherever it likes.
fn is_alias(note: &str) -> bool {
    const SENTENCE: [&str; 6] = ["This", "entry", "is", "an", "alias", "to"];
    if !note.contains("alias") {
        return false;
    }
    let words: Vec<_> = note.split_ascii_whitespace().collect();
    words
        .windows(SENTENCE.len() + 1)
        .any(|words| words[..SENTENCE.len()] == SENTENCE && words[SENTENCE.len()].starts_with('"'))
}

/// What is wrong with the quotes of a record.
#[derive(Clone, Copy)]
enum QuoteFault {
    /// The record ends, and with it the file, inside a quoted field.
    Open,
    /// Text follows the closing quote of a field: one of the two quotes belongs to another record.
    Stray,
}

impl QuoteFault {
    const fn message(self) -> &'static str {
        match self {
            Self::Open => "a quote is opened and never closed",
            Self::Stray => "text after a closing quote; expected a comma or the record's end",
        }
    }
}

/// Looks at the bytes of one record. `csv` takes whatever it finds for quotes, and with them the records that follow.
fn quote_fault(bytes: &[u8]) -> Option<QuoteFault> {
    if !bytes.contains(&b'"') {
        return None;
    }
    let (mut quoted, mut at_field_start) = (false, true);
    let mut bytes = bytes.iter().peekable();
    while let Some(&byte) = bytes.next() {
        if quoted {
            if byte == b'"' && bytes.next_if_eq(&&b'"').is_none() {
                quoted = false;
                if !matches!(bytes.peek(), None | Some(b',' | b'\r' | b'\n')) {
                    return Some(QuoteFault::Stray);
                }
            }
        } else {
            quoted = byte == b'"' && at_field_start;
            at_field_start = matches!(byte, b',' | b'\n' | b'\r');
        }
    }
    quoted.then_some(QuoteFault::Open)
}
