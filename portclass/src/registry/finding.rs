//! What is wrong with a registry file, and where.

use std::{fmt, path::PathBuf};

use thiserror::Error;

use super::{MAX_FILE_BYTES, MAX_RECORDS};

/// The columns of the registry, in IANA's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is named as IANA names its column")]
pub enum Column {
    ServiceName,
    PortNumber,
    TransportProtocol,
    Description,
    Assignee,
    Contact,
    RegistrationDate,
    ModificationDate,
    Reference,
    ServiceCode,
    UnauthorizedUse,
    AssignmentNotes,
}

impl Column {
    /// Number of columns.
    pub const COUNT: usize = 12;

    /// All columns, in order.
    pub const ALL: [Self; Self::COUNT] = [
        Self::ServiceName,
        Self::PortNumber,
        Self::TransportProtocol,
        Self::Description,
        Self::Assignee,
        Self::Contact,
        Self::RegistrationDate,
        Self::ModificationDate,
        Self::Reference,
        Self::ServiceCode,
        Self::UnauthorizedUse,
        Self::AssignmentNotes,
    ];

    /// The heading that IANA gives the column.
    pub const fn heading(self) -> &'static str {
        match self {
            Self::ServiceName => "Service Name",
            Self::PortNumber => "Port Number",
            Self::TransportProtocol => "Transport Protocol",
            Self::Description => "Description",
            Self::Assignee => "Assignee",
            Self::Contact => "Contact",
            Self::RegistrationDate => "Registration Date",
            Self::ModificationDate => "Modification Date",
            Self::Reference => "Reference",
            Self::ServiceCode => "Service Code",
            Self::UnauthorizedUse => "Unauthorized Use Reported",
            Self::AssignmentNotes => "Assignment Notes",
        }
    }
}

/// A record that was left out, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file's name.
    pub file: String,
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

/// Why a file gives no registry.
#[derive(Debug, Error)]
pub enum RegistryError {
    /// The file cannot be read.
    #[error("{}: cannot read the registry: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: std::io::Error,
    },
    /// The file is larger than any registry.
    #[error("{file}: larger than {} MiB: this is no port registry", MAX_FILE_BYTES >> 20)]
    TooLarge {
        /// The file's name.
        file: String,
    },
    /// The file has more records than any registry.
    #[error("{file}: more than {MAX_RECORDS} records: this is no port registry")]
    TooManyRecords {
        /// The file's name.
        file: String,
    },
    /// The file is empty.
    #[error("{file}: the file is empty; expected the IANA registry as CSV")]
    Empty {
        /// The file's name.
        file: String,
    },
    /// The file does not start as the registry does.
    #[error(
        "{file}:1: not the IANA registry as CSV: expected the header 'Service Name,Port Number,Transport Protocol,...'"
    )]
    Header {
        /// The file's name.
        file: String,
    },
    /// No record could be read.
    #[error("{file}: no usable record{}", first.as_ref().map(|finding| format!("; the first problem: {finding}")).unwrap_or_default())]
    NoRecords {
        /// The file's name.
        file: String,
        /// The first of the findings, if there is one.
        first: Option<Box<Finding>>,
    },
}
