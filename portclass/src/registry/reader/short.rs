//! The short form of overlays: lines of `name,port,transport[,description]`, with or without such a header.

use super::csv::{Fields, each_record};
use crate::registry::{Column, Kind, Ports, RegistryError, reading::Reading};

const HEADINGS: [&str; 4] = ["name", "port", "transport", "description"];

/// Whether a line looks like one of the short form.
pub(in crate::registry) fn is_short(line: &str) -> bool {
    let fields: Vec<_> = line.split(',').map(str::trim).collect();
    is_header(&fields)
        || fields.len() >= 3 && (fields[1].is_empty() || fields[1].parse::<Ports>().is_ok())
}

/// Reads all lines. Those that start with `#` are comments.
///
/// # Errors
///
/// Too many records.
pub(in crate::registry) fn read(reading: &mut Reading<'_>) -> Result<(), RegistryError> {
    let mut is_first = true;
    each_record(reading.text, Some(b'#'), |at, record| {
        let Fields { kept, count } = match record {
            Ok(fields) => fields,
            Err(message) => {
                reading.find(at, Kind::Quote, None, message);
                return Ok(());
            }
        };
        let fields: Vec<_> = kept.iter().map(|field| field.trim()).collect();
        let is_first = std::mem::take(&mut is_first);
        if is_first && is_header(&fields) || fields == [""] {
            return Ok(());
        }
        if !matches!(count, 3 | 4) {
            let message = format!("{count} columns; expected name,port,transport[,description]");
            reading.find(at, Kind::ColumnCount, None, message);
            return Ok(());
        }
        let mut columns = [""; Column::COUNT];
        columns[..fields.len()].copy_from_slice(&fields);
        reading.record(at, &columns).map(drop)
    })
}

fn is_header(fields: &[&str]) -> bool {
    matches!(fields.len(), 3 | 4)
        && fields
            .iter()
            .zip(HEADINGS)
            .all(|(field, heading)| field.eq_ignore_ascii_case(heading))
}
