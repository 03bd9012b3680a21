//! The registry of service names and ports: bytes in, registry out. It knows no kernel.
//!
//! A reader turns a file into [`Records`], one row each as IANA wrote it. [`Registry`] lays them over all
//! ports of all transports and answers which name, and which status, a port has, and which [`Layer`] says so.

mod csv;
mod finding;
mod layer;
mod lookup;
mod query;
mod record;
mod source;
mod status;

use std::{ops::RangeInclusive, path::PathBuf};

use portclass_common::{label::Class, port::PortKey, transport::Transport};

pub use finding::{Column, Finding, RegistryError};
pub use layer::{Layer, Layers};
pub use lookup::{Beneath, Found};
pub use query::{Query, QueryError};
pub use record::{Ports, Record, Records};
pub use source::{MAX_FILE_BYTES, MAX_RECORDS};
pub use status::Status;

/// Which files make up a registry.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The registry file, or `None` for the one that is shipped inside the binary.
    pub registry: Option<PathBuf>,
    /// Whether the reviewed table of preferred names lies on top of IANA's order.
    pub preferred_names: bool,
}

impl Default for Sources {
    fn default() -> Self {
        Self {
            registry: None,
            preferred_names: true,
        }
    }
}

/// No record.
const NONE: u32 = u32::MAX;

/// All records of a registry, laid over the 65,536 ports of each transport.
pub struct Registry {
    records: Records,
    /// The record that decides a port, by transport and port, or [`NONE`].
    deciding: Vec<u32>,
    /// Records that preferred names put on top of the ones that IANA lists first.
    preferred: Vec<(PortKey, u32)>,
    layers: Layers,
    updated: Option<String>,
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
    /// Reads the files that `sources` names, and gives every record that could not be used as a [`Finding`].
    ///
    /// # Errors
    ///
    /// A file that cannot be read, is too large, or holds no registry at all.
    pub fn load(sources: &Sources) -> Result<(Self, Vec<Finding>), RegistryError> {
        let shipped = sources.registry.is_none();
        let (name, bytes) = source::read(sources.registry.as_deref())?;
        let (records, findings) = csv::read(&name, &bytes)?;
        let mut registry = Self::new(records);
        if shipped {
            registry.updated = Some(source::SHIPPED_DATE.to_owned());
        }
        if sources.preferred_names {
            registry.prefer(layer::preferred_names());
        }
        Ok((registry, findings))
    }

    /// Lays `records` over the ports: a name for exactly this transport first, then a name for any transport, then
    /// the status that a row without a name gives, again for exactly this transport first.
    pub fn new(records: Records) -> Self {
        let mut registry = Self {
            deciding: vec![NONE; Transport::ALL.len() * 65_536],
            records,
            preferred: Vec::new(),
            layers: Layers::default().with(Layer::Iana),
            updated: None,
        };
        let undecided = &mut Undecided::new(registry.deciding.len());
        registry.lay(undecided, |record| {
            record.is_named() && record.transport().is_some() && !record.is_alias()
        });
        registry.lay(undecided, |record| {
            record.is_named() && record.transport().is_some()
        });
        registry.lay(undecided, |record| {
            record.is_named() && record.transport().is_none()
        });
        registry.lay(undecided, |record| {
            !record.is_named() && record.transport().is_some()
        });
        registry.lay(undecided, |record| {
            !record.is_named() && record.transport().is_none()
        });
        registry
    }

    /// Lets records that `takes_part` decide the ports that no earlier one has decided.
    fn lay(&mut self, undecided: &mut Undecided, takes_part: impl Fn(Record<'_>) -> bool) {
        for index in 0..self.records.len() {
            let record = self.records.get(index);
            let Some(ports) = record.ports().filter(|_| takes_part(record)) else {
                continue;
            };
            for transport in Transport::ALL {
                if record.transport().is_none_or(|own| own == transport) {
                    let first = position(PortKey::new(*ports.iter().start(), transport));
                    let last = position(PortKey::new(*ports.iter().end(), transport));
                    undecided.take(first..=last, |position| self.deciding[position] = index);
                }
            }
        }
    }

    /// Puts names of the registry's own on top of the ones that stand first; names that it does not have are left
    /// out.
    fn prefer(&mut self, names: impl Iterator<Item = (PortKey, &'static str)>) {
        for (key, name) in names {
            let index = self
                .named_rows(key)
                .find(|&index| self.records.get(index).name() == name);
            let decided = &mut self.deciding[position(key)];
            if let Some(index) = index.filter(|index| index != decided) {
                self.preferred.push((key, *decided));
                *decided = index;
            }
        }
        self.layers = self.layers.with(Layer::Preferred);
    }

    /// The named rows of exactly this port and transport, in file order.
    fn named_rows(&self, key: PortKey) -> impl Iterator<Item = u32> {
        (0..self.records.len()).filter(move |&index| {
            let record = self.records.get(index);
            record.is_named() && record.transport() == key.transport() && record.covers(key.port())
        })
    }

    fn decided(&self, key: PortKey) -> Option<Record<'_>> {
        let index = self.deciding[position(key)];
        (index != NONE).then(|| self.records.get(index))
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

    /// All records, in file order.
    pub fn records(&self) -> &Records {
        &self.records
    }

    /// The layers that this registry is made of.
    pub fn layers(&self) -> Layers {
        self.layers
    }

    /// The day of the snapshot, `YYYY-MM-DD`, where it is known.
    pub fn updated(&self) -> Option<&str> {
        self.updated.as_deref()
    }
}

/// Where a key stands in [`Registry::deciding`].
fn position(key: PortKey) -> usize {
    let transport = key.transport().map_or(0, Transport::index);
    transport as usize * 65_536 + usize::from(key.port())
}

/// The positions that are not decided yet: a forest in which every decided one points towards the next that is not, so
/// that a file full of ranges over all ports is laid as fast as any.
struct Undecided(Vec<u32>);

impl Undecided {
    fn new(positions: usize) -> Self {
        Self((0..=positions as u32).collect())
    }

    /// Hands out and decides all undecided positions of `range`.
    fn take(&mut self, range: RangeInclusive<usize>, mut decide: impl FnMut(usize)) {
        let mut position = self.next(*range.start());
        while position <= *range.end() {
            decide(position);
            self.0[position] = position as u32 + 1;
            position = self.next(position);
        }
    }

    /// The first undecided position from `position` on; halves the way there for the next one who asks.
    fn next(&mut self, mut position: usize) -> usize {
        while self.0[position] as usize != position {
            let after = self.0[position] as usize;
            self.0[position] = self.0[after];
            position = after;
        }
        position
    }
}
