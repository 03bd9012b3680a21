//! What each counter belongs to, and the sums of what belongs together.

use std::collections::{BTreeMap, HashMap};

use portclass_common::{
    counter::{Counter, FIRST_SLOT, TAGGED, UNTAGGED, is_of_totals},
    label::{Class, Service},
    packet::{Reason, Tunnel},
    transport::Transport,
};

use super::{Tags, Totals, origin::Place, protocol};

/// A counter, and how much of it belongs to the interval.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) whole: Counter,
    pub(super) interval: Counter,
}

impl Tally {
    fn new(now: Counter, before: Counter) -> Self {
        Self {
            whole: now,
            interval: now.since(before),
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.whole = self.whole.plus(other.whole);
        self.interval = self.interval.plus(other.interval);
    }
}

/// Tallies by name, transport and place, one a slot, each with its port.
type Services<'a> = BTreeMap<(String, Transport, Place<'a>), Vec<(u16, Tally)>>;

/// Tallies by class, transport, detail and place.
type Reasons<'a> = BTreeMap<(Class, Option<&'static str>, Option<String>, Place<'a>), Tally>;

/// Tallies by name, transport and place.
type Tunnels<'a> = BTreeMap<(&'static str, Option<&'static str>, Place<'a>), Tally>;

/// The sums of everything that was counted, over all origins.
#[derive(Default)]
pub(super) struct Tallies<'a> {
    pub(super) services: Services<'a>,
    pub(super) reasons: Reasons<'a>,
    pub(super) tunnels: Tunnels<'a>,
    total: Counter,
    tagged: Counter,
    untagged: Counter,
}

impl<'a> Tallies<'a> {
    /// Adds the counters of an origin, which stood at `before` at the snapshot before this one.
    pub(super) fn add(
        &mut self,
        place: Place<'a>,
        counters: &[Counter],
        before: &[Counter],
        meanings: &mut Meanings,
        meaning: impl Fn(u32) -> Option<Service>,
    ) {
        for (index, &now) in (0..).zip(counters) {
            // A frame's packet and bytes are read one after the other: bytes without a packet are the next snapshot's.
            if now.packets() == 0 || !is_of_totals(index) {
                continue;
            }
            self.total = self.total.plus(now);
            let tally = Tally::new(now, at(before, index));
            match meanings.row(index, &meaning) {
                Row::Service(name, transport, port) => {
                    let ports = self.services.entry((name, transport, place)).or_default();
                    ports.push((port, tally));
                }
                Row::Reason(class, transport, detail) => {
                    let key = (class, transport, detail, place);
                    self.reasons.entry(key).or_default().add(tally);
                }
            }
        }
        for tunnel in Tunnel::ALL {
            let index = tunnel.counter_index();
            let now = at(counters, index);
            if now.packets() > 0 {
                let transport = tunnel.transport().map(Transport::name);
                let tally = self.tunnels.entry((tunnel.name(), transport, place));
                tally.or_default().add(Tally::new(now, at(before, index)));
            }
        }
        self.tagged = self.tagged.plus(at(counters, TAGGED));
        self.untagged = self.untagged.plus(at(counters, UNTAGGED));
    }

    /// Not the sum of the rows, so that a counter without a row would show.
    pub(super) fn totals(&self) -> Totals {
        self.total.into()
    }

    pub(super) const fn tags(&self) -> Tags {
        Tags {
            tagged: self.tagged.packets(),
            untagged: self.untagged.packets(),
        }
    }
}

fn at(counters: &[Counter], index: u32) -> Counter {
    counters.get(index as usize).copied().unwrap_or_default()
}

/// What a counter of the totals belongs to.
enum Row {
    /// A service's name, its transport and its port.
    Service(String, Transport, u16),
    /// A class, and the transport or the detail that it carries.
    Reason(Class, Option<&'static str>, Option<String>),
}

/// What the slots mean that have counted anything so far. A slot never changes its meaning.
#[derive(Default)]
pub(super) struct Meanings(HashMap<u32, Service>);

impl Meanings {
    fn row(&mut self, index: u32, meaning: impl Fn(u32) -> Option<Service>) -> Row {
        if let Some(reason) = Reason::at_counter(index) {
            let (transport, detail) = carried(reason);
            return Row::Reason(reason.class(), transport, detail);
        }
        let slot = index.wrapping_sub(FIRST_SLOT);
        let known = self.of(slot, meaning);
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

    fn of(&mut self, slot: u32, meaning: impl Fn(u32) -> Option<Service>) -> Option<Service> {
        if let Some(service) = self.0.get(&slot) {
            return Some(*service);
        }
        let service = meaning(slot).filter(|service| service.key().is_some())?;
        self.0.insert(slot, service);
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
