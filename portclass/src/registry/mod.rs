//! The registry of service names and ports: bytes in, registry out. It knows no kernel.
//!
//! A reader turns a file into [`Records`], one row each as its author wrote it. [`Registry`] lays the files over all
//! ports of all transports, one on top of the other, and answers which name, and which status, a port has, and which
//! [`Layer`] says so.

mod check;
mod column;
mod contradiction;
mod date;
mod diff;
mod error;
mod finding;
mod format;
mod index;
mod layer;
mod lookup;
mod merge;
mod plane;
mod query;
mod reader;
mod reading;
mod record;
mod slots;
mod source;
mod sources;
mod status;

use std::{ops::Range, sync::Arc};

use portclass_common::{label::Class, port::PortKey, transport::Transport};

pub use check::check;
pub use column::Column;
pub use date::{Date, DateError};
pub use diff::{Change, Diff, Subject as DiffSubject};
pub use error::RegistryError;
pub use finding::{Finding, Findings, Kind, Severity};
pub use format::Format;
pub use index::Index;
pub use layer::{Layer, Layers};
pub use lookup::{Beneath, Found};
pub use merge::Merged;
pub use query::{NamePattern, Query, QueryError};
pub use record::{Ports, Record, Records};
pub use slots::Slots;
pub use source::{MAX_FILE_BYTES, MAX_RECORDS, SHIPPED_NAME};
pub use sources::Sources;
pub use status::Status;

use self::plane::{NONE, Plane};

/// All records of a registry, laid over the 65,536 ports of each transport.
pub struct Registry {
    /// The rows of all files, those of lower layers first.
    records: Records,
    files: Vec<RegistryFile>,
    /// The record that decides a port, for each transport.
    planes: [Plane; Transport::ALL.len()],
    /// Records that preferred names put on top of the ones that the registry lists first.
    preferred: Vec<(PortKey, u32)>,
    layers: Layers,
    updated: Option<Date>,
}

/// A file that a registry is made of.
struct RegistryFile {
    name: Arc<str>,
    layer: Layer,
    rows: Range<u32>,
}

/// A port of a transport that the kernel has to know: it has a name, or a status of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'registry> {
    /// Port and transport.
    pub key: PortKey,
    /// [`Class::Labelled`] for named ports, otherwise reserved, private-use or withdrawn.
    pub class: Class,
    /// The canonical name; empty unless labelled.
    pub name: &'registry str,
    /// Whether the name belongs to the port on any transport, not to the pair.
    pub any_transport: bool,
}

impl Registry {
    /// A registry without a record.
    pub fn empty() -> Self {
        Self {
            records: Records::default(),
            files: Vec::new(),
            planes: Default::default(),
            preferred: Vec::new(),
            layers: Layers::default(),
            updated: None,
        }
    }

    /// Lays the records from `first` on, those of one file, over what lies there. Among them the ones of lower rank come
    /// first, and of one rank the ones that stand first.
    fn lay(&mut self, name: Arc<str>, layer: Layer, first: u32) {
        let rows = first..self.records.len();
        let mut by_rank: [Vec<u32>; Record::RANKS] = Default::default();
        for index in rows.clone() {
            let record = self.records.get(index);
            if record.ports().is_some() {
                by_rank[record.rank()].push(index);
            }
        }
        for (transport, plane) in Transport::ALL.into_iter().zip(&mut self.planes) {
            let mut laying = plane.lay();
            for &index in by_rank.iter().flatten() {
                let record = self.records.get(index);
                if let Some(ports) = record.ports().filter(|_| record.is_for(transport)) {
                    laying.put(ports, index);
                }
            }
        }
        self.layers = self.layers.with(layer);
        self.files.push(RegistryFile { name, layer, rows });
    }

    /// Puts names of the registry's own on top of the ones that stand first; names that it does not have are left
    /// out.
    fn prefer(&mut self) {
        let names: Vec<_> = layer::preferred_names().collect();
        for index in 0..self.records.len() {
            let record = self.records.get(index);
            let Some((ports, transport)) = record.ports().zip(record.transport()) else {
                continue;
            };
            for &(key, name) in &names {
                if key.transport() == Some(transport)
                    && ports.contains(key.port())
                    && record.name() == name
                {
                    let decided = self.planes[transport.index() as usize].decide(key.port(), index);
                    if decided != index {
                        self.preferred.push((key, index));
                    }
                }
            }
        }
        self.layers = self.layers.with(Layer::Preferred);
    }

    fn deciding(&self, key: PortKey) -> u32 {
        let transport = key.transport().map_or(0, Transport::index);
        self.planes[transport as usize].get(key.port())
    }

    fn decided(&self, key: PortKey) -> Option<Record<'_>> {
        let index = self.deciding(key);
        (index != NONE).then(|| self.records.get(index))
    }

    /// The file that a row stands in.
    fn file(&self, index: u32) -> &RegistryFile {
        self.files
            .iter()
            .find(|file| file.rows.contains(&index))
            .expect("every row was laid with its file")
    }

    /// Every port of a transport that has a name or is reserved, for private use or withdrawn, by port and then by
    /// IP protocol number.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        (0..=u16::MAX).flat_map(move |port| {
            Transport::ALL.into_iter().filter_map(move |transport| {
                let key = PortKey::new(port, transport);
                let record = self.decided(key)?;
                Some(Entry {
                    key,
                    class: record.status().class()?,
                    name: record.name(),
                    any_transport: record.is_named() && record.transport().is_none(),
                })
            })
        })
    }

    /// Named (port, transport) pairs, ranges expanded, any-transport ports left out.
    pub fn named_pairs(&self) -> usize {
        self.entries()
            .filter(|entry| entry.class == Class::Labelled && !entry.any_transport)
            .count()
    }

    /// What the registry says of a port of a transport.
    pub fn status(&self, key: PortKey) -> Status {
        self.decided(key)
            .map_or_else(|| Status::of_unlisted(key.port()), Record::status)
    }

    /// All records, file by file, those of lower layers first.
    pub fn records(&self) -> &Records {
        &self.records
    }

    /// All records, each with its layer and the name of its file.
    pub fn records_of_files(&self) -> impl Iterator<Item = (Layer, &str, Record<'_>)> {
        self.files.iter().flat_map(move |file| {
            file.rows
                .clone()
                .map(move |index| (file.layer, &*file.name, self.records.get(index)))
        })
    }

    /// The layers that this registry is made of.
    pub fn layers(&self) -> Layers {
        self.layers
    }

    /// The day of the snapshot, where it is known.
    pub fn updated(&self) -> Option<Date> {
        self.updated
    }
}
