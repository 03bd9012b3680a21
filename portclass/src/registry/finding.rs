//! What is wrong with a registry file, and where.

use std::{fmt, sync::Arc};

use serde::{Serialize, Serializer};

use super::Column;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Records cannot be used, and were left out.
    Error,
    /// The record is used, or was not meant to be one of a registry's.
    Warning,
}

impl Severity {
    /// The word that reports use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// What kind of thing is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A record has too many or too few columns.
    ColumnCount,
    /// A quote is opened and never closed, or text follows a closing one.
    Quote,
    /// The bytes are no UTF-8.
    Utf8,
    /// XML or HTML that is not well-formed, or an entity that is not followed.
    Markup,
    /// A name that no slot can hold, or none where one is needed.
    Name,
    /// Not a port, nor a range of ports.
    Port,
    /// Not a transport of the registry.
    Transport,
    /// An overlay that says two things of one port.
    Contradiction,
    /// The file ends before its end is marked.
    EndsEarly,
    /// The text ends inside a record.
    CutOff,
    /// Text that belongs to no record for certain.
    Layout,
    /// A page of a registry that has more of them.
    Page,
    /// Characters that could drive a terminal.
    ControlCharacters,
    /// A service of a transport that the registry does not have.
    ForeignTransport,
    /// A name that breaks RFC 6335 section 5.1.
    NameSyntax,
    /// A port of a transport with several names.
    SharedPair,
    /// Ports that two rows speak of.
    Overlap,
}

impl Kind {
    const ALL: [Self; 17] = [
        Self::ColumnCount,
        Self::Quote,
        Self::Utf8,
        Self::Markup,
        Self::Name,
        Self::Port,
        Self::Transport,
        Self::Contradiction,
        Self::EndsEarly,
        Self::CutOff,
        Self::Layout,
        Self::Page,
        Self::ControlCharacters,
        Self::ForeignTransport,
        Self::NameSyntax,
        Self::SharedPair,
        Self::Overlap,
    ];

    /// How bad it is.
    pub const fn severity(self) -> Severity {
        match self {
            Self::ColumnCount
            | Self::Quote
            | Self::Utf8
            | Self::Markup
            | Self::Name
            | Self::Port
            | Self::Transport
            | Self::Contradiction
            | Self::EndsEarly => Severity::Error,
            Self::CutOff
            | Self::Layout
            | Self::Page
            | Self::ControlCharacters
            | Self::ForeignTransport
            | Self::NameSyntax
            | Self::SharedPair
            | Self::Overlap => Severity::Warning,
        }
    }

    /// The name that reports use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ColumnCount => "column-count",
            Self::Quote => "quote",
            Self::Utf8 => "utf-8",
            Self::Markup => "markup",
            Self::Name => "name",
            Self::Port => "port",
            Self::Transport => "transport",
            Self::Contradiction => "contradiction",
            Self::EndsEarly => "ends-early",
            Self::CutOff => "cut-off",
            Self::Layout => "layout",
            Self::Page => "page",
            Self::ControlCharacters => "control-characters",
            Self::ForeignTransport => "foreign-transport",
            Self::NameSyntax => "name-syntax",
            Self::SharedPair => "shared-pair",
            Self::Overlap => "overlap",
        }
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Something that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What kind of thing is wrong.
    pub kind: Kind,
    /// The file's name.
    pub file: Arc<str>,
    /// The record's first line, counted from 1.
    pub line: u64,
    /// The column at fault, unless the whole record is.
    pub column: Option<Column>,
    /// What is wrong and what was expected.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file, self.line)?;
        if let Some(column) = self.column {
            write!(f, "column '{}': ", column.heading())?;
        }
        f.write_str(&self.message)
    }
}

/// All that was found: each kind is counted, and the first errors and the first warnings are kept.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    kept: Vec<Finding>,
    first_error: Option<Finding>,
    counts: [u64; Kind::ALL.len()],
}

impl Findings {
    /// More of one severity tell nobody anything, and a hostile file could fill the memory with them.
    const MAX_KEPT: u64 = 10_000;

    pub(super) fn push(&mut self, finding: Finding) {
        let before = self.count(finding.kind.severity());
        self.counts[finding.kind as usize] += 1;
        if self.first_error.is_none() && finding.kind.severity() == Severity::Error {
            self.first_error = Some(finding.clone());
        }
        if before < Self::MAX_KEPT {
            self.kept.push(finding);
        }
    }

    /// Puts the findings of each file in the order of its lines; files stay in the order in which they were read.
    pub(super) fn sort(&mut self) {
        let mut files: Vec<Arc<str>> = Vec::new();
        for finding in &self.kept {
            if !files.contains(&finding.file) {
                files.push(Arc::clone(&finding.file));
            }
        }
        let place = |file: &Arc<str>| files.iter().position(|other| other == file);
        self.kept
            .sort_by_key(|finding| (place(&finding.file), finding.line));
    }

    /// The first 10,000 errors and as many warnings, in the order in which they were made.
    pub fn kept(&self) -> &[Finding] {
        &self.kept
    }

    /// The first error, kept or not.
    pub fn first_error(&self) -> Option<&Finding> {
        self.first_error.as_ref()
    }

    /// The kinds that were found, and how often.
    pub fn counts(&self) -> impl Iterator<Item = (Kind, u64)> {
        Kind::ALL
            .into_iter()
            .zip(self.counts)
            .filter(|&(_, count)| count > 0)
    }

    /// How many findings of that severity there are.
    pub fn count(&self, severity: Severity) -> u64 {
        self.counts()
            .filter(|(kind, _)| kind.severity() == severity)
            .map(|(_, count)| count)
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::Kind;

    #[test]
    fn every_kind_stands_at_its_number() {
        for (position, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, position);
        }
    }
}
