//! The rows of a snapshot.

use std::{cmp::Reverse, collections::BTreeMap};

use portclass_common::{label::Class, transport::Transport};
use serde::Serialize;

use super::{Direction, origin::Place, tally::Tally};

/// Rates of an interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rates {
    /// Frames a second.
    pub packets_per_second: f64,
    /// Bits a second, eight to each byte counted.
    pub bits_per_second: f64,
}

impl Rates {
    fn new(tally: Tally, seconds: Option<f64>) -> Option<Self> {
        let seconds = seconds.filter(|&seconds| seconds > 0.0)?;
        let rounded = |rate: f64| (rate * 1e3).round() / 1e3;
        Some(Self {
            packets_per_second: rounded(tally.interval.packets() as f64 / seconds),
            bits_per_second: rounded(tally.interval.bytes() as f64 * 8.0 / seconds),
        })
    }
}

/// What was counted under a service's name.
#[derive(Clone, Debug, Serialize)]
pub struct ServiceRow {
    /// The interface that the frames were counted at, where rows are told apart by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// Its number, which it keeps when it is renamed.
    #[serde(skip)]
    pub interface_index: Option<u32>,
    /// The canonical name.
    pub service: String,
    /// The transport's name.
    pub transport: &'static str,
    /// Which way the frames went.
    pub direction: Direction,
    /// Frames.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
    /// Rates of the interval, absent from a snapshot of the whole run.
    #[serde(flatten)]
    pub rates: Option<Rates>,
    /// The ports that it was counted at, in order.
    pub ports: Vec<PortRow>,
}

/// What was counted at a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PortRow {
    /// The port.
    pub port: u16,
    /// Frames.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
}

impl ServiceRow {
    pub(super) fn new(
        service: String,
        transport: Transport,
        place: Place<'_>,
        tallies: &[(u16, Tally)],
        seconds: Option<f64>,
    ) -> Self {
        let mut sum = Tally::default();
        // One port can have two slots, when its class changed and changed back, and equal origins share their rows.
        let mut ports = BTreeMap::new();
        for &(port, tally) in tallies {
            sum.add(tally);
            let row = ports.entry(port).or_insert(PortRow {
                port,
                packets: 0,
                bytes: 0,
            });
            row.packets = row.packets.wrapping_add(tally.whole.packets());
            row.bytes = row.bytes.wrapping_add(tally.whole.bytes());
        }
        Self {
            interface: place.interface(),
            interface_index: place.interface_index(),
            service,
            transport: transport.name(),
            direction: place.direction(),
            packets: sum.whole.packets(),
            bytes: sum.whole.bytes(),
            rates: Rates::new(sum, seconds),
            ports: ports.into_values().collect(),
        }
    }
}

/// What was counted under a reason.
#[derive(Clone, Debug, Serialize)]
pub struct UnlabelledRow {
    /// The interface that the frames were counted at, where rows are told apart by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// Its number, which it keeps when it is renamed.
    #[serde(skip)]
    pub interface_index: Option<u32>,
    /// The reason's name.
    pub class: &'static str,
    /// The transport's name, for reasons that carry one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transport: Option<&'static str>,
    /// The protocol or kind of frame, for reasons that carry one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Which way the frames went.
    pub direction: Direction,
    /// Frames.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
    /// Rates of the interval, absent from a snapshot of the whole run.
    #[serde(flatten)]
    pub rates: Option<Rates>,
}

impl UnlabelledRow {
    /// Most bytes first, ties by name.
    pub(super) fn rank(&self) -> impl Ord {
        (
            Reverse(self.bytes),
            self.class,
            self.transport,
            &self.detail,
            self.direction,
            &self.interface,
        )
    }

    pub(super) fn new(
        class: Class,
        transport: Option<&'static str>,
        detail: Option<String>,
        place: Place<'_>,
        tally: Tally,
        seconds: Option<f64>,
    ) -> Self {
        Self {
            interface: place.interface(),
            interface_index: place.interface_index(),
            class: class.name(),
            transport,
            detail,
            direction: place.direction(),
            packets: tally.whole.packets(),
            bytes: tally.whole.bytes(),
            rates: Rates::new(tally, seconds),
        }
    }
}

/// What was counted at a kind of tunnel's outer headers.
#[derive(Clone, Debug, Serialize)]
pub struct TunnelRow {
    /// The interface that the frames were counted at, where rows are told apart by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// Its number, which it keeps when it is renamed.
    #[serde(skip)]
    pub interface_index: Option<u32>,
    /// The tunnel's name.
    pub service: &'static str,
    /// The transport's name, for tunnels that have a port.
    pub transport: Option<&'static str>,
    /// Which way the frames went.
    pub direction: Direction,
    /// Frames.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
    /// Rates of the interval, absent from a snapshot of the whole run.
    #[serde(flatten)]
    pub rates: Option<Rates>,
}

impl TunnelRow {
    pub(super) fn new(
        service: &'static str,
        transport: Option<&'static str>,
        place: Place<'_>,
        tally: Tally,
        seconds: Option<f64>,
    ) -> Self {
        Self {
            interface: place.interface(),
            interface_index: place.interface_index(),
            service,
            transport,
            direction: place.direction(),
            packets: tally.whole.packets(),
            bytes: tally.whole.bytes(),
            rates: Rates::new(tally, seconds),
        }
    }
}
