//! The snapshot: what was counted, by service and by reason. Its fields are those of `portclass.snapshot/1`.

use std::time::SystemTime;

use portclass_common::{counter::Counter, settings::Contents};
use serde::{Serialize, Serializer};

use super::{Direction, ServiceRow, TunnelRow, UnlabelledRow};
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
    /// The sum of all rows of services and reasons.
    pub totals: Totals,
    /// Labelled frames, by service, transport and origin.
    pub services: Vec<ServiceRow>,
    /// Unlabelled frames, by reason and origin.
    pub unlabelled: Vec<UnlabelledRow>,
    /// Outer headers that were looked behind, by tunnel, where frames are decapsulated. Their frames are in the rows
    /// above as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tunnels: Option<Vec<TunnelRow>>,
    /// Frames by whether they got a tag, where they get one as metadata.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Tags>,
    /// Frames by where they were classified, in a replay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frames: Option<Frames>,
    /// Whether this is the last one of a series.
    #[serde(rename = "final", skip_serializing_if = "is_false")]
    pub is_final: bool,
}

impl Snapshot {
    /// A snapshot of this moment, still without rows.
    pub(super) fn new(
        interval_seconds: Option<f64>,
        registry: RegistryInfo,
        interfaces: Vec<InterfaceInfo>,
        totals: Totals,
    ) -> Self {
        Self {
            schema: SCHEMA,
            time: SystemTime::now(),
            interval_seconds: interval_seconds.map(|seconds| (seconds * 1e3).round() / 1e3),
            registry,
            interfaces,
            totals,
            services: Vec::new(),
            unlabelled: Vec::new(),
            tunnels: None,
            tags: None,
            frames: None,
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

/// An observed interface.
#[derive(Clone, Debug, Serialize)]
pub struct InterfaceInfo {
    /// Its name.
    pub name: String,
    /// Its number.
    pub index: u32,
    /// How the XDP program is attached: `native` or `generic`.
    pub mode: Option<&'static str>,
    /// How the egress program is attached: `tcx` or `clsact`.
    pub egress: Option<&'static str>,
    /// The directions that are observed.
    pub directions: Vec<Direction>,
    /// What the kernel gave beyond the least.
    pub features: Vec<&'static str>,
}

/// The sum of all rows of services and reasons.
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

/// Frames by whether they got a tag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tags {
    /// Frames that carry a tag.
    pub tagged: u64,
    /// Frames that passed without, since the driver had no room for it.
    pub untagged: u64,
}

/// Frames by where they were classified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Frames {
    /// By the program in the kernel.
    pub kernel: u64,
    /// By the same parser outside: all of them where that was asked for, otherwise those that the kernel does not take.
    pub host: u64,
}
