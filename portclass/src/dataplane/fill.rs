//! Putting a registry into the maps, without ever giving a slot a second meaning.

use std::collections::HashMap;

use aya::maps::{self, MapData};
use portclass_common::{
    label::{Class, Label, MAX_SLOTS, Service},
    names,
    port::PortKey,
    settings::{Contents, State},
};
use thiserror::Error;

use super::{DataplaneError, mapped::Mapped, object::Shared};
use crate::registry::{Entry, Registry};

/// What filling changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Entries that are new or have another label.
    pub written: u32,
    /// Entries that were there already.
    pub kept: u32,
    /// Entries that the registry does not have any more.
    pub removed: u32,
    /// Slots that got a meaning.
    pub new_slots: u32,
    /// What the maps hold now.
    pub contents: Contents,
}

/// Why a registry cannot be put into the maps, which stay as they were.
#[derive(Debug, Error)]
pub enum FillError {
    /// The registry is larger than the maps.
    #[error("the registry needs {needed} slots, and the maps have {capacity}{}", too_many(*.needed, *.pinned))]
    TooLarge {
        /// Slots that are needed, those of names that the maps held before included.
        needed: usize,
        /// Slots that there are.
        capacity: u32,
        /// Whether the maps are pinned ones.
        pinned: bool,
    },
    /// The kernel refuses.
    #[error(transparent)]
    Kernel(#[from] DataplaneError),
}

fn too_many(needed: usize, pinned: bool) -> String {
    if needed > MAX_SLOTS as usize {
        format!("; no more than {MAX_SLOTS} are possible")
    } else if pinned {
        "; make larger ones: portclass detach, then portclass load".to_owned()
    } else {
        String::new()
    }
}

/// The maps that hold the registry.
pub(super) struct Target<'maps> {
    pub(super) registry: maps::HashMap<&'maps mut MapData, Shared<PortKey>, Shared<Label>>,
    pub(super) services: &'maps mut Mapped<Service>,
    pub(super) state: State,
    pub(super) pinned: bool,
}

impl Target<'_> {
    /// Makes the maps hold `entries` and nothing else, and returns what has changed and the state to publish.
    pub(super) fn fill(&mut self, registry: &Registry) -> Result<(Changes, State), FillError> {
        let before = self.state.contents();
        let mut slots: HashMap<Service, u16> = (0..before.slots.min(self.services.len()))
            .map(|slot| (self.services.get(slot), slot as u16))
            .collect();
        let first_new = slots.len();
        let mut new_services = Vec::new();
        let mut wanted = Vec::new();
        let mut named_pairs = 0;
        for entry in registry.entries() {
            let service = service(&entry);
            let next = first_new + new_services.len();
            let slot = *slots.entry(service).or_insert_with(|| {
                new_services.push(service);
                // Beyond `u16` the registry is refused below, before anything is written.
                next as u16
            });
            wanted.push((entry.key, Label::new(slot, entry.class)));
            named_pairs += u32::from(entry.class == Class::Labelled && !entry.any_transport);
        }
        let needed = first_new + new_services.len();
        if needed > self.services.len() as usize {
            return Err(FillError::TooLarge {
                needed,
                capacity: self.services.len(),
                pinned: self.pinned,
            });
        }
        for (slot, service) in (first_new as u32..).zip(&new_services) {
            self.services.set(slot, *service);
        }
        let mut changes = self.replace(&wanted)?;
        changes.new_slots = new_services.len() as u32;
        changes.contents = Contents {
            registry_date: registry.updated().map_or(0, date_number),
            slots: needed as u32,
            entries: wanted.len() as u32,
            named_pairs,
            layers: registry.layers().bits(),
        };
        let state = State::new(self.state.generation().wrapping_add(1), changes.contents);
        Ok((changes, state))
    }

    /// Removes what is not wanted before it writes what is, so that the map never needs room for both.
    fn replace(&mut self, wanted: &[(PortKey, Label)]) -> Result<Changes, DataplaneError> {
        let failed = |error: maps::MapError| DataplaneError::map(names::REGISTRY, &error);
        let mut changes = Changes::default();
        let mut present: HashMap<PortKey, Label> = HashMap::new();
        if self.state.contents().entries > 0 {
            for pair in self.registry.iter() {
                let (key, label) = pair.map_err(failed)?;
                present.insert(key.0, label.0);
            }
        }
        let mut stale = present.clone();
        for (key, _) in wanted {
            stale.remove(key);
        }
        for key in stale.keys() {
            self.registry.remove(&Shared(*key)).map_err(failed)?;
            changes.removed += 1;
        }
        for (key, label) in wanted {
            if present.get(key) == Some(label) {
                changes.kept += 1;
                continue;
            }
            self.registry
                .insert(Shared(*key), Shared(*label), 0)
                .map_err(failed)?;
            changes.written += 1;
        }
        Ok(changes)
    }
}

/// Names that the maps have no room for are refused on reading, and entries always have a transport.
fn service(entry: &Entry<'_>) -> Service {
    entry
        .key
        .transport()
        .and_then(|transport| Service::new(entry.name, entry.key.port(), transport, entry.class))
        .expect("the registry's readers refuse what a slot cannot hold")
}

/// `YYYY-MM-DD` as the number `yyyymmdd`; 0 for anything else.
fn date_number(date: &str) -> u32 {
    date.replace('-', "").parse().unwrap_or(0)
}
