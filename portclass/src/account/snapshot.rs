//! The snapshot: what was counted, by service and by reason. Its fields are those of `portclass.snapshot/1`.

use std::{cmp::Reverse, time::SystemTime};

use portclass_common::{counter::Counter, label::Class, settings::Contents, transport::Transport};
use serde::{Serialize, Serializer};

use super::Tally;
use crate::registry::{Date, Layers};

/// The schema's name and version.
const SCHEMA: &str = "portclass.snapshot/1";

/// Everything that was counted up to a moment.
#[derive(Clone, Debug, Serialize)]
pub struct Snapshot {
    schema: &'static str,
    /// The moment.
    #[serde(serialize_with = "rfc3339")]
    pub time: SystemTime,
    /// Seconds since the snapshot before; `None` in one of the whole run.
    pub interval_seconds: Option<f64>,
    /// The registry that labels come from.
    pub registry: RegistryInfo,
    /// The interfaces that are observed.
    pub interfaces: Vec<InterfaceInfo>,
    /// The sum of all rows.
    pub totals: Totals,
    /// Labelled frames, by service and transport.
    pub services: Vec<ServiceRow>,
    /// Unlabelled frames, by reason.
    pub unlabelled: Vec<UnlabelledRow>,
    /// Whether this is the last one of a series.
    #[serde(rename = "final", skip_serializing_if = "is_false")]
    pub is_final: bool,
}

impl Snapshot {
    /// A snapshot of this moment.
    pub(super) fn new(
        interval_seconds: Option<f64>,
        registry: RegistryInfo,
        interfaces: Vec<InterfaceInfo>,
        totals: Totals,
        services: Vec<ServiceRow>,
        unlabelled: Vec<UnlabelledRow>,
    ) -> Self {
        Self {
            schema: SCHEMA,
            time: SystemTime::now(),
            interval_seconds: interval_seconds.map(|seconds| (seconds * 1e3).round() / 1e3),
            registry,
            interfaces,
            totals,
            services,
            unlabelled,
            is_final: false,
        }
    }
}

fn rfc3339<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_rfc3339_millis(*time))
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands out references"
)]
fn is_false(value: &bool) -> bool {
    !value
}

/// The registry that labels come from.
#[derive(Clone, Debug, Serialize)]
pub struct RegistryInfo {
    /// The day of the snapshot, where it is known.
    pub updated: Option<Date>,
    /// Named (port, transport) pairs.
    pub entries: u32,
    /// What it is made of.
    pub layers: Layers,
}

impl From<Contents> for RegistryInfo {
    fn from(contents: Contents) -> Self {
        Self {
            updated: Date::of_number(contents.registry_date),
            entries: contents.named_pairs,
            layers: Layers::of_bits(contents.layers),
        }
    }
}

/// Which way frames go, as the observed interface sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Frames that come in.
    Ingress,
}

impl Direction {
    /// The name that reports use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
        }
    }
}

/// An observed interface.
#[derive(Clone, Debug, Serialize)]
pub struct InterfaceInfo {
    /// Its name.
    pub name: String,
    /// Its number.
    pub index: u32,
    /// How the XDP program is attached: `native` or `generic`.
    pub mode: Option<&'static str>,
    /// How the egress program is attached.
    pub egress: Option<&'static str>,
    /// The directions that are observed.
    pub directions: Vec<Direction>,
    /// What the kernel gave beyond the least.
    pub features: Vec<&'static str>,
}

/// The sum of all rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Frames.
    pub packets: u64,
    /// Bytes, link-layer header included, FCS not.
    pub bytes: u64,
}

impl From<Counter> for Totals {
    fn from(counter: Counter) -> Self {
        Self {
            packets: counter.packets(),
            bytes: counter.bytes(),
        }
    }
}

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
        tallies: &[(u16, Tally)],
        seconds: Option<f64>,
    ) -> Self {
        let mut sum = Tally::default();
        let mut ports = BTreePorts::new();
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
            service,
            transport: transport.name(),
            direction: Direction::Ingress,
            packets: sum.whole.packets(),
            bytes: sum.whole.bytes(),
            rates: Rates::new(sum, seconds),
            ports: ports.into_values().collect(),
        }
    }
}

/// One port can have two slots, when its class changed and changed back.
type BTreePorts = std::collections::BTreeMap<u16, PortRow>;

/// What was counted under a reason.
#[derive(Clone, Debug, Serialize)]
pub struct UnlabelledRow {
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
        )
    }

    pub(super) fn new(
        class: Class,
        transport: Option<&'static str>,
        detail: Option<String>,
        tally: Tally,
        seconds: Option<f64>,
    ) -> Self {
        Self {
            class: class.name(),
            transport,
            detail,
            direction: Direction::Ingress,
            packets: tally.whole.packets(),
            bytes: tally.whole.bytes(),
            rates: Rates::new(tally, seconds),
        }
    }
}

/// The order of service rows; ties go by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// Most bytes first.
    #[default]
    Bytes,
    /// Most packets first.
    Packets,
    /// Most bits a second first; without rates, most bytes first.
    Rate,
    /// By name.
    Name,
    /// By lowest port.
    Port,
}

impl Sort {
    /// `services` come by name and transport, and sorting is stable.
    pub(super) fn apply(self, services: &mut [ServiceRow]) {
        match self {
            Self::Bytes => services.sort_by_key(|row| Reverse(row.bytes)),
            Self::Packets => services.sort_by_key(|row| Reverse(row.packets)),
            Self::Rate => {
                services.sort_by_key(|row| Reverse(row.bytes));
                let rate = |row: &ServiceRow| row.rates.map_or(0.0, |rates| rates.bits_per_second);
                services.sort_by(|one, other| rate(other).total_cmp(&rate(one)));
            }
            Self::Name => {}
            Self::Port => services.sort_by_key(|row| row.ports.first().map(|row| row.port)),
        }
    }
}
