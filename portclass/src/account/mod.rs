//! The accounting: counters in, [`Snapshot`] out. It knows neither where counters come from nor who reads snapshots.

mod protocol;
mod snapshot;

use std::{
    collections::{BTreeMap, HashMap},
    time::{Instant, SystemTime},
};

use portclass_common::{
    counter::{Counter, FIRST_SLOT},
    label::{Class, Service},
    packet::Reason,
    transport::Transport,
};

pub use snapshot::{
    Direction, InterfaceInfo, PortRow, Rates, RegistryInfo, ServiceRow, Snapshot, Sort, Totals,
    UnlabelledRow,
};

/// Follows the counters of a run and turns them into snapshots.
pub struct Account {
    registry: RegistryInfo,
    interfaces: Vec<InterfaceInfo>,
    sort: Sort,
    /// What the slots mean that have counted anything so far. A slot never changes its meaning.
    meanings: HashMap<u32, Service>,
    previous: Vec<Counter>,
    previous_at: Instant,
}

impl Account {
    /// An account that starts at `now` with all counters at 0.
    pub fn new(
        registry: RegistryInfo,
        interfaces: Vec<InterfaceInfo>,
        sort: Sort,
        now: Instant,
    ) -> Self {
        Self {
            registry,
            interfaces,
            sort,
            meanings: HashMap::new(),
            previous: Vec::new(),
            previous_at: now,
        }
    }

    /// A snapshot of `counters`, with the rates since the snapshot before; `meaning` tells what a slot means.
    pub fn interval(
        &mut self,
        counters: Vec<Counter>,
        now: Instant,
        meaning: impl Fn(u32) -> Option<Service>,
    ) -> Snapshot {
        let seconds = now
            .saturating_duration_since(self.previous_at)
            .as_secs_f64();
        let snapshot = self.snapshot(&counters, Some(seconds), meaning);
        self.previous = counters;
        self.previous_at = now;
        snapshot
    }

    /// A snapshot of the whole run, without rates.
    pub fn whole(
        &mut self,
        counters: &[Counter],
        meaning: impl Fn(u32) -> Option<Service>,
    ) -> Snapshot {
        self.snapshot(counters, None, meaning)
    }

    fn snapshot(
        &mut self,
        counters: &[Counter],
        seconds: Option<f64>,
        meaning: impl Fn(u32) -> Option<Service>,
    ) -> Snapshot {
        let mut services = BTreeMap::<(String, Transport), Vec<(u16, Tally)>>::new();
        let mut reasons = BTreeMap::<(Class, Option<&'static str>, Option<String>), Tally>::new();
        for (index, &now) in (0_u32..).zip(counters) {
            if now.packets() == 0 {
                continue;
            }
            let before = self
                .previous
                .get(index as usize)
                .copied()
                .unwrap_or_default();
            let tally = Tally::new(now, before);
            if let Some(slot) = index.checked_sub(FIRST_SLOT) {
                let Some(service) = self.meaning(slot, &meaning) else {
                    continue;
                };
                let (Some(class), Some(transport)) = (service.class(), service.transport()) else {
                    continue;
                };
                if class == Class::Labelled {
                    let ports = services
                        .entry((service.name().to_owned(), transport))
                        .or_default();
                    ports.push((service.port(), tally));
                } else {
                    reasons
                        .entry((class, Some(transport.name()), None))
                        .or_default()
                        .add(tally);
                }
            } else if let Some(reason) = Reason::at_counter(index) {
                let (transport, detail) = carried(reason);
                reasons
                    .entry((reason.class(), transport, detail))
                    .or_default()
                    .add(tally);
            }
        }
        let mut services: Vec<_> = services
            .into_iter()
            .map(|((service, transport), ports)| {
                ServiceRow::new(service, transport, &ports, seconds)
            })
            .collect();
        let mut unlabelled: Vec<_> = reasons
            .into_iter()
            .map(|((class, transport, detail), tally)| {
                UnlabelledRow::new(class, transport, detail, tally, seconds)
            })
            .collect();
        let totals = Totals::of(&services, &unlabelled);
        self.sort.apply(&mut services);
        unlabelled.sort_by(|one, other| one.rank().cmp(&other.rank()));
        let mut snapshot = Snapshot::new(
            SystemTime::now(),
            seconds,
            self.registry.clone(),
            self.interfaces.clone(),
            totals,
        );
        snapshot.services = services;
        snapshot.unlabelled = unlabelled;
        snapshot
    }

    fn meaning(&mut self, slot: u32, meaning: impl Fn(u32) -> Option<Service>) -> Option<Service> {
        if let Some(service) = self.meanings.get(&slot) {
            return Some(*service);
        }
        let service = meaning(slot)?;
        self.meanings.insert(slot, service);
        Some(service)
    }
}

/// The transport or the detail that a reason's row carries.
fn carried(reason: Reason) -> (Option<&'static str>, Option<String>) {
    match reason {
        Reason::Dynamic(transport) | Reason::Unassigned(transport) => {
            (Some(transport.name()), None)
        }
        Reason::Fragment { protocol } => match Transport::of_protocol(protocol) {
            Some(transport) => (Some(transport.name()), None),
            None => (None, Some(protocol::name(protocol))),
        },
        Reason::Protocol { protocol } => (None, Some(protocol::name(protocol))),
        Reason::NonIp(kind) => (None, Some(kind.name().to_owned())),
        Reason::Truncated | Reason::Malformed | Reason::TooDeep => (None, None),
    }
}

/// A counter, and how much of it belongs to the interval.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    whole: Counter,
    interval: Counter,
}

impl Tally {
    fn new(now: Counter, before: Counter) -> Self {
        Self {
            whole: now,
            interval: now.since(before),
        }
    }

    fn add(&mut self, other: Self) {
        self.whole = self.whole.plus(other.whole);
        self.interval = self.interval.plus(other.interval);
    }
}

#[cfg(test)]
mod tests;
