//! The accounting: counters in, [`Snapshot`] out. It knows neither where counters come from nor who reads snapshots.

mod protocol;
mod snapshot;

use std::{
    collections::{BTreeMap, HashMap},
    time::Instant,
};

use portclass_common::{
    counter::{Counter, FIRST_SLOT},
    label::{Class, Service},
    packet::Reason,
    transport::Transport,
};

pub use protocol::name as protocol_name;
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

    /// Follows an interface to its new name.
    pub fn rename_interface(&mut self, index: u32, name: &str) {
        for interface in &mut self.interfaces {
            if interface.index == index {
                name.clone_into(&mut interface.name);
            }
        }
    }

    /// Names the registry that labels come from now, after somebody has changed it.
    pub fn set_registry(&mut self, registry: RegistryInfo) {
        self.registry = registry;
    }

    fn snapshot(
        &mut self,
        counters: &[Counter],
        seconds: Option<f64>,
        meaning: impl Fn(u32) -> Option<Service>,
    ) -> Snapshot {
        let (services, reasons) = self.tally(counters, meaning);
        let mut services: Vec<_> = services
            .into_iter()
            .map(|((service, transport), ports)| {
                ServiceRow::new(service, transport, &ports, seconds)
            })
            .collect();
        self.sort.apply(&mut services);
        let mut unlabelled: Vec<_> = reasons
            .into_iter()
            .map(|((class, transport, detail), tally)| {
                UnlabelledRow::new(class, transport, detail, tally, seconds)
            })
            .collect();
        unlabelled.sort_by(|one, other| one.rank().cmp(&other.rank()));
        // Not the sum of the rows, so that a counter without a row would show.
        let total = counters
            .iter()
            .copied()
            .fold(Counter::default(), Counter::plus);
        Snapshot::new(
            seconds,
            self.registry.clone(),
            self.interfaces.clone(),
            total.into(),
            services,
            unlabelled,
        )
    }

    /// What every counter that has counted anything belongs to.
    fn tally(
        &mut self,
        counters: &[Counter],
        meaning: impl Fn(u32) -> Option<Service>,
    ) -> (Services, Reasons) {
        let mut services = Services::new();
        let mut reasons = Reasons::new();
        for (index, &now) in (0..).zip(counters) {
            if now.packets() == 0 {
                continue;
            }
            let before = self.previous.get(index as usize).copied();
            let tally = Tally::new(now, before.unwrap_or_default());
            match self.belongs_to(index, &meaning) {
                Row::Service(name, transport, port) => {
                    let ports = services.entry((name, transport)).or_default();
                    ports.push((port, tally));
                }
                Row::Reason(class, transport, detail) => {
                    let key = (class, transport, detail);
                    reasons.entry(key).or_default().add(tally);
                }
            }
        }
        (services, reasons)
    }

    fn belongs_to(&mut self, index: u32, meaning: impl Fn(u32) -> Option<Service>) -> Row {
        if let Some(reason) = Reason::at_counter(index) {
            let (transport, detail) = carried(reason);
            return Row::Reason(reason.class(), transport, detail);
        }
        let slot = index.wrapping_sub(FIRST_SLOT);
        let known = self.meaning(slot, meaning);
        let known =
            known.and_then(|service| Some((service, service.class()?, service.transport()?)));
        match known {
            Some((service, Class::Labelled, transport)) => {
                Row::Service(service.name().to_owned(), transport, service.port())
            }
            Some((_, class, transport)) => Row::Reason(class, Some(transport.name()), None),
            // Somebody else has put a slot into the pinned registry and has given it no meaning.
            None => Row::Reason(Class::Unassigned, None, Some(format!("slot {slot}"))),
        }
    }

    fn meaning(&mut self, slot: u32, meaning: impl Fn(u32) -> Option<Service>) -> Option<Service> {
        if let Some(service) = self.meanings.get(&slot) {
            return Some(*service);
        }
        let service = meaning(slot).filter(|service| service.key().is_some())?;
        self.meanings.insert(slot, service);
        Some(service)
    }
}

/// Tallies by name and transport, one a slot, each with its port.
type Services = BTreeMap<(String, Transport), Vec<(u16, Tally)>>;

/// Tallies by class, transport and detail.
type Reasons = BTreeMap<(Class, Option<&'static str>, Option<String>), Tally>;

/// What a counter belongs to.
enum Row {
    /// A service's name, its transport and its port.
    Service(String, Transport, u16),
    /// A class, and the transport or the detail that it carries.
    Reason(Class, Option<&'static str>, Option<String>),
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
