//! Why a file gives no registry.

use std::{path::PathBuf, time::Duration};

use thiserror::Error;

use super::{Finding, Findings, MAX_FILE_BYTES, MAX_RECORDS};

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
    /// A pipe into which nobody writes.
    #[error("{}: cannot read the registry: nothing came for {}, or it was too slow; is anybody writing to this pipe?", path.display(), humantime::format_duration(*patience))]
    Stalled {
        /// The file.
        path: PathBuf,
        /// How long nothing came.
        patience: Duration,
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
    #[error("{file}: the file is empty; expected {EXPECTED}")]
    Empty {
        /// The file's name.
        file: String,
    },
    /// The file is in none of the formats.
    #[error("{file}:1: not a port registry; expected {EXPECTED}")]
    Unrecognized {
        /// The file's name.
        file: String,
    },
    /// The file is not in the format that it was said to be in.
    #[error("{file}:{line}: not the registry as {format}: expected {expected}")]
    Malformed {
        /// The file's name.
        file: String,
        /// The line, counted from 1.
        line: u64,
        /// The format's name.
        format: &'static str,
        /// What was expected there.
        expected: &'static str,
    },
    /// No record could be read.
    #[error("{file}: no usable record{}", first_of(findings, file))]
    NoRecords {
        /// The file's name.
        file: String,
        /// What is wrong with this file and those before.
        findings: Box<Findings>,
    },
    /// Something is wrong with a record, and every record is wanted.
    #[error("{finding}; {}with --strict a registry must have no errors", and_others(*.others))]
    Strict {
        /// The first error.
        finding: Box<Finding>,
        /// How many more there are.
        others: u64,
    },
}

const EXPECTED: &str = "the IANA registry as CSV, XML, HTML or text, a file like /etc/services, or lines of \
                        name,port,transport[,description]";

fn first_of(findings: &Findings, file: &str) -> String {
    let mut findings = findings.kept().iter();
    match findings.find(|finding| *finding.file == *file) {
        Some(finding) => format!("; the first problem: {finding}"),
        None => format!("; expected {EXPECTED}"),
    }
}

fn and_others(others: u64) -> String {
    match others {
        0 => String::new(),
        1 => "there is another error; ".to_owned(),
        _ => format!("there are {others} more errors; "),
    }
}
