//! The formats that a registry comes in, and how each is known by its content.

use super::{Column, RegistryError, reader, reading::Reading};

/// A format of registry files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// IANA's twelve columns as CSV (RFC 4180).
    Csv,
    /// IANA's XML.
    Xml,
    /// IANA's page, or one of its pages.
    Html,
    /// IANA's plain text, or its page as text with cells between vertical bars.
    Text,
    /// `/etc/services` (services(5)).
    Services,
    /// Lines of `name,port,transport[,description]`.
    Short,
}

/// How much of a file tells its format: more than the longest preamble that IANA puts in front of its text.
pub(super) const TELLING: usize = 64 << 10;

impl Format {
    /// The format of a file that starts with `text`.
    pub fn recognize(text: &str) -> Option<Self> {
        let comments = text.split_inclusive('\n').take_while(|line| {
            let line = line.trim_start();
            line.is_empty() || line.starts_with('#')
        });
        let text = &text[comments.map(str::len).sum()..];
        let end = text.floor_char_boundary(TELLING);
        let start = text[..end].trim_start();
        if start.starts_with('<') {
            return of_markup(start);
        }
        let line = start.lines().next()?;
        if Column::are_headed(line.split(',').map(|heading| heading.trim_matches('"'))) {
            return Some(Self::Csv);
        }
        if start.lines().any(reader::text::is_heading) {
            return Some(Self::Text);
        }
        // One bad line must not hide what the others are.
        let lines = || {
            let lines = start.lines().map(str::trim);
            lines.filter(|line| !line.is_empty() && !line.starts_with('#'))
        };
        if lines().any(reader::services::is_service) {
            Some(Self::Services)
        } else if lines().any(reader::short::is_short) {
            Some(Self::Short)
        } else {
            None
        }
    }

    /// Reads the file that is in this format.
    pub(super) fn read(self, reading: &mut Reading<'_>) -> Result<(), RegistryError> {
        match self {
            Self::Csv => reader::csv::read(reading),
            Self::Xml => reader::xml::read(reading),
            Self::Html => reader::html::read(reading),
            Self::Text => reader::text::read(reading),
            Self::Services => reader::services::read(reading),
            Self::Short => reader::short::read(reading),
        }
    }
}

/// The format of the first element that is one of a registry's.
fn of_markup(text: &str) -> Option<Format> {
    let element = |name: &str| {
        text.match_indices('<').position(|(at, _)| {
            let tag = &text.as_bytes()[at + 1..];
            let rest = tag.get(name.len()..).unwrap_or_default();
            tag.len() >= name.len()
                && tag[..name.len()].eq_ignore_ascii_case(name.as_bytes())
                && !matches!(rest, [byte, ..] if byte.is_ascii_alphanumeric())
        })
    };
    let page = element("html").or_else(|| element("!doctype html"));
    match (element("registry"), page.or_else(|| element("table"))) {
        (Some(registry), Some(html)) if html < registry => Some(Format::Html),
        (Some(_), _) => Some(Format::Xml),
        (None, page) => page.map(|_| Format::Html),
    }
}
