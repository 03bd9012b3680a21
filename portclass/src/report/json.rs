//! Snapshots as JSON.

use std::io;

use crate::account::Snapshot;

/// One document, for people to read as well.
pub(super) fn document(out: &mut impl io::Write, snapshot: &Snapshot) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, snapshot)?;
    writeln!(out)
}

/// One line.
pub(super) fn line(out: &mut impl io::Write, snapshot: &Snapshot) -> io::Result<()> {
    serde_json::to_writer(&mut *out, snapshot)?;
    writeln!(out)
}
