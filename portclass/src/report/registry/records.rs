//! The rows of a registry.

use std::io;

use portclass_common::transport::Transport;
use serde::{Serialize, Serializer};

use crate::{
    registry::{Column, Date, Layer, Layers, Merged, Ports, Record, Registry, Status},
    report::{columns::Columns, csv::as_io},
};

/// A record with its layer and the name of its file.
type Located<'registry> = (Layer, &'registry str, Record<'registry>);

/// A row a record.
///
/// # Errors
///
/// Those of the writer.
pub fn records_table<'registry>(
    out: &mut impl io::Write,
    records: impl Iterator<Item = Located<'registry>>,
) -> io::Result<()> {
    let mut table = Columns::new([
        "PORTS",
        "TRANSPORT",
        "STATUS",
        "SERVICE",
        "LAYER",
        "DESCRIPTION",
    ]);
    for (layer, _, record) in records {
        let name = match record.name() {
            "" => "-".to_owned(),
            name if record.is_alias() => format!("{name} (alias)"),
            name => name.to_owned(),
        };
        table.row([
            record
                .ports()
                .map_or_else(|| "-".to_owned(), |ports| ports.to_string()),
            record.transport().map_or("any", Transport::name).to_owned(),
            record.status().name().to_owned(),
            name,
            layer.name().to_owned(),
            record.column(Column::Description).to_owned(),
        ]);
    }
    table.write(out)
}

/// One array, an object a record.
///
/// # Errors
///
/// Those of the writer.
pub fn records_json<'registry>(
    out: &mut impl io::Write,
    records: impl Iterator<Item = Located<'registry>>,
) -> io::Result<()> {
    let rows: Vec<_> = records
        .map(|(layer, file, record)| Row {
            origin: Some(Origin {
                layer,
                file,
                line: record.line(),
            }),
            ..Row::new(record, record.ports(), record.transport())
        })
        .collect();
    serde_json::to_writer_pretty(&mut *out, &rows)?;
    writeln!(out)
}

/// IANA's twelve columns, with the records as they are.
///
/// # Errors
///
/// Those of the writer.
pub fn records_csv<'registry>(
    out: &mut impl io::Write,
    records: impl Iterator<Item = Record<'registry>>,
) -> io::Result<()> {
    csv(
        out,
        records.map(|record| Merged {
            record,
            ports: record.ports(),
            transport: record.transport(),
        }),
    )
}

/// IANA's twelve columns, from which a reader gets the registry with all its layers but preferred names again.
///
/// # Errors
///
/// Those of the writer.
pub fn registry_csv(out: &mut impl io::Write, registry: &Registry) -> io::Result<()> {
    csv(out, registry.merged())
}

fn csv<'registry>(
    out: &mut impl io::Write,
    records: impl Iterator<Item = Merged<'registry>>,
) -> io::Result<()> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(out);
    let headings = Column::ALL.map(Column::heading);
    writer.write_record(headings).map_err(as_io)?;
    for row in records {
        let own = row.record.column(Column::PortNumber);
        let ports = match row.ports {
            // As it stands there, `4748-4748` for example.
            ports if ports == row.record.ports() => own.to_owned(),
            ports => ports.map_or_else(String::new, |ports| ports.to_string()),
        };
        let columns = Column::ALL.map(|column| match column {
            Column::PortNumber => &ports,
            Column::TransportProtocol => row.transport.map_or("", Transport::name),
            _ => row.record.column(column),
        });
        writer.write_record(columns).map_err(as_io)?;
    }
    writer.flush()
}

/// One document: date, layers, and the records of all layers as those of one file.
///
/// # Errors
///
/// Those of the writer.
pub fn registry_json(out: &mut impl io::Write, registry: &Registry) -> io::Result<()> {
    let document = Document {
        schema: "portclass.registry/1",
        updated: registry.updated(),
        // The preferred ones among IANA's names are no rows of their own.
        layers: registry.layers().without(Layer::Preferred),
        records: registry
            .merged()
            .map(|row| Row::new(row.record, row.ports, row.transport))
            .collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

#[derive(Serialize)]
struct Document<'registry> {
    schema: &'static str,
    updated: Option<Date>,
    layers: Layers,
    records: Vec<Row<'registry>>,
}

#[derive(Serialize)]
struct Row<'registry> {
    service: Option<&'registry str>,
    first_port: Option<u16>,
    last_port: Option<u16>,
    #[serde(serialize_with = "name")]
    transport: Option<Transport>,
    status: Status,
    alias: bool,
    description: Option<&'registry str>,
    assignee: Option<&'registry str>,
    contact: Option<&'registry str>,
    registered: Option<&'registry str>,
    modified: Option<&'registry str>,
    reference: Option<&'registry str>,
    service_code: Option<&'registry str>,
    unauthorized_use: Option<&'registry str>,
    notes: Option<&'registry str>,
    #[serde(flatten)]
    origin: Option<Origin<'registry>>,
}

#[derive(Serialize)]
struct Origin<'registry> {
    layer: Layer,
    file: &'registry str,
    line: u64,
}

impl<'registry> Row<'registry> {
    fn new(record: Record<'registry>, ports: Option<Ports>, transport: Option<Transport>) -> Self {
        let column = |column| Some(record.column(column)).filter(|text| !text.is_empty());
        Self {
            service: column(Column::ServiceName),
            first_port: ports.map(Ports::first),
            last_port: ports.map(Ports::last),
            transport,
            status: record.status(),
            alias: record.is_alias(),
            description: column(Column::Description),
            assignee: column(Column::Assignee),
            contact: column(Column::Contact),
            registered: column(Column::RegistrationDate),
            modified: column(Column::ModificationDate),
            reference: column(Column::Reference),
            service_code: column(Column::ServiceCode),
            unauthorized_use: column(Column::UnauthorizedUse),
            notes: column(Column::AssignmentNotes),
            origin: None,
        }
    }
}

#[expect(clippy::ref_option, reason = "serde hands out references")]
fn name<S: Serializer>(transport: &Option<Transport>, serializer: S) -> Result<S::Ok, S::Error> {
    transport.map(Transport::name).serialize(serializer)
}
