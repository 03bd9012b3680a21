//! Which slot counts which entry: the same numbers wherever a registry is put.

use std::collections::HashMap;

use portclass_common::{
    label::{Class, Label, Service},
    port::PortKey,
    settings::Contents,
};

use super::{Date, Entry, Registry};

/// A slot for every entry of a registry.
#[derive(Clone, Debug)]
pub struct Slots {
    /// The label of every entry, in their order.
    pub labels: Vec<(PortKey, Label)>,
    /// Meanings of the slots from the first unused one on.
    pub new_services: Vec<Service>,
    /// What whoever takes this over holds then. Slots may be more than there is room for.
    pub contents: Contents,
}

impl Slots {
    /// Finds a slot for every entry, an old one where one has that meaning. `used` slots have a meaning, which `service`
    /// tells.
    pub fn of(registry: &Registry, used: u32, service: impl Fn(u32) -> Option<Service>) -> Self {
        let mut slots: HashMap<Service, u32> = (0..used)
            .map_while(|slot| Some((service(slot)?, slot)))
            .collect();
        let mut labels = Vec::new();
        let mut new_services = Vec::new();
        let mut named_pairs = 0;
        for entry in registry.entries() {
            let service = meaning(&entry);
            let slot = *slots.entry(service).or_insert_with(|| {
                new_services.push(service);
                used + new_services.len() as u32 - 1
            });
            // Whoever has no room for all slots refuses the registry, so that none beyond `u16` is used.
            labels.push((entry.key, Label::new(slot as u16, entry.class)));
            named_pairs += u32::from(entry.class == Class::Labelled && !entry.any_transport);
        }
        let contents = Contents {
            registry_date: registry.updated().map_or(0, Date::number),
            slots: used + new_services.len() as u32,
            entries: labels.len() as u32,
            named_pairs,
            layers: registry.layers().bits(),
        };
        Self {
            labels,
            new_services,
            contents,
        }
    }
}

/// Names that a slot has no room for are refused on reading, and entries always have a transport.
fn meaning(entry: &Entry<'_>) -> Service {
    entry
        .key
        .transport()
        .and_then(|transport| Service::new(entry.name, entry.key.port(), transport, entry.class))
        .expect("the registry's readers refuse what a slot cannot hold")
}
