//! From counters to a report: `cargo bench --package portclass --bench account`. Takes no privilege.

use std::time::{Duration, Instant};

use divan::{Bencher, black_box};
use portclass::{
    account::{Account, Direction, InterfaceInfo, Observed, Origin, Snapshot, Sort},
    registry::{Registry, Slots, Sources},
    report::{Format, Layout, Reporter, table},
};
use portclass_common::{
    counter::{Counter, FIRST_SLOT},
    label::{Class, Service},
};

fn main() {
    divan::main();
}

/// Named ports that have counted something: an ordinary host's, a busy one's, and all that are in the registry.
const ACTIVE: [usize; 3] = [50, 500, 11_598];

/// Counters a row of a map for the shipped registry has.
const ROW: usize = FIRST_SLOT as usize + 16_384;

/// A run that observes as many interfaces, each by itself, and the meaning of its slots.
struct Run {
    account: Account,
    services: Vec<Service>,
    active: Vec<usize>,
    counters: Vec<Vec<Counter>>,
    now: Instant,
}

impl Run {
    fn new(active: usize, interfaces: u32) -> Self {
        let registry = Registry::load(&Sources::plain(None))
            .expect("the shipped registry is readable")
            .0;
        let slots = Slots::of(&registry, 0, |_| None);
        let services = slots.new_services;
        let named: Vec<_> = services
            .iter()
            .enumerate()
            .filter(|(_, service)| service.class() == Some(Class::Labelled))
            .map(|(slot, _)| FIRST_SLOT as usize + slot)
            .collect();
        // Spread over the registry, as a host's services are.
        let active = (0..active)
            .map(|position| named[position * named.len() / active])
            .collect();
        let interfaces: Vec<_> = (1..=interfaces)
            .map(|index| InterfaceInfo {
                name: format!("eth{index}"),
                index,
                mode: Some("native"),
                egress: None,
                directions: vec![Direction::Ingress],
                features: Vec::new(),
            })
            .collect();
        let origins = interfaces.iter().map(|interface| Origin {
            interface: (interfaces.len() > 1).then_some(interface.index),
            direction: Direction::Ingress,
        });
        let now = Instant::now();
        let observed = Observed {
            registry: slots.contents.into(),
            origins: origins.collect(),
            interfaces: interfaces.clone(),
            sort: Sort::default(),
            tunnels: false,
            tags: false,
        };
        Self {
            account: Account::new(observed, now),
            services,
            active,
            counters: vec![vec![Counter::default(); ROW]; interfaces.len()],
            now,
        }
    }

    /// Counts on every active port, and makes a snapshot a second later.
    fn tick(&mut self) -> Snapshot {
        for counters in &mut self.counters {
            for (&index, packets) in self.active.iter().zip(1..) {
                counters[index].count(packets, packets * 700);
            }
        }
        self.now += Duration::from_secs(1);
        let services = &self.services;
        self.account
            .interval(self.counters.clone(), self.now, |slot| {
                services.get(slot as usize).copied()
            })
    }
}

#[divan::bench(args = ACTIVE)]
fn snapshot(bencher: Bencher<'_, '_>, active: usize) {
    let mut run = Run::new(active, 1);
    bencher.bench_local(|| run.tick());
}

#[divan::bench(args = ACTIVE)]
fn snapshot_of_8_interfaces(bencher: Bencher<'_, '_>, active: usize) {
    let mut run = Run::new(active, 8);
    bencher.bench_local(|| run.tick());
}

#[divan::bench(args = ACTIVE)]
fn whole_table(bencher: Bencher<'_, '_>, active: usize) {
    let snapshot = Run::new(active, 1).tick();
    bencher.bench_local(|| table(black_box(&snapshot), Layout::default()));
}

#[divan::bench(args = ACTIVE)]
fn table_of_a_terminal(bencher: Bencher<'_, '_>, active: usize) {
    let snapshot = Run::new(active, 1).tick();
    let layout = Layout {
        limit: None,
        rows: Some(50),
    };
    bencher.bench_local(|| table(black_box(&snapshot), layout));
}

#[divan::bench(args = ACTIVE)]
fn jsonl(bencher: Bencher<'_, '_>, active: usize) {
    written(bencher, Format::Jsonl, active);
}

#[divan::bench(args = ACTIVE)]
fn csv(bencher: Bencher<'_, '_>, active: usize) {
    written(bencher, Format::Csv, active);
}

fn written(bencher: Bencher<'_, '_>, format: Format, active: usize) {
    let snapshot = Run::new(active, 1).tick();
    bencher.bench_local(|| {
        let mut out = Vec::new();
        let written = Reporter::new(format, None, None, &mut out).interval(&snapshot, None);
        written.expect("memory");
        out
    });
}
