//! Snapshots and answers as text: pure, written to any [`std::io::Write`]. It knows no kernel.

mod columns;
mod csv;
mod doctor;
mod json;
mod live;
mod lookup;
mod metrics;
mod nft;
mod number;
mod registry;
mod screen;
mod shown;
mod table;
mod title;

use std::io::{self, Write as _};

pub use doctor::{diagnosis_json, diagnosis_table};
pub use live::{Live, Size};
pub use lookup::{lookup_json, lookup_table};
pub use metrics::{Exposition, Metrics};
pub use nft::{NftForm, NftServices, NftTable, NftTableError};
pub use number::grouped;
pub use registry::{
    Checked, Compared, check_json, check_table, diff_json, diff_table, records_csv, records_json,
    records_table, registry_csv, registry_json, services,
};
pub use screen::{Colours, Described, Key, Order, Screen, ScreenOptions};
pub use shown::Layout;
pub use table::table;

use crate::account::Snapshot;

/// A snapshot as a JSON document on one line.
///
/// # Errors
///
/// Those of the writer.
pub fn snapshot_line(out: &mut impl io::Write, snapshot: &Snapshot) -> io::Result<()> {
    json::line(out, snapshot)
}

/// How a run is reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// A table an interval, and one at the end.
    #[default]
    Table,
    /// One JSON document at the end.
    Json,
    /// A JSON document a line: one an interval, and one at the end.
    Jsonl,
    /// A header, then a row a port or reason and interval.
    Csv,
}

/// Writes the snapshots of a run, one after the other, to `W`.
pub struct Reporter<W: io::Write> {
    format: Format,
    limit: Option<usize>,
    /// What is reported at a time is written at once, also to a writer that would pass every line on.
    out: io::BufWriter<W>,
    live: Option<Live>,
    has_header: bool,
}

impl<W: io::Write> Reporter<W> {
    /// Bytes that hold most reports.
    const BUFFER: usize = 64 * 1024;

    /// A reporter to `out`. Tables show `limit` services at most, and where `live` says so they are drawn in place.
    pub fn new(format: Format, limit: Option<usize>, live: Option<Live>, out: W) -> Self {
        Self {
            format,
            limit,
            out: io::BufWriter::with_capacity(Self::BUFFER, out),
            live: live.filter(|_| format == Format::Table),
            has_header: false,
        }
    }

    /// Reports an interval; `size` is that of the terminal, for tables that are drawn in place.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn interval(&mut self, snapshot: &Snapshot, size: Option<Size>) -> io::Result<()> {
        match self.format {
            Format::Table => {
                if let Some(live) = &mut self.live {
                    let rows = size.map(|size| size.rows.into());
                    let layout = Layout {
                        limit: self.limit,
                        rows,
                    };
                    live.draw(&mut self.out, &table(snapshot, layout), size)?;
                } else {
                    self.append_table(snapshot)?;
                }
            }
            Format::Json => {}
            Format::Jsonl => json::line(&mut self.out, snapshot)?,
            Format::Csv => self.csv(snapshot)?,
        }
        self.out.flush()
    }

    /// Reports the whole run.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn whole(&mut self, mut snapshot: Snapshot) -> io::Result<()> {
        match self.format {
            Format::Table => {
                if let Some(live) = &mut self.live {
                    live.clear(&mut self.out)?;
                }
                self.append_table(&snapshot)?;
            }
            Format::Json => json::document(&mut self.out, &snapshot)?,
            Format::Jsonl => {
                snapshot.is_final = true;
                json::line(&mut self.out, &snapshot)?;
            }
            Format::Csv => self.csv(&snapshot)?,
        }
        self.out.flush()
    }

    fn append_table(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        let layout = Layout {
            limit: self.limit,
            rows: None,
        };
        for line in table(snapshot, layout) {
            writeln!(self.out, "{line}")?;
        }
        if snapshot.interval_seconds.is_some() {
            writeln!(self.out)?;
        }
        Ok(())
    }

    fn csv(&mut self, snapshot: &Snapshot) -> io::Result<()> {
        csv::rows(&mut self.out, snapshot, !self.has_header)?;
        self.has_header = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
