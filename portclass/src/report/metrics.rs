//! Snapshots as metrics: the text form of Prometheus, and `OpenMetrics`.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, NoLabelSet, prometheus_text, text},
    metrics::{MetricType, exemplar::Exemplar},
    registry::Registry,
};

use crate::{
    account::{ProgramRuns, Snapshot},
    text::one_line,
};

/// The name under which services are counted that have no series of their own.
const OTHER: &str = "other";

/// How metrics are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposition {
    /// The text form of Prometheus, version 0.0.4.
    Prometheus,
    /// `OpenMetrics`, version 1.0.0.
    OpenMetrics,
}

impl Exposition {
    /// The one that an `Accept` header asks for (RFC 9110, section 12.5.1); without a wish for the other one it is
    /// that of Prometheus.
    pub fn accepted(accept: &str) -> Self {
        let quality = |wanted: &str| {
            let ranges = accept.split(',').filter_map(|range| {
                let mut parts = range.split(';').map(str::trim);
                let is_wanted = parts.next()?.eq_ignore_ascii_case(wanted);
                let quality = parts.find_map(|part| part.strip_prefix("q="));
                let quality = quality.map_or(Some(1.0), |quality| quality.parse::<f32>().ok());
                quality.filter(|_| is_wanted)
            });
            ranges.fold(0.0, f32::max)
        };
        let wanted = quality("application/openmetrics-text");
        if wanted > 0.0 && wanted >= quality("text/plain") {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }

    /// The media type.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => prometheus_text::CONTENT_TYPE,
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// Which services have series of their own, and what interfaces are called, for the whole run: a counter that changed
/// its name would seem to go backwards.
#[derive(Debug, Default)]
pub struct Metrics {
    limit: Option<usize>,
    own: HashSet<String>,
    /// The first name of each interface, by its number.
    interfaces: HashMap<u32, String>,
}

impl Metrics {
    /// The first `limit` services that are seen have series of their own; all of them without a limit.
    pub fn new(limit: Option<usize>) -> Self {
        Self {
            limit,
            own: HashSet::new(),
            interfaces: HashMap::new(),
        }
    }

    /// Sees the interfaces and the services of a snapshot.
    pub fn see(&mut self, snapshot: &Snapshot) {
        for info in &snapshot.interfaces {
            let first = self.interfaces.entry(info.index);
            first.or_insert_with(|| info.name.clone());
        }
        let Some(limit) = self.limit else { return };
        for row in &snapshot.services {
            if self.own.len() >= limit {
                return;
            }
            if !self.own.contains(&row.service) {
                self.own.insert(row.service.clone());
            }
        }
    }

    /// The metrics of a snapshot that was seen.
    pub fn text(
        &self,
        snapshot: &Snapshot,
        programs: &[ProgramRuns],
        exposition: Exposition,
    ) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Families(self.families(snapshot, programs))));
        let mut text = String::new();
        let written = match exposition {
            Exposition::Prometheus => prometheus_text::encode(&mut text, &registry),
            Exposition::OpenMetrics => text::encode(&mut text, &registry),
        };
        written.expect("a string has room");
        text
    }

    fn families(&self, snapshot: &Snapshot, programs: &[ProgramRuns]) -> Vec<Family> {
        let mut services = Tallies::default();
        for row in &snapshot.services {
            let is_own = self.limit.is_none() || self.own.contains(&row.service);
            let name = if is_own { &row.service } else { OTHER };
            let labels = [
                ("service", one_line(name)),
                ("transport", row.transport.to_owned()),
                ("direction", row.direction.name().to_owned()),
                self.interface(row.interface_index, row.interface.as_deref()),
            ];
            services.add(labels, row.packets, row.bytes);
        }
        let mut unlabelled = Tallies::default();
        for row in &snapshot.unlabelled {
            let labels = [
                ("class", row.class.to_owned()),
                ("transport", row.transport.unwrap_or_default().to_owned()),
                ("detail", row.detail.clone().unwrap_or_default()),
                ("direction", row.direction.name().to_owned()),
                self.interface(row.interface_index, row.interface.as_deref()),
            ];
            unlabelled.add(labels, row.packets, row.bytes);
        }
        let mut tunnels = Tallies::default();
        for row in snapshot.tunnels.iter().flatten() {
            let labels = [
                ("service", one_line(row.service)),
                ("transport", row.transport.unwrap_or_default().to_owned()),
                ("direction", row.direction.name().to_owned()),
                self.interface(row.interface_index, row.interface.as_deref()),
            ];
            tunnels.add(labels, row.packets, row.bytes);
        }
        let mut families = Vec::new();
        families.extend(services.families([
            ("portclass_packets", "Labelled frames"),
            ("portclass_bytes", "Bytes of labelled frames"),
        ]));
        families.extend(unlabelled.families([
            ("portclass_unlabelled_packets", "Frames without a label"),
            (
                "portclass_unlabelled_bytes",
                "Bytes of frames without a label",
            ),
        ]));
        if snapshot.tunnels.is_some() {
            families.extend(tunnels.families([
                ("portclass_tunnel_packets", "Outer headers looked behind"),
                ("portclass_tunnel_bytes", "Bytes of frames in tunnels"),
            ]));
        }
        if let Some(tags) = snapshot.tags {
            let sample = |result: &str, value| (vec![("result", result.to_owned())], value);
            families.push(Family {
                name: "portclass_tag_packets",
                help: "Frames by whether they got a tag as metadata",
                kind: MetricType::Counter,
                samples: vec![
                    sample("tagged", Value::Whole(tags.tagged)),
                    sample("untagged", Value::Whole(tags.untagged)),
                ],
            });
        }
        families.extend(self.about(snapshot));
        families.extend(runs(programs));
        families
    }

    /// What is no counter of frames.
    fn about(&self, snapshot: &Snapshot) -> [Family; 4] {
        let registry = &snapshot.registry;
        let layers: Vec<&str> = registry.layers.names().collect();
        let interfaces = snapshot.interfaces.iter().map(|info| {
            let labels = vec![
                self.interface(Some(info.index), Some(&info.name)),
                ("mode", info.mode.unwrap_or_default().to_owned()),
                ("egress", info.egress.unwrap_or_default().to_owned()),
            ];
            (labels, Value::Whole(1))
        });
        let updated = registry.updated.as_ref().map(ToString::to_string);
        [
            Family {
                name: "portclass_registry_info",
                help: "The registry that labels come from",
                kind: MetricType::Gauge,
                samples: vec![(
                    vec![
                        ("updated", updated.unwrap_or_default()),
                        ("layers", layers.join(",")),
                    ],
                    Value::Whole(1),
                )],
            },
            Family {
                name: "portclass_registry_entries",
                help: "Named pairs of port and transport in the registry",
                kind: MetricType::Gauge,
                samples: vec![(Vec::new(), Value::Whole(registry.entries.into()))],
            },
            Family {
                name: "portclass_interface_info",
                help: "Observed interfaces, and how",
                kind: MetricType::Gauge,
                samples: interfaces.collect(),
            },
            Family {
                name: "portclass_build_info",
                help: "The program",
                kind: MetricType::Gauge,
                samples: vec![(
                    vec![("version", env!("CARGO_PKG_VERSION").to_owned())],
                    Value::Whole(1),
                )],
            },
        ]
    }

    fn interface(&self, index: Option<u32>, name: Option<&str>) -> (&'static str, String) {
        let first = index.and_then(|index| self.interfaces.get(&index));
        let name = first.map(String::as_str).or(name);
        ("interface", one_line(name.unwrap_or_default()))
    }
}

/// What the kernel says of its programs, where it was asked to time them.
fn runs(programs: &[ProgramRuns]) -> Vec<Family> {
    if programs.is_empty() {
        return Vec::new();
    }
    let samples = |value: fn(&ProgramRuns) -> Value| {
        let sample = |program: &ProgramRuns| {
            let ProgramRuns { name, id, .. } = program;
            let labels = vec![("program", name.clone()), ("id", id.to_string())];
            (labels, value(program))
        };
        programs.iter().map(sample).collect()
    };
    vec![
        Family {
            name: "portclass_program_runs",
            help: "Runs of each program in the kernel since it was loaded, while somebody has them timed",
            kind: MetricType::Counter,
            samples: samples(|program| Value::Whole(program.runs)),
        },
        Family {
            name: "portclass_program_run_seconds",
            help: "Time that these runs took",
            kind: MetricType::Counter,
            samples: samples(|program| Value::Real(program.time.as_secs_f64())),
        },
    ]
}

/// Packets and bytes by labels; what has the same ones is one series.
struct Tallies<const N: usize>(BTreeMap<[(&'static str, String); N], (u64, u64)>);

impl<const N: usize> Default for Tallies<N> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<const N: usize> Tallies<N> {
    fn add(&mut self, labels: [(&'static str, String); N], packets: u64, bytes: u64) {
        let sum = self.0.entry(labels).or_default();
        sum.0 = sum.0.wrapping_add(packets);
        sum.1 = sum.1.wrapping_add(bytes);
    }

    /// A family of packets and one of bytes, each with its name and help.
    fn families(self, named: [(&'static str, &'static str); 2]) -> [Family; 2] {
        let (mut packets, mut bytes) = (Vec::new(), Vec::new());
        for (labels, sum) in self.0 {
            packets.push((labels.to_vec(), Value::Whole(sum.0)));
            bytes.push((labels.to_vec(), Value::Whole(sum.1)));
        }
        let [(packets_name, packets_help), (bytes_name, bytes_help)] = named;
        let family = |name, help, samples| Family {
            name,
            help,
            kind: MetricType::Counter,
            samples,
        };
        [
            family(packets_name, packets_help, packets),
            family(bytes_name, bytes_help, bytes),
        ]
    }
}

/// The value of a sample.
#[derive(Debug)]
enum Value {
    Whole(u64),
    Real(f64),
}

/// All samples of one name.
#[derive(Debug)]
struct Family {
    /// Without the suffix that counters have.
    name: &'static str,
    help: &'static str,
    kind: MetricType,
    samples: Vec<(Vec<(&'static str, String)>, Value)>,
}

#[derive(Debug)]
struct Families(Vec<Family>);

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for family in self.0.iter().filter(|family| !family.samples.is_empty()) {
            let (name, help) = (family.name, family.help);
            let mut encoder = encoder.encode_descriptor(name, help, None, family.kind)?;
            for (labels, value) in &family.samples {
                let mut sample = encoder.encode_family(labels)?;
                let none = None::<&Exemplar<NoLabelSet, f64>>;
                match (family.kind, value) {
                    (MetricType::Counter, Value::Whole(value)) => {
                        sample.encode_counter(value, none)?;
                    }
                    (MetricType::Counter, Value::Real(value)) => {
                        sample.encode_counter(value, none)?;
                    }
                    (_, Value::Whole(value)) => sample.encode_gauge(value)?,
                    (_, Value::Real(value)) => sample.encode_gauge(value)?,
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
