//! Putting a registry into the maps, without ever giving a slot a second meaning.

use std::collections::HashMap;

use aya::maps::{self, Array, MapData};
use portclass_common::{
    label::{Class, Label, MAX_SLOTS, Service},
    names,
    port::PortKey,
    settings::{Contents, State},
};
use thiserror::Error;

use super::{DataplaneError, mapped::Mapped, object::Shared};
use crate::registry::{Date, Entry, Registry};

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
    pub(super) state: Array<&'maps mut MapData, Shared<State>>,
    pub(super) pinned: bool,
}

impl Target<'_> {
    /// Makes the maps hold the registry's entries and nothing else, and returns what has changed.
    ///
    /// New slots are published before any key leads to them. Whoever is interrupted after that leaves slots that keep
    /// their meaning, and entries that the next one puts right.
    pub(super) fn fill(&mut self, registry: &Registry) -> Result<Changes, FillError> {
        let state = self.state()?;
        let before = state.contents();
        let Plan {
            wanted,
            new_services,
            named_pairs,
        } = self.plan(registry, before.slots)?;
        for (slot, service) in (before.slots..).zip(&new_services) {
            self.services.set(slot, *service);
        }
        let slots = before.slots + new_services.len() as u32;
        self.publish(State::new(state.generation(), Contents { slots, ..before }))?;

        let mut changes = self.replace(&wanted)?;
        changes.new_slots = new_services.len() as u32;
        changes.contents = Contents {
            registry_date: registry.updated().map_or(0, Date::number),
            slots,
            entries: wanted.len() as u32,
            named_pairs,
            layers: registry.layers().bits(),
        };
        self.publish(State::new(
            state.generation().wrapping_add(1),
            changes.contents,
        ))?;
        Ok(changes)
    }

    /// Finds a slot for every entry, an old one where the maps have one of that meaning. `used` slots have a meaning.
    fn plan(&self, registry: &Registry, used: u32) -> Result<Plan, FillError> {
        let mut slots: HashMap<Service, u32> = (0..used.min(self.services.len()))
            .map(|slot| (self.services.get(slot), slot))
            .collect();
        let mut plan = Plan::default();
        for entry in registry.entries() {
            let service = service(&entry);
            let slot = *slots.entry(service).or_insert_with(|| {
                plan.new_services.push(service);
                used + plan.new_services.len() as u32 - 1
            });
            // Beyond `u16` the registry is refused below, before anything is written.
            plan.wanted
                .push((entry.key, Label::new(slot as u16, entry.class)));
            plan.named_pairs += u32::from(entry.class == Class::Labelled && !entry.any_transport);
        }
        let needed = used as usize + plan.new_services.len();
        if needed > self.services.len() as usize {
            return Err(FillError::TooLarge {
                needed,
                capacity: self.services.len(),
                pinned: self.pinned,
            });
        }
        Ok(plan)
    }

    fn state(&self) -> Result<State, DataplaneError> {
        let state = self.state.get(&0, 0);
        Ok(state
            .map_err(|error| DataplaneError::map(names::STATE, &error))?
            .0)
    }

    fn publish(&mut self, state: State) -> Result<(), DataplaneError> {
        let published = self.state.set(0, Shared(state), 0);
        published.map_err(|error| DataplaneError::map(names::STATE, &error))
    }

    /// Removes what is not wanted before it writes what is, so that the map never needs room for both.
    fn replace(&mut self, wanted: &[(PortKey, Label)]) -> Result<Changes, DataplaneError> {
        let failed = |error: maps::MapError| DataplaneError::map(names::REGISTRY, &error);
        let mut changes = Changes::default();
        let mut present: HashMap<PortKey, Label> = HashMap::new();
        for pair in self.registry.iter() {
            let (key, label) = pair.map_err(failed)?;
            present.insert(key.0, label.0);
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

/// What filling is about to do.
#[derive(Default)]
struct Plan {
    wanted: Vec<(PortKey, Label)>,
    /// Meanings of the slots from the first unused one on.
    new_services: Vec<Service>,
    named_pairs: u32,
}

/// Names that the maps have no room for are refused on reading, and entries always have a transport.
fn service(entry: &Entry<'_>) -> Service {
    entry
        .key
        .transport()
        .and_then(|transport| Service::new(entry.name, entry.key.port(), transport, entry.class))
        .expect("the registry's readers refuse what a slot cannot hold")
}
