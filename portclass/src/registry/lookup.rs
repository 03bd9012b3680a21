//! Answers: what the registry says, and which layer says it.

use std::{cmp::Reverse, collections::BTreeSet};

use portclass_common::{label::Class, port::PortKey, transport::Transport};
use serde::Serialize;

use super::{
    Column, Index, Layer, NamePattern, Ports, Query, Record, Status,
    index::RowsOfPorts,
    query::{Subject, is_pattern},
};

/// What the registry says of a port, a pair or a name. Its fields are those of `lookup --format json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Found<'registry> {
    /// The port, unless a name without one was asked for.
    pub port: Option<u16>,
    /// The transport's name, unless the row is for any.
    pub transport: Option<&'static str>,
    /// The standing of the port.
    pub status: Status,
    /// The canonical name.
    pub service: Option<&'registry str>,
    /// Aliases and synonyms.
    pub other_names: Vec<&'registry str>,
    /// The registry's column of that name, as are the fields that follow.
    pub description: Option<&'registry str>,
    /// Whom it is assigned to.
    pub assignee: Option<&'registry str>,
    /// Whom to ask.
    pub contact: Option<&'registry str>,
    /// `YYYY-MM` or `YYYY-MM-DD`.
    pub registered: Option<&'registry str>,
    /// `YYYY-MM` or `YYYY-MM-DD`.
    pub modified: Option<&'registry str>,
    /// The documents that define it.
    pub reference: Option<&'registry str>,
    /// The DCCP service code (RFC 5595).
    pub service_code: Option<&'registry str>,
    /// Reports of use by others.
    pub unauthorized_use: Option<&'registry str>,
    /// IANA's notes.
    pub notes: Option<&'registry str>,
    /// The layer that speaks; `None` where none does.
    pub layer: Option<Layer>,
    /// The file in which it does.
    pub file: Option<&'registry str>,
    /// The first line of the record there, counted from 1.
    pub line: Option<u64>,
    /// What the layers beneath would say, the highest first.
    pub beneath: Vec<Beneath<'registry>>,
}

/// What a lower layer says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Beneath<'registry> {
    /// The layer.
    pub layer: Layer,
    /// Its name for the port, if it has one.
    pub service: Option<&'registry str>,
    /// The standing that it gives the port.
    pub status: Status,
    /// The file in which it speaks.
    pub file: &'registry str,
    /// The first line of the record there, counted from 1.
    pub line: u64,
}

/// What the layers say of a port, the highest first, each by a record.
type Said = Vec<(Layer, u32)>;

impl<'registry> Index<'registry> {
    /// Answers `query`, by port and then by IP protocol number. Only a name can go without an answer.
    pub fn lookup(&self, query: &Query) -> Vec<Found<'registry>> {
        match &query.subject {
            Subject::Port(port) => self.at_port(*port, query.transport),
            Subject::Range(ports) => self.in_range(*ports, query.transport),
            Subject::Name(name) => self.of_name(name, query.transport),
        }
    }

    /// Names of the registry that are nearly `name`, the nearest first.
    pub fn similar_names(&self, name: &str) -> Vec<&'registry str> {
        const SHOWN: usize = 3;
        let name = name.to_ascii_lowercase();
        let tolerated = if name.len() <= 4 { 1 } else { 2 };
        let names = self.registry.records().iter().map(Record::name);
        let similar: BTreeSet<_> = names
            .filter(|other| !other.is_empty() && other.len().abs_diff(name.len()) <= tolerated)
            .map(|other| {
                let distance = strsim::osa_distance(&other.to_ascii_lowercase(), &name);
                (distance, other)
            })
            .filter(|&(distance, _)| distance <= tolerated)
            .collect();
        similar
            .into_iter()
            .map(|(_, name)| name)
            .take(SHOWN)
            .collect()
    }

    fn at_port(&self, port: u16, transport: Option<Transport>) -> Vec<Found<'registry>> {
        let rows = self.rows_at(port);
        let found = match transport {
            Some(transport) => {
                let said = self.said_of(PortKey::new(port, transport), &rows);
                self.found(port, &rows, &said).into_iter().collect()
            }
            None => self.on_each_transport(port, &rows, |_| true),
        };
        if found.is_empty() {
            return vec![unlisted(port, transport)];
        }
        found
    }

    /// An answer for each transport of its own, and one for all that a row for any transport decides; of those, the ones
    /// whose records are `wanted`.
    fn on_each_transport(
        &self,
        port: u16,
        rows: &[u32],
        wanted: impl Fn(&Said) -> bool,
    ) -> Vec<Found<'registry>> {
        let mut on_any = Said::new();
        let mut found = Vec::new();
        for transport in Transport::ALL {
            let said = self.said_of(PortKey::new(port, transport), rows);
            match said.first() {
                Some(&(_, index)) if self.record(index).transport().is_none() => {
                    on_any.extend(said);
                }
                _ if wanted(&said) => found.extend(self.found(port, rows, &said)),
                _ => {}
            }
        }
        // What is said of several transports is said once, the highest layer first.
        on_any.sort_by_key(|&(layer, index)| {
            let file = &self.registry.file(index).rows;
            Reverse((layer, file.start))
        });
        let mut once = Said::new();
        for (layer, index) in on_any {
            let says = |index| (self.record(index).name(), self.record(index).status());
            let is_new = |&(other, row): &(Layer, u32)| other != layer || says(row) != says(index);
            if once.iter().all(is_new) {
                once.push((layer, index));
            }
        }
        if wanted(&once) {
            found.extend(self.found(port, rows, &once));
        }
        found
    }

    /// The named pairs of a range, or the status of each port where there are none.
    fn in_range(&self, ports: Ports, transport: Option<Transport>) -> Vec<Found<'registry>> {
        let mut named = Vec::new();
        let mut pairs = Pairs::new(self);
        for entry in self.registry.entries() {
            let key = entry.key;
            let is_wanted = entry.class == Class::Labelled
                && !entry.any_transport
                && ports.contains(key.port())
                && transport.is_none_or(|transport| key.transport() == Some(transport));
            if !is_wanted {
                continue;
            }
            named.extend(pairs.found(key));
        }
        if !named.is_empty() {
            return named;
        }
        let each = ports.iter().flat_map(|port| self.at_port(port, transport));
        each.collect()
    }

    /// Names are compared without regard to case (RFC 6335 section 5.1). What is no name of the registry's, some of
    /// which have asterisks, may be a pattern for names.
    fn of_name(&self, name: &str, transport: Option<Transport>) -> Vec<Found<'registry>> {
        let found = self.with_name(|other| other.eq_ignore_ascii_case(name), transport);
        if !found.is_empty() || !is_pattern(name) {
            return found;
        }
        match name.parse::<NamePattern>() {
            Ok(pattern) => self.with_name(|other| pattern.matches(other), transport),
            Err(_) => found,
        }
    }

    /// What is said of every port that any layer gives a `wanted` name, and of names without a port.
    fn with_name(
        &self,
        is_wanted: impl Fn(&str) -> bool,
        transport: Option<Transport>,
    ) -> Vec<Found<'registry>> {
        let records = self.registry.records();
        let wanted = (0..records.len()).filter(|&index| {
            let record = records.get(index);
            record.is_named()
                && is_wanted(record.name())
                && transport.is_none_or(|transport| record.is_for(transport))
        });
        let wanted: Vec<_> = wanted.collect();
        // The ports that a wanted row for each transport, or for any of them, is about.
        let mut ports = vec![vec![false; 1 << 16]; Transport::ALL.len()];
        let mut on_any = vec![false; 1 << 16];
        for &index in &wanted {
            let record = records.get(index);
            if let Some(own) = record.ports() {
                let marks = match record.transport().or(transport) {
                    Some(transport) => &mut ports[transport.index() as usize],
                    None => &mut on_any,
                };
                marks[usize::from(own.first())..=usize::from(own.last())].fill(true);
            }
        }
        let is_one = |said: &Said| {
            said.iter()
                .any(|(_, index)| wanted.binary_search(index).is_ok())
        };
        let mut found = Vec::new();
        let (mut rows, mut pairs) = (RowsOfPorts::new(self), Pairs::new(self));
        for port in 0..=u16::MAX {
            let is_marked = |marks: &Vec<bool>| marks[usize::from(port)];
            if is_marked(&on_any) {
                found.extend(self.on_each_transport(port, rows.at(port), is_one));
            }
            for transport in Transport::ALL {
                if is_marked(&ports[transport.index() as usize]) {
                    found.extend(pairs.found(PortKey::new(port, transport)));
                }
            }
        }
        for index in wanted {
            if records.get(index).ports().is_none() {
                let layer = self.registry.file(index).layer;
                let portless = self.found(0, &[], &[(layer, index)]);
                found.extend(portless.map(|found| Found {
                    port: None,
                    ..found
                }));
            }
        }
        let order = |found: &Found<'_>| {
            let transport = found.transport.and_then(Transport::of_name);
            (
                found.port.is_none(),
                found.port,
                transport.is_none(),
                transport.map(Transport::protocol),
            )
        };
        found.sort_by_key(order);
        found.dedup();
        found
    }

    fn found(&self, port: u16, rows: &[u32], said: &[(Layer, u32)]) -> Option<Found<'registry>> {
        let (&(layer, index), lower) = said.split_first()?;
        let registry = self.registry;
        let record = self.record(index);
        let file = registry.file(index);
        let other_names = match record.is_named() {
            true => self.other_names((index, record), rows),
            false => Vec::new(),
        };
        let beneath = lower.iter().map(|&(layer, index)| {
            let record = self.record(index);
            Beneath {
                layer,
                service: Some(record.name()).filter(|name| !name.is_empty()),
                status: record.status(),
                file: &registry.file(index).name,
                line: record.line(),
            }
        });
        let column = |column| Some(record.column(column)).filter(|text| !text.is_empty());
        Some(Found {
            port: Some(port),
            transport: record.transport().map(Transport::name),
            status: record.status(),
            service: column(Column::ServiceName),
            other_names,
            description: column(Column::Description),
            assignee: column(Column::Assignee),
            contact: column(Column::Contact),
            registered: column(Column::RegistrationDate),
            modified: column(Column::ModificationDate),
            reference: column(Column::Reference),
            service_code: column(Column::ServiceCode),
            unauthorized_use: column(Column::UnauthorizedUse),
            notes: column(Column::AssignmentNotes),
            layer: Some(layer),
            file: Some(&file.name),
            line: Some(record.line()),
            beneath: beneath.collect(),
        })
    }
}

/// Answers for ports of transports that are asked for in order. Where no other rows are about a port than about the one
/// before, the answer is the same but for the port.
struct Pairs<'index, 'registry> {
    index: &'index Index<'registry>,
    rows: RowsOfPorts<'index, 'registry>,
    /// Of each transport, the last answer and the change of the rows that it came with.
    last: [Option<(u32, Found<'registry>)>; Transport::ALL.len()],
}

impl<'index, 'registry> Pairs<'index, 'registry> {
    fn new(index: &'index Index<'registry>) -> Self {
        Self {
            index,
            rows: RowsOfPorts::new(index),
            last: Default::default(),
        }
    }

    fn found(&mut self, key: PortKey) -> Option<Found<'registry>> {
        let (index, port) = (self.index, key.port());
        self.rows.at(port);
        let changes = self.rows.changes();
        let last = &mut self.last[key.transport()?.index() as usize];
        // Preferred names are about ports, not about rows.
        let is_preferred = index.preferred(key).is_some();
        if let Some((of, found)) = last
            && *of == changes
            && !is_preferred
        {
            found.port = Some(port);
            return Some(found.clone());
        }
        let rows = self.rows.at(port);
        let found = index.found(port, rows, &index.said_of(key, rows))?;
        *last = (!is_preferred).then(|| (changes, found.clone()));
        Some(found)
    }
}

/// The answer for a port that no row is about.
fn unlisted<'registry>(port: u16, transport: Option<Transport>) -> Found<'registry> {
    Found {
        port: Some(port),
        transport: transport.map(Transport::name),
        status: Status::of_unlisted(port),
        service: None,
        other_names: Vec::new(),
        description: None,
        assignee: None,
        contact: None,
        registered: None,
        modified: None,
        reference: None,
        service_code: None,
        unauthorized_use: None,
        notes: None,
        layer: None,
        file: None,
        line: None,
        beneath: Vec::new(),
    }
}
