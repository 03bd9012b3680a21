//! Putting a registry into the maps, without ever giving a slot a second meaning.

use std::{
    collections::HashMap,
    sync::atomic::{Ordering, fence},
};

use aya::maps::{self, Array, MapData};
use portclass_common::{
    label::{Label, MAX_SLOTS, Service},
    names,
    port::PortKey,
    settings::{Contents, State},
};
use thiserror::Error;

use super::{DataplaneError, mapped::Mapped, object::Shared};
use crate::registry::{Registry, Slots};

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
    #[error("the registry needs {needed} slots{}, and the maps have {capacity}{}",
            if needed > entries { ", those of earlier names included" } else { "" }, too_many(*.entries, *.pinned))]
    TooLarge {
        /// Slots that are needed, those of names that the maps held before included.
        needed: usize,
        /// Slots that are needed in maps that held nothing before.
        entries: usize,
        /// Slots that there are.
        capacity: u32,
        /// Whether the maps are pinned ones.
        pinned: bool,
    },
    /// The kernel refuses.
    #[error(transparent)]
    Kernel(#[from] DataplaneError),
}

fn too_many(entries: usize, pinned: bool) -> String {
    if entries > MAX_SLOTS as usize {
        format!("; no more than {MAX_SLOTS} are possible")
    } else if pinned {
        "; make larger ones: portclass detach, then portclass load".to_owned()
    } else {
        "; new ones have room: end this run and start it again".to_owned()
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
    /// their meaning, and entries that the next one puts right. The generation is another one in the end, also where the
    /// kernel refuses an entry midway: programs must not remember what stood there before.
    pub(super) fn fill(&mut self, registry: &Registry) -> Result<Changes, FillError> {
        let before = self.state()?.contents();
        let Slots {
            labels,
            new_services,
            contents,
        } = self.slots(registry, before.slots)?;
        for (slot, service) in (before.slots..).zip(&new_services) {
            self.services.set(slot, *service);
        }
        let grown = Contents {
            slots: contents.slots,
            ..before
        };
        self.publish(State::new(self.state()?.generation(), grown))?;

        let replaced = self.replace(&labels);
        // Whoever sees the new generation must see the entries that it is of.
        fence(Ordering::SeqCst);
        // Others may have bumped it meanwhile, and none may come twice.
        let next = self.state()?.generation().wrapping_add(1);
        let holds = if replaced.is_ok() { contents } else { grown };
        self.publish(State::new(next, holds))?;
        Ok(Changes {
            new_slots: new_services.len() as u32,
            contents,
            ..replaced?
        })
    }

    /// Finds a slot for every entry, if there are enough. `used` slots have a meaning.
    fn slots(&self, registry: &Registry, used: u32) -> Result<Slots, FillError> {
        let capacity = self.services.len();
        let meaning = |slot| (slot < capacity).then(|| self.services.get(slot));
        let slots = Slots::of(registry, used, meaning);
        if slots.contents.slots > capacity {
            return Err(FillError::TooLarge {
                needed: slots.contents.slots as usize,
                entries: slots.labels.len(),
                capacity,
                pinned: self.pinned,
            });
        }
        Ok(slots)
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
