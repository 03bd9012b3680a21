//! `/etc/services`: lines of `name port/transport alias... # comment` (services(5)).

use portclass_common::transport::Transport;

use crate::registry::{
    Column, Kind, RegistryError,
    reading::{Reading, alias_note, transport_of_name},
};

/// Whether a line looks like a service of `/etc/services`.
pub(in crate::registry) fn is_service(line: &str) -> bool {
    let mut words = line.split_ascii_whitespace().skip(1);
    words
        .next()
        .and_then(|word| word.split_once('/'))
        .is_some_and(|(port, transport)| {
            port.parse::<u16>().is_ok()
                && transport.starts_with(|first: char| first.is_ascii_alphabetic())
        })
}

/// Reads all lines. A comment behind a service is its description; aliases become records of their own.
///
/// # Errors
///
/// Too many records.
pub(in crate::registry) fn read(reading: &mut Reading<'_>) -> Result<(), RegistryError> {
    let mut at = 0;
    for line in reading.text.split_inclusive('\n') {
        read_line(reading, at, line)?;
        at += line.len();
    }
    Ok(())
}

fn read_line(reading: &mut Reading<'_>, at: usize, line: &str) -> Result<(), RegistryError> {
    let (service, comment) = line.split_once('#').unwrap_or((line, ""));
    let mut words = service.split_ascii_whitespace();
    let Some(name) = words.next() else {
        return Ok(());
    };
    let Some((port, transport)) = words.next().and_then(|word| word.split_once('/')) else {
        let message = "expected 'name port/transport alias... # comment'";
        reading.find(at, Kind::ColumnCount, None, message);
        return Ok(());
    };
    let known = transport_of_name(transport);
    if known.is_none() && !transport.is_empty() {
        let message = format!(
            "{name:?} is a service of {transport:?}, which is no transport of the registry; it was left out"
        );
        let column = Some(Column::TransportProtocol);
        reading.find(at, Kind::ForeignTransport, column, message);
        return Ok(());
    }
    let mut columns = [""; Column::COUNT];
    columns[Column::ServiceName as usize] = name;
    columns[Column::PortNumber as usize] = port;
    columns[Column::TransportProtocol as usize] = known.map_or("", Transport::name);
    columns[Column::Description as usize] = comment.trim();
    if port.is_empty() || transport.is_empty() {
        let (kind, column) = match port {
            "" => (Kind::Port, Column::PortNumber),
            _ => (Kind::Transport, Column::TransportProtocol),
        };
        let message = "missing; expected 'name port/transport alias... # comment'";
        reading.find(at, kind, Some(column), message);
        return Ok(());
    }
    if !reading.record(at, &columns)? {
        return Ok(());
    }
    let note = alias_note(name);
    columns[Column::AssignmentNotes as usize] = &note;
    // One line may have any number of aliases, and only one description.
    columns[Column::Description as usize] = "";
    for alias in words {
        columns[Column::ServiceName as usize] = alias;
        reading.record(at, &columns)?;
    }
    Ok(())
}
