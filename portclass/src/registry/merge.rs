//! The rows of all layers as those of one file, which says the same.

use portclass_common::transport::Transport;

use super::{Ports, Record, Registry, RegistryFile};

/// A row, and the part of its ports and transports that it has to be about.
pub struct Merged<'registry> {
    /// The row.
    pub record: Record<'registry>,
    /// Its ports, or those of them that no higher layer speaks of.
    pub ports: Option<Ports>,
    /// Its transport, or one of those that no higher layer speaks of.
    pub transport: Option<Transport>,
}

impl Registry {
    /// The rows of a file that says what all layers together say, the higher ones first. A registry of one file gives
    /// its rows as they are. Preferred names are no rows.
    pub fn merged(&self) -> impl Iterator<Item = Merged<'_>> {
        self.files.iter().rev().flat_map(move |file| {
            let visible = Visible::of(self, file);
            let rows = file.rows.clone();
            rows.flat_map(move |index| visible.parts(self.records.get(index)))
        })
    }
}

/// The ports that no higher layer speaks of.
struct Visible {
    /// Of each transport, in order.
    all: Vec<Vec<Ports>>,
    /// Those that a name for any transport decides, and those that a row for any transport without a name does. Taken
    /// apart, such a row would outrank others, so it speaks only where one of its kind decides.
    named_for_any: Vec<Vec<Ports>>,
    unnamed_for_any: Vec<Vec<Ports>>,
    /// Whether rows for any transport are taken apart: all of them are if one is, or those that are not would no longer
    /// come before the others.
    takes_apart: bool,
}

impl Visible {
    fn of(registry: &Registry, file: &RegistryFile) -> Self {
        let of = |decides: fn(Record<'_>) -> bool| {
            let planes = registry.planes.iter();
            let runs = planes.map(|plane| {
                runs((0..=u16::MAX).filter(|&port| {
                    let index = plane.get(port);
                    file.rows.contains(&index) && decides(registry.records.get(index))
                }))
            });
            runs.collect()
        };
        let mut visible = Self {
            takes_apart: false,
            all: of(|_| true),
            named_for_any: of(|record| record.is_named() && record.transport().is_none()),
            unnamed_for_any: of(|record| !record.is_named() && record.transport().is_none()),
        };
        visible.takes_apart = file.rows.clone().any(|index| {
            let record = registry.records.get(index);
            record.transport().is_none() && !visible.is_whole(record)
        });
        visible
    }

    /// Whether higher layers leave all of a row.
    fn is_whole(&self, record: Record<'_>) -> bool {
        record.ports().is_none_or(|ports| {
            transports(record).all(|transport| {
                let all = &self.all[transport.index() as usize];
                clipped(all, ports).eq([ports])
            })
        })
    }

    /// What higher layers leave of a row.
    fn parts<'registry>(&self, record: Record<'registry>) -> Vec<Merged<'registry>> {
        let whole = Merged {
            record,
            ports: record.ports(),
            transport: record.transport(),
        };
        let Some(ports) = record.ports() else {
            return vec![whole];
        };
        let takes_apart = self.takes_apart && record.transport().is_none();
        if !takes_apart && self.is_whole(record) {
            return vec![whole];
        }
        let visible = match (record.transport(), record.is_named()) {
            (Some(_), _) => &self.all,
            (None, true) => &self.named_for_any,
            (None, false) => &self.unnamed_for_any,
        };
        let parts = transports(record).flat_map(|transport| {
            clipped(&visible[transport.index() as usize], ports).map(move |ports| Merged {
                record,
                ports: Some(ports),
                transport: Some(transport),
            })
        });
        parts.collect()
    }
}

/// The transports that a row is for.
fn transports(record: Record<'_>) -> impl Iterator<Item = Transport> {
    let all = Transport::ALL.into_iter();
    all.filter(move |&transport| record.is_for(transport))
}

/// The parts of `runs` that lie in `ports`.
fn clipped(runs: &[Ports], ports: Ports) -> impl Iterator<Item = Ports> {
    let from = runs.partition_point(|run| run.last() < ports.first());
    runs[from..]
        .iter()
        .take_while(move |run| run.first() <= ports.last())
        .filter_map(move |run| {
            Ports::new(run.first().max(ports.first()), run.last().min(ports.last()))
        })
}

/// Ports in order, as ranges.
fn runs(ports: impl Iterator<Item = u16>) -> Vec<Ports> {
    let mut runs: Vec<Ports> = Vec::new();
    for port in ports {
        let longer = runs
            .last()
            .filter(|run| run.last() + 1 == port)
            .and_then(|run| Ports::new(run.first(), port));
        match longer {
            Some(longer) => {
                runs.pop();
                runs.push(longer);
            }
            None => runs.extend(Ports::new(port, port)),
        }
    }
    runs
}
