//! An overlay that says two things of one port. IANA's file may do so, and all but the first are other names; whoever
//! writes an overlay means one of the two.

use std::{collections::BTreeMap, sync::Arc};

use portclass_common::transport::Transport;

use super::{Column, Finding, Findings, Kind, Ports, Record, Records};

/// Takes those records from `first` on out that contradict an earlier one. Aliases are other names, and contradict
/// nothing.
pub(super) fn leave_out(
    file: &Arc<str>,
    records: &mut Records,
    first: u32,
    findings: &mut Findings,
) {
    let mut said: [Said; Transport::ALL.len() + 1] = Default::default();
    let mut left_out = Vec::new();
    for index in first..records.len() {
        let record = records.get(index);
        let Some(ports) = record.ports().filter(|_| !record.is_alias()) else {
            continue;
        };
        let of_any = Transport::ALL.len();
        let transport = record.transport();
        let said = &mut said[transport.map_or(of_any, |transport| transport.index() as usize)];
        let earlier = said.add(ports, index, |earlier| same(records.get(earlier), record));
        if let Some(earlier) = earlier {
            let transport = transport.map_or("any transport", Transport::name);
            let earlier = records.get(earlier);
            findings.push(Finding {
                kind: Kind::Contradiction,
                file: Arc::clone(file),
                line: record.line(),
                column: Some(Column::PortNumber),
                message: format!(
                    "{ports} on {transport} is {} here and {} in line {}; expected one of them",
                    what(record),
                    what(earlier),
                    earlier.line()
                ),
            });
            left_out.push(index);
        }
    }
    records.remove(&left_out);
}

fn same(one: Record<'_>, other: Record<'_>) -> bool {
    one.name() == other.name() && one.status() == other.status()
}

fn what(record: Record<'_>) -> String {
    if record.is_named() {
        format!("{:?}", record.name())
    } else {
        record.status().name().to_owned()
    }
}

/// Ports of which something was said, as ranges that do not overlap: by first port, the last one and the record.
#[derive(Default)]
struct Said(BTreeMap<u16, (u16, u32)>);

impl Said {
    /// Adds what a record says of `ports`, or gives back the record that says something else of one of them.
    fn add(&mut self, ports: Ports, index: u32, is_same: impl Fn(u32) -> bool) -> Option<u32> {
        let (mut first, mut last) = (ports.first(), ports.last());
        let mut joined = Vec::new();
        for (&start, &(end, earlier)) in self.0.range(..=last).rev() {
            if end < first {
                break;
            }
            if !is_same(earlier) {
                return Some(earlier);
            }
            joined.push(start);
        }
        for start in joined {
            if let Some((end, _)) = self.0.remove(&start) {
                first = first.min(start);
                last = last.max(end);
            }
        }
        self.0.insert(first, (last, index));
        None
    }
}
