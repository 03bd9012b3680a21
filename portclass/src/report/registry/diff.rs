//! What changed from one registry to another.

use std::io;

use portclass_common::transport::Transport;
use serde::Serialize;

use crate::{
    registry::{Change, Diff, DiffSubject, Ports, Registry, Status},
    report::{columns::Columns, grouped},
    text::one_line,
};

/// Two registries and their differences.
pub struct Compared<'compared> {
    /// The older registry, and the name of its file.
    pub old: (&'compared str, &'compared Registry),
    /// The newer one.
    pub new: (&'compared str, &'compared Registry),
    /// What changed.
    pub diffs: &'compared [Diff<'compared>],
}

impl Compared<'_> {
    fn of(&self, change: Change) -> impl Iterator<Item = &Diff<'_>> {
        self.diffs.iter().filter(move |diff| diff.change == change)
    }
}

const CHANGES: [(Change, &str); 5] = [
    (Change::Added, "added"),
    (Change::Removed, "removed"),
    (Change::Renamed, "renamed"),
    (Change::Status, "status"),
    (Change::Amended, "amended"),
];

/// A row a change, ports and transports with the same one in one row, then a line with totals.
///
/// # Errors
///
/// Those of the writer.
pub fn diff_table(out: &mut impl io::Write, compared: &Compared<'_>) -> io::Result<()> {
    let mut table = Columns::new(["CHANGE", "PORTS", "TRANSPORT", "BEFORE", "AFTER", "COLUMNS"]);
    for (change, name) in CHANGES {
        for row in rows(compared.of(change)) {
            table.row([
                name.to_owned(),
                row.ports
                    .map_or_else(|| "-".to_owned(), |ports| ports.to_string()),
                row.transports(),
                says(row.diff, row.diff.old),
                says(row.diff, row.diff.new),
                row.diff.columns.join(", "),
            ]);
        }
    }
    if !compared.diffs.is_empty() {
        table.write(out)?;
        writeln!(out)?;
    }
    let totals = CHANGES.map(|(change, name)| {
        let count = compared.of(change).count() as u64;
        format!("{} {name}", grouped(count))
    });
    writeln!(
        out,
        "{} to {}: {}",
        title(compared.old),
        title(compared.new),
        totals.join(", ")
    )
}

fn title((file, registry): (&str, &Registry)) -> String {
    let file = one_line(file);
    match registry.updated() {
        Some(date) => format!("{file} ({date})"),
        None => file,
    }
}

fn says(diff: &Diff<'_>, (status, name): (Status, Option<&str>)) -> String {
    let status = match diff.subject {
        DiffSubject::Pair(..) => status.name(),
        // A name without a port has no standing.
        DiffSubject::Name(..) => "-",
    };
    name.unwrap_or(status).to_owned()
}

/// Changes of neighbouring ports and of several transports that are the same.
struct Row<'compared> {
    ports: Option<Ports>,
    transports: Vec<Transport>,
    diff: &'compared Diff<'compared>,
}

impl Row<'_> {
    fn is_same(&self, other: &Self) -> bool {
        (self.diff.old, self.diff.new, &self.diff.columns)
            == (other.diff.old, other.diff.new, &other.diff.columns)
    }

    fn transports(&self) -> String {
        if self.transports.is_empty() || self.transports == Transport::ALL {
            return "any".to_owned();
        }
        let names = self.transports.iter().map(|transport| transport.name());
        names.collect::<Vec<_>>().join(",")
    }
}

fn rows<'compared>(diffs: impl Iterator<Item = &'compared Diff<'compared>>) -> Vec<Row<'compared>> {
    let mut of_ports: Vec<Row<'compared>> = Vec::new();
    for diff in diffs {
        let (ports, transport) = match diff.subject {
            DiffSubject::Pair(port, transport) => (Ports::new(port, port), Some(transport)),
            DiffSubject::Name(_, transport) => (None, transport),
        };
        let row = Row {
            ports,
            transports: transport.into_iter().collect(),
            diff,
        };
        let of_same_port = of_ports
            .iter_mut()
            .rev()
            .take_while(|other| other.ports == ports && ports.is_some())
            .find(|other| other.is_same(&row));
        match of_same_port {
            Some(other) => other.transports.extend(row.transports),
            None => of_ports.push(row),
        }
    }
    let mut rows: Vec<Row<'compared>> = Vec::new();
    for row in of_ports {
        // A port may have several rows, so the neighbour need not be the row before.
        let neighbour = rows
            .iter_mut()
            .rev()
            .take(Transport::ALL.len())
            .find(|other| {
                let touches = other.ports.zip(row.ports).is_some_and(|(before, after)| {
                    before.last().checked_add(1) == Some(after.first())
                });
                touches && other.transports == row.transports && other.is_same(&row)
            });
        match neighbour {
            Some(other) => {
                other.ports = other
                    .ports
                    .zip(row.ports)
                    .and_then(|(before, after)| Ports::new(before.first(), after.last()));
            }
            None => rows.push(row),
        }
    }
    rows
}

/// One document: both registries, and an array for each kind of change, an object a port of a transport or a name
/// without a port.
///
/// # Errors
///
/// Those of the writer.
pub fn diff_json(out: &mut impl io::Write, compared: &Compared<'_>) -> io::Result<()> {
    let side = |(file, registry): (&'_ str, &'_ Registry)| {
        serde_json::json!({
            "file": file,
            "updated": registry.updated(),
            "records": registry.records().len(),
            "entries": registry.named_pairs(),
        })
    };
    let mut document = serde_json::Map::new();
    document.insert("schema".to_owned(), "portclass.registry-diff/1".into());
    document.insert("old".to_owned(), side(compared.old));
    document.insert("new".to_owned(), side(compared.new));
    for (change, name) in CHANGES {
        let objects: Vec<_> = compared.of(change).map(Object::from).collect();
        document.insert(name.to_owned(), serde_json::to_value(objects)?);
    }
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

#[derive(Serialize)]
struct Object<'compared> {
    port: Option<u16>,
    transport: Option<&'static str>,
    old: Side<'compared>,
    new: Side<'compared>,
    columns: &'compared [&'static str],
}

#[derive(Serialize)]
struct Side<'compared> {
    status: Option<Status>,
    service: Option<&'compared str>,
}

impl<'compared> From<&'compared Diff<'compared>> for Object<'compared> {
    fn from(diff: &'compared Diff<'compared>) -> Self {
        let (port, transport) = match diff.subject {
            DiffSubject::Pair(port, transport) => (Some(port), Some(transport)),
            DiffSubject::Name(_, transport) => (None, transport),
        };
        let side = |(status, service): (Status, Option<&'compared str>)| Side {
            // A name without a port has no standing.
            status: (port.is_some() || service.is_some()).then_some(status),
            service,
        };
        Self {
            port,
            transport: transport.map(Transport::name),
            old: side(diff.old),
            new: side(diff.new),
            columns: &diff.columns,
        }
    }
}
