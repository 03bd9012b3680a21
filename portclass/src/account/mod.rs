//! The accounting: counters in, [`Snapshot`] out. It knows neither where counters come from nor who reads snapshots.

mod history;
mod origin;
mod program;
mod protocol;
mod row;
mod snapshot;
mod sort;
mod tally;

use std::time::Instant;

use portclass_common::{counter::Counter, label::Service};

pub use history::{History, HistoryReport, ServiceHistory};
pub use origin::{Direction, Origin};
pub use program::ProgramRuns;
pub use protocol::name as protocol_name;
pub use row::{PortRow, Rates, ServiceRow, TunnelRow, UnlabelledRow};
pub use snapshot::{Frames, InterfaceInfo, RegistryInfo, Snapshot, Tags, Totals};
pub use sort::Sort;

use origin::Place;
use tally::{Meanings, Tallies};

/// What an account is of, and what it tells.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The registry that labels come from.
    pub registry: RegistryInfo,
    /// The interfaces that frames are counted at.
    pub interfaces: Vec<InterfaceInfo>,
    /// Where each set of counters comes from; equal origins share their rows.
    pub origins: Vec<Origin>,
    /// The order of service rows.
    pub sort: Sort,
    /// Whether tunnels are told, because frames are decapsulated.
    pub tunnels: bool,
    /// Whether tags are told, because frames get one as metadata.
    pub tags: bool,
}

/// Follows the counters of a run and turns them into snapshots.
pub struct Account {
    observed: Observed,
    meanings: Meanings,
    previous: Vec<Vec<Counter>>,
    previous_at: Instant,
}

impl Account {
    /// An account whose first interval starts at `now` with all counters at 0.
    pub fn new(observed: Observed, now: Instant) -> Self {
        Self {
            observed,
            meanings: Meanings::default(),
            previous: Vec::new(),
            previous_at: now,
        }
    }

    /// A snapshot of `counters`, a set an origin and in their order, with the rates since the snapshot before;
    /// `meaning` tells what a slot means, the same for all origins.
    pub fn interval(
        &mut self,
        counters: Vec<Vec<Counter>>,
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
        counters: &[Vec<Counter>],
        meaning: impl Fn(u32) -> Option<Service>,
    ) -> Snapshot {
        self.snapshot(counters, None, meaning)
    }

    /// Follows an interface to its new name.
    pub fn rename_interface(&mut self, index: u32, name: &str) {
        for interface in &mut self.observed.interfaces {
            if interface.index == index {
                name.clone_into(&mut interface.name);
            }
        }
    }

    /// Names the registry that labels come from now, after somebody has changed it.
    pub fn set_registry(&mut self, registry: RegistryInfo) {
        self.observed.registry = registry;
    }

    fn snapshot(
        &mut self,
        counters: &[Vec<Counter>],
        seconds: Option<f64>,
        meaning: impl Fn(u32) -> Option<Service>,
    ) -> Snapshot {
        let observed = &self.observed;
        debug_assert_eq!(counters.len(), observed.origins.len(), "a set an origin");
        let mut tallies = Tallies::default();
        for (position, (origin, now)) in observed.origins.iter().zip(counters).enumerate() {
            let place = Place::new(*origin, &observed.interfaces);
            let before = self.previous.get(position).map_or(&[][..], Vec::as_slice);
            tallies.add(place, now, before, &mut self.meanings, &meaning);
        }
        let mut snapshot = Snapshot::new(
            seconds,
            observed.registry.clone(),
            observed.interfaces.clone(),
            tallies.totals(),
        );
        snapshot.tags = observed.tags.then(|| tallies.tags());
        snapshot.services = tallies
            .services
            .into_iter()
            .map(|((service, transport, place), ports)| {
                ServiceRow::new(service, transport, place, &ports, seconds)
            })
            .collect();
        observed.sort.apply(&mut snapshot.services);
        snapshot.unlabelled = tallies
            .reasons
            .into_iter()
            .map(|((class, transport, detail, place), tally)| {
                UnlabelledRow::new(class, transport, detail, place, tally, seconds)
            })
            .collect();
        snapshot
            .unlabelled
            .sort_by(|one, other| one.rank().cmp(&other.rank()));
        if observed.tunnels {
            let mut tunnels: Vec<_> = tallies
                .tunnels
                .into_iter()
                .map(|((service, transport, place), tally)| {
                    TunnelRow::new(service, transport, place, tally, seconds)
                })
                .collect();
            // They come by name, and sorting is stable.
            tunnels.sort_by_key(|row| std::cmp::Reverse(row.bytes));
            snapshot.tunnels = Some(tunnels);
        }
        snapshot
    }
}

#[cfg(test)]
mod tests;
