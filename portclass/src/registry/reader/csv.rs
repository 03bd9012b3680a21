//! The registry as CSV (RFC 4180), twelve columns, as IANA publishes it.

use std::borrow::Cow;

use memchr::memchr;

use super::Patience;
use crate::registry::{Column, Kind, RegistryError, reading::Reading};

/// Reads all records below the header.
///
/// # Errors
///
/// Another header, or too many records.
pub(in crate::registry) fn read(reading: &mut Reading<'_>) -> Result<(), RegistryError> {
    let mut has_header = false;
    each_record(reading.text, None, |at, record| {
        let Fields { kept, count } = match record {
            Ok(fields) => fields,
            Err(message) => {
                reading.find(at, Kind::Quote, None, message);
                return Ok(());
            }
        };
        if !has_header {
            has_header =
                count == Column::COUNT && Column::are_headed(kept.iter().map(|field| &**field));
            if has_header {
                return Ok(());
            }
            return Err(reading.malformed(
                at,
                "CSV",
                "the header 'Service Name,Port Number,Transport Protocol,...' with twelve columns",
            ));
        }
        if count != Column::COUNT {
            let message = format!("{count} columns; expected {}", Column::COUNT);
            reading.find(at, Kind::ColumnCount, None, message);
            return Ok(());
        }
        let mut columns = [""; Column::COUNT];
        for (column, text) in columns.iter_mut().zip(kept) {
            *column = text;
        }
        reading.record(at, &columns).map(drop)
    })
}

/// Fields of a record that are kept; more of them are counted.
const MAX_FIELDS: usize = Column::COUNT + 1;

/// The fields of a record: the first ones, and how many there are.
pub(super) struct Fields<'record, 'text> {
    pub(super) kept: &'record [Cow<'text, str>],
    pub(super) count: usize,
}

/// Hands out the fields of each record with the offset of its start, or what is wrong with its quotes. Empty lines, and
/// lines that start with `comment`, are passed over.
///
/// A library would have to be asked for offsets and lines, tells nothing of broken quotes, and copies every field; this
/// hands out the text itself, copied only where quotes are doubled.
pub(super) fn each_record<'text>(
    text: &'text str,
    comment: Option<u8>,
    mut each: impl FnMut(usize, Result<Fields<'_, 'text>, String>) -> Result<(), RegistryError>,
) -> Result<(), RegistryError> {
    let bytes = text.as_bytes();
    let end_of_line = |at: usize| memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |n| at + n + 1);
    let mut patience = Patience::with(text);
    let mut kept = Vec::with_capacity(MAX_FIELDS);
    let mut at = 0;
    while let Some(&first) = bytes.get(at) {
        if matches!(first, b'\r' | b'\n') {
            at += 1;
            continue;
        }
        if comment.is_some() {
            let mut visible = bytes[at..].iter().filter(|byte| !b" \t".contains(byte));
            if visible.next() == comment.as_ref() {
                at = end_of_line(at);
                continue;
            }
        }
        kept.clear();
        match split(text, at, &mut kept) {
            Ok((end, count)) => {
                let kept = &kept;
                each(at, Ok(Fields { kept, count }))?;
                at = end;
            }
            Err((fault, to)) => {
                let next = end_of_line(at);
                let message = fault.message();
                if !patience.bears(next, to) {
                    let lost = bytes.len() - next;
                    let all = format!(
                        "so have too many before; the {lost} bytes that follow are left out"
                    );
                    return each(at, Err(format!("{message}; {all}")));
                }
                each(at, Err(message.to_owned()))?;
                at = next;
            }
        }
    }
    Ok(())
}

/// Splits the record at the offset `at` into its fields, and gives the offset behind it and their number; or what is wrong
/// with them, and how far it has read to find that out.
fn split<'text>(
    text: &'text str,
    mut at: usize,
    kept: &mut Vec<Cow<'text, str>>,
) -> Result<(usize, usize), (QuoteFault, usize)> {
    let bytes = text.as_bytes();
    for count in 1.. {
        let field = if bytes.get(at) == Some(&b'"') {
            quoted(text, &mut at)?
        } else {
            let rest = &bytes[at..];
            let is_end = |&byte: &u8| matches!(byte, b',' | b'\n');
            let length = rest.iter().position(is_end).unwrap_or(rest.len());
            let field = &text[at..at + length];
            at += length;
            let ends_line = bytes.get(at) != Some(&b',');
            let crlf = Some(field).filter(|_| ends_line);
            Cow::Borrowed(
                crlf.and_then(|field| field.strip_suffix('\r'))
                    .unwrap_or(field),
            )
        };
        if count <= MAX_FIELDS {
            kept.push(field);
        }
        match &bytes[at..] {
            [b',', ..] => at += 1,
            [b'\r', b'\n', ..] => return Ok((at + 2, count)),
            [_, ..] => return Ok((at + 1, count)),
            [] => return Ok((at, count)),
        }
    }
    unreachable!("a text has fewer fields than bytes")
}

/// The quoted field at the offset `at`, which moves behind the closing quote.
fn quoted<'text>(text: &'text str, at: &mut usize) -> Result<Cow<'text, str>, (QuoteFault, usize)> {
    let bytes = text.as_bytes();
    let start = *at + 1;
    let mut from = start;
    loop {
        let Some(quote) = memchr(b'"', &bytes[from..]) else {
            return Err((QuoteFault::Open, bytes.len()));
        };
        let quote = from + quote;
        match &bytes[quote + 1..] {
            [b'"', ..] => from = quote + 2,
            [] | [b',' | b'\n', ..] | [b'\r', b'\n', ..] | [b'\r'] => {
                *at = quote + 1;
                let field = &text[start..quote];
                return Ok(match from > start {
                    true => Cow::Owned(field.replace("\"\"", "\"")),
                    false => Cow::Borrowed(field),
                });
            }
            _ => return Err((QuoteFault::Stray, quote)),
        }
    }
}

/// What is wrong with the quotes of a record.
#[derive(Clone, Copy)]
enum QuoteFault {
    /// The file ends inside a quoted field.
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
