//! What changed from one registry to another.

use std::collections::BTreeMap;

use portclass_common::{port::PortKey, transport::Transport};

use super::{Column, Index, Record, Registry, Status, index::RowsOfPorts};

/// What happened to a port of a transport, or to a name without a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// It has a name and had none.
    Added,
    /// It had a name and has none.
    Removed,
    /// It has another canonical name.
    Renamed,
    /// It has no name and had none, but the registry says something else of it.
    Status,
    /// Its name or status is the same, and something else of its record is not.
    Amended,
}

/// What a change is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject<'registry> {
    /// A port of a transport.
    Pair(u16, Transport),
    /// A name without a port.
    Name(&'registry str, Option<Transport>),
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diff<'registry> {
    /// What happened.
    pub change: Change,
    /// To what.
    pub subject: Subject<'registry>,
    /// Standing and canonical name before.
    pub old: (Status, Option<&'registry str>),
    /// Standing and canonical name after.
    pub new: (Status, Option<&'registry str>),
    /// The columns in which the records of a port that keeps its name, or its lack of one, differ, white space folded, as
    /// IANA heads them; `Other Names` where the records of its other names do.
    pub columns: Vec<&'static str>,
}

impl<'registry> Diff<'registry> {
    /// All differences between two registries, by port, then by IP protocol number, then those of names without a port.
    pub fn between(old: &'registry Registry, new: &'registry Registry) -> Vec<Self> {
        let (old, new) = (Index::new(old), Index::new(new));
        let mut diffs = pairs(&old, &new);
        diffs.extend(names(&old, &new));
        diffs
    }
}

fn pairs<'registry>(old: &Index<'registry>, new: &Index<'registry>) -> Vec<Diff<'registry>> {
    let mut diffs = Vec::new();
    let (mut old_rows, mut new_rows) = (RowsOfPorts::new(old), RowsOfPorts::new(new));
    for port in 0..=u16::MAX {
        let (old_rows, new_rows) = (old_rows.at(port), new_rows.at(port));
        for transport in Transport::ALL {
            let key = PortKey::new(port, transport);
            let records = (old.registry.decided(key), new.registry.decided(key));
            let side = |index: &Index<'registry>, record: Option<Record<'registry>>| {
                let name = record.map(Record::name).filter(|name| !name.is_empty());
                (index.registry.status(key), name)
            };
            let (before, after) = (side(old, records.0), side(new, records.1));
            let columns = match records {
                (Some(before), Some(after)) if before.is_named() == after.is_named() => {
                    let mut columns = differing(before, after);
                    if before.is_named()
                        && after.name() == before.name()
                        && !same_others(
                            &others(old, old_rows, before),
                            &others(new, new_rows, after),
                        )
                    {
                        columns.push("Other Names");
                    }
                    columns
                }
                _ => Vec::new(),
            };
            let change = match (before.1, after.1) {
                (None, Some(_)) => Change::Added,
                (Some(_), None) => Change::Removed,
                (Some(before), Some(after)) if before != after => Change::Renamed,
                _ if before.0 != after.0 => Change::Status,
                _ if columns.is_empty() => continue,
                _ => Change::Amended,
            };
            diffs.push(Diff {
                change,
                subject: Subject::Pair(port, transport),
                old: before,
                new: after,
                columns,
            });
        }
    }
    diffs
}

/// The records of a port's other names, in the order of their file.
fn others<'registry>(
    index: &Index<'registry>,
    rows: &[u32],
    decides: Record<'registry>,
) -> Vec<Record<'registry>> {
    rows.iter()
        .map(|&row| index.record(row))
        .filter(|other| {
            other.is_named()
                && other.transport() == decides.transport()
                && other.name() != decides.name()
        })
        .collect()
}

fn same_others(one: &[Record<'_>], other: &[Record<'_>]) -> bool {
    one.len() == other.len()
        && one
            .iter()
            .zip(other)
            .all(|(one, other)| one.name() == other.name() && differing(*one, *other).is_empty())
}

/// The columns of two records that differ, beside name, ports and transport.
fn differing(one: Record<'_>, other: Record<'_>) -> Vec<&'static str> {
    Column::ALL[3..]
        .iter()
        .filter(|&&column| {
            let (one, other) = (one.column(column), other.column(column));
            one != other && !one.split_whitespace().eq(other.split_whitespace())
        })
        .map(|column| column.heading())
        .collect()
}

/// The differences of names without a port. Of several records of one name, the first is held against the first.
fn names<'registry>(old: &Index<'registry>, new: &Index<'registry>) -> Vec<Diff<'registry>> {
    type Sides<'registry> = [Vec<Record<'registry>>; 2];
    let mut names: BTreeMap<Subject<'registry>, Sides<'registry>> = BTreeMap::new();
    for (side, index) in [old, new].into_iter().enumerate() {
        for record in index.registry.records().iter() {
            if record.ports().is_none() {
                let subject = Subject::Name(record.name(), record.transport());
                names.entry(subject).or_default()[side].push(record);
            }
        }
    }
    let mut diffs = Vec::new();
    for (subject, [before, after]) in names {
        for at in 0..before.len().max(after.len()) {
            let side = |record: Option<&Record<'registry>>| match record {
                Some(record) => (Status::Assigned, Some(record.name())),
                None => (Status::NotListed, None),
            };
            let (before, after) = (before.get(at), after.get(at));
            let (change, columns) = match (before, after) {
                (Some(before), Some(after)) => {
                    let columns = differing(*before, *after);
                    if columns.is_empty() {
                        continue;
                    }
                    (Change::Amended, columns)
                }
                (Some(_), None) => (Change::Removed, Vec::new()),
                _ => (Change::Added, Vec::new()),
            };
            diffs.push(Diff {
                change,
                subject,
                old: side(before),
                new: side(after),
                columns,
            });
        }
    }
    diffs
}
