//! Answers: what the registry says, and which layer says it.

use portclass_common::{label::Class, port::PortKey, transport::Transport};
use serde::Serialize;

use super::{Column, Layer, Ports, Query, Record, Registry, Status, query::Subject};

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
    /// What the layers beneath would say.
    pub beneath: Vec<Beneath<'registry>>,
}

/// What a lower layer says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Beneath<'registry> {
    /// The layer.
    pub layer: Layer,
    /// Its name for the port.
    pub service: &'registry str,
}

impl Registry {
    /// Answers `query`, by port and then by IP protocol number. Only a name can go without an answer.
    pub fn lookup(&self, query: &Query) -> Vec<Found<'_>> {
        match &query.subject {
            Subject::Port(port) => self.at_port(*port, query.transport),
            Subject::Range(ports) => self.in_range(*ports, query.transport),
            Subject::Name(name) => self.of_name(name, query.transport),
        }
    }

    fn at_port(&self, port: u16, transport: Option<Transport>) -> Vec<Found<'_>> {
        if let Some(transport) = transport {
            let key = PortKey::new(port, transport);
            return vec![match self.decided(key) {
                Some(record) => self.found(port, record),
                None => unlisted(port, Some(transport)),
            }];
        }
        let mut rows: Vec<_> = Transport::ALL
            .into_iter()
            .filter_map(|transport| self.decided(PortKey::new(port, transport)))
            .filter(|record| record.transport().is_some())
            .map(|record| self.found(port, record))
            .collect();
        let of_any_transport =
            |record: &Record<'_>| record.covers(port) && record.transport().is_none();
        rows.extend(
            self.records()
                .iter()
                .find(of_any_transport)
                .map(|record| self.found(port, record)),
        );
        if rows.is_empty() {
            rows.push(unlisted(port, None));
        }
        rows
    }

    /// The named pairs of a range, or the status of each port where there are none.
    fn in_range(&self, ports: Ports, transport: Option<Transport>) -> Vec<Found<'_>> {
        let wanted = |key: PortKey| {
            ports.contains(key.port())
                && transport.is_none_or(|transport| key.transport() == Some(transport))
        };
        let named: Vec<_> = self
            .entries()
            .filter(|entry| entry.class == Class::Labelled && !entry.any_transport)
            .filter(|entry| wanted(entry.key))
            .filter_map(|entry| Some(self.found(entry.key.port(), self.decided(entry.key)?)))
            .collect();
        if !named.is_empty() {
            return named;
        }
        let each = ports.iter().flat_map(|port| self.at_port(port, transport));
        each.collect()
    }

    /// Names are compared without regard to case (RFC 6335 section 5.1).
    fn of_name(&self, name: &str, transport: Option<Transport>) -> Vec<Found<'_>> {
        let mut pairs: Vec<(Option<u16>, Option<Transport>, Record<'_>)> = Vec::new();
        for record in self.records().iter() {
            if !record.name().eq_ignore_ascii_case(name)
                || transport.is_some_and(|transport| record.transport() != Some(transport))
            {
                continue;
            }
            match record.ports() {
                Some(ports) => pairs.extend(
                    ports
                        .iter()
                        .map(|port| (Some(port), record.transport(), record)),
                ),
                None => pairs.push((None, record.transport(), record)),
            }
        }
        pairs.sort_by_key(|&(port, transport, _)| {
            (port.is_none(), port, transport.map(Transport::protocol))
        });
        pairs.dedup_by_key(|&mut (port, transport, _)| (port, transport));
        pairs
            .into_iter()
            .map(|(port, transport, record)| match (port, transport) {
                (Some(port), Some(transport)) => {
                    let decided = self.decided(PortKey::new(port, transport));
                    self.found(port, decided.unwrap_or(record))
                }
                (Some(port), None) => self.found(port, record),
                (None, _) => Found {
                    port: None,
                    ..self.found(0, record)
                },
            })
            .collect()
    }

    fn found<'registry>(&'registry self, port: u16, record: Record<'registry>) -> Found<'registry> {
        let column = |column| Some(record.column(column)).filter(|text| !text.is_empty());
        let service = column(Column::ServiceName);
        let key = record
            .transport()
            .map(|transport| PortKey::new(port, transport));
        let mut other_names = Vec::new();
        let mut beneath = None;
        if service.is_some() && record.ports().is_some() {
            let same_pair =
                |other: &Record<'_>| other.covers(port) && other.transport() == record.transport();
            for other in self.records().iter().filter(same_pair) {
                if other.is_named()
                    && other.name() != record.name()
                    && !other_names.contains(&other.name())
                {
                    other_names.push(other.name());
                }
            }
            beneath = self
                .preferred
                .iter()
                .find(|&&(preferred, _)| Some(preferred) == key);
        }
        Found {
            port: Some(port),
            transport: record.transport().map(Transport::name),
            status: record.status(),
            service,
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
            layer: Some(if beneath.is_some() {
                Layer::Preferred
            } else {
                Layer::Iana
            }),
            beneath: beneath
                .map(|&(_, index)| Beneath {
                    layer: Layer::Iana,
                    service: self.records().get(index).name(),
                })
                .into_iter()
                .collect(),
        }
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
        beneath: Vec::new(),
    }
}
