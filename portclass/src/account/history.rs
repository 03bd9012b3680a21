//! Rates of the last quarter of an hour, by service, for whoever begins to look now.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    time::{Duration, UNIX_EPOCH},
};

use serde::Serialize;

use super::Snapshot;

/// The schema's name and version.
const SCHEMA: &str = "portclass.history/1";

/// How far back it reaches.
const WINDOW: Duration = Duration::from_mins(15);
/// Seconds of one point at least: short intervals must not fill the memory.
const RESOLUTION: f64 = 1.0;
/// Services that are told by name, those with the most bits; the others are told together.
const NAMED: usize = 50;
/// Services of a point that are kept by number, those with the most bits.
const KEPT: usize = 4 * NAMED;

/// Bits a second by service, a point an interval or a second, whichever is longer.
#[derive(Debug, Default)]
pub struct History {
    /// Oldest first.
    points: VecDeque<Point>,
    /// Every service that has counted anything, and its number.
    numbers: HashMap<String, u32>,
}

/// What was counted up to a moment.
#[derive(Debug)]
struct Point {
    /// Seconds since 1970.
    second: f64,
    /// Seconds that it is about.
    covered: f64,
    /// Bits by service, those without any left out.
    bits: BTreeMap<u32, f64>,
    /// Bits of all other services.
    rest: f64,
    unlabelled: f64,
}

impl Point {
    fn new(second: f64) -> Self {
        Self {
            second,
            covered: 0.0,
            bits: BTreeMap::new(),
            rest: 0.0,
            unlabelled: 0.0,
        }
    }

    /// Forgets which services had few bits.
    fn settle(&mut self) {
        if self.bits.len() <= KEPT {
            return;
        }
        let mut bits: Vec<(u32, f64)> = std::mem::take(&mut self.bits).into_iter().collect();
        bits.sort_by(|one, other| other.1.total_cmp(&one.1));
        self.rest += bits.drain(KEPT..).map(|(_, bits)| bits).sum::<f64>();
        self.bits = bits.into_iter().collect();
    }
}

/// A history as others read it. All arrays are equally long, oldest first.
#[derive(Debug, Serialize)]
pub struct HistoryReport<'a> {
    schema: &'static str,
    /// Seconds since 1970.
    pub seconds: Vec<f64>,
    /// Services, and traffic without a label.
    pub services: Vec<ServiceHistory<'a>>,
    /// Bits a second of all services that are not listed.
    pub others: Vec<f64>,
}

/// One service over time.
#[derive(Debug, Serialize)]
pub struct ServiceHistory<'a> {
    /// Its name; `None` for what has no label.
    pub service: Option<&'a str>,
    /// Its rate at each moment.
    pub bits_per_second: Vec<f64>,
}

impl History {
    /// Adds the interval that a snapshot ends.
    pub fn add(&mut self, snapshot: &Snapshot) {
        let Some(interval) = snapshot.interval_seconds.filter(|&seconds| seconds > 0.0) else {
            return;
        };
        let since = snapshot.time.duration_since(UNIX_EPOCH);
        let second = since.map_or(0.0, |since| since.as_secs_f64());
        // The clock was set back, and no chart goes to the left.
        if self.points.back().is_some_and(|last| last.second > second) {
            self.points.clear();
        }
        let joins = |last: &&mut Point| last.covered + interval <= RESOLUTION;
        if self.points.back_mut().filter(joins).is_none() {
            if let Some(last) = self.points.back_mut() {
                last.settle();
            }
            self.points.push_back(Point::new(second));
        }
        let Some(point) = self.points.back_mut() else {
            return;
        };
        point.second = second;
        point.covered += interval;
        for row in &snapshot.services {
            let Some(rates) = row.rates.filter(|rates| rates.bits_per_second > 0.0) else {
                continue;
            };
            let next = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
            let number = match self.numbers.get(&row.service) {
                Some(&number) => number,
                None => *self.numbers.entry(row.service.clone()).or_insert(next),
            };
            *point.bits.entry(number).or_default() += rates.bits_per_second * interval;
        }
        let unlabelled = snapshot.unlabelled.iter().filter_map(|row| row.rates);
        let bits = unlabelled.map(|rates| rates.bits_per_second * interval);
        point.unlabelled += bits.sum::<f64>();
        let oldest = second - WINDOW.as_secs_f64();
        while self
            .points
            .front()
            .is_some_and(|first| first.second < oldest)
        {
            self.points.pop_front();
        }
    }

    /// The history, for others.
    pub fn report(&self) -> HistoryReport<'_> {
        let mut sums = vec![0.0; self.numbers.len()];
        for (&number, bits) in self.points.iter().flat_map(|point| &point.bits) {
            sums[number as usize] += bits;
        }
        let mut named: Vec<(&str, u32)> = self
            .numbers
            .iter()
            .map(|(name, &number)| (name.as_str(), number))
            .filter(|&(_, number)| sums[number as usize] > 0.0)
            .collect();
        let sum = |number: u32| sums[number as usize];
        named.sort_by(|one, other| sum(other.1).total_cmp(&sum(one.1)).then(one.0.cmp(other.0)));
        named.truncate(NAMED);
        let rates = |bits: &dyn Fn(&Point) -> f64| {
            let points = self.points.iter();
            points
                .map(|point| (bits(point) / point.covered).round())
                .collect::<Vec<f64>>()
        };
        let of = |number: u32| rates(&|point| point.bits.get(&number).copied().unwrap_or(0.0));
        let services = named.iter().map(|&(service, number)| ServiceHistory {
            service: Some(service),
            bits_per_second: of(number),
        });
        let unlabelled = ServiceHistory {
            service: None,
            bits_per_second: rates(&|point| point.unlabelled),
        };
        let is_named = |number: u32| named.iter().any(|&(_, other)| other == number);
        let others = rates(&|point| {
            let others = point.bits.iter().filter(|&(&number, _)| !is_named(number));
            point.rest + others.map(|(_, bits)| bits).sum::<f64>()
        });
        HistoryReport {
            schema: SCHEMA,
            seconds: self.points.iter().map(|point| point.second).collect(),
            services: services.chain([unlabelled]).collect(),
            others,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use portclass_common::{counter::Counter, settings::Contents, transport::Transport};

    use super::{History, KEPT, NAMED};
    use crate::account::{
        Direction, Origin, ServiceRow, Snapshot, Totals, origin::Place, tally::Tally,
    };

    /// A snapshot at that second, of services with so many bytes in an interval.
    fn snapshot(second: u64, interval: f64, services: &[(&str, u64)]) -> Snapshot {
        let mut snapshot = Snapshot::new(
            Some(interval),
            Contents::default().into(),
            Vec::new(),
            Totals::default(),
        );
        snapshot.time = UNIX_EPOCH + Duration::from_secs(second);
        let place = Place::new(
            Origin {
                interface: None,
                direction: Direction::Ingress,
            },
            &[],
        );
        for &(name, bytes) in services {
            let counter = Counter::new(1, bytes);
            let tally = Tally {
                whole: counter,
                interval: counter,
            };
            let row = ServiceRow::new(
                name.to_owned(),
                Transport::Tcp,
                place,
                &[(1, tally)],
                Some(interval),
            );
            snapshot.services.push(row);
        }
        snapshot
    }

    #[test]
    fn rates_are_told_by_service_over_time() {
        let mut history = History::default();
        history.add(&snapshot(100, 1.0, &[("https", 125)]));
        history.add(&snapshot(102, 2.0, &[("https", 500), ("domain", 250)]));
        let report = history.report();
        assert_eq!(report.seconds, [100.0, 102.0]);
        let told: Vec<_> = report
            .services
            .iter()
            .map(|service| (service.service, &service.bits_per_second[..]))
            .collect();
        assert_eq!(
            told,
            [
                (Some("https"), &[1_000.0, 2_000.0][..]),
                (Some("domain"), &[0.0, 1_000.0]),
                (None, &[0.0, 0.0])
            ]
        );
        assert_eq!(report.others, [0.0, 0.0]);
    }

    #[test]
    fn short_intervals_become_one_point_a_second() {
        let mut history = History::default();
        for _ in 0..25 {
            history.add(&snapshot(100, 0.1, &[("https", 125)]));
        }
        let report = history.report();
        assert_eq!(report.seconds.len(), 3);
        for &rate in &report.services[0].bits_per_second {
            assert!((rate - 10_000.0).abs() < 1.0, "{rate}");
        }
    }

    #[test]
    fn a_quarter_of_an_hour_is_kept_and_nothing_of_a_clock_that_was_set_back() {
        let mut history = History::default();
        for second in 0..2_000 {
            history.add(&snapshot(second, 1.0, &[("https", 125)]));
        }
        assert_eq!(history.report().seconds.len(), 901);
        history.add(&snapshot(5, 1.0, &[("https", 125)]));
        assert_eq!(history.report().seconds, [5.0]);
    }

    #[test]
    fn of_many_services_the_largest_are_told_by_name_and_the_others_together() {
        let names: Vec<String> = (0..2 * KEPT).map(|number| format!("s{number}")).collect();
        let services: Vec<(&str, u64)> = names
            .iter()
            .zip(1..)
            .map(|(name, bytes)| (name.as_str(), bytes))
            .collect();
        let mut history = History::default();
        history.add(&snapshot(100, 1.0, &services));
        history.add(&snapshot(101, 1.0, &services));
        assert!(history.points[0].bits.len() <= KEPT);
        let report = history.report();
        assert_eq!(report.services.len(), NAMED + 1);
        assert_eq!(report.services[0].service, Some(&*names[2 * KEPT - 1]));
        let all: u64 = services.iter().map(|(_, bytes)| 8 * bytes).sum();
        for at in 0..2 {
            let named = report.services.iter();
            let named: f64 = named.map(|service| service.bits_per_second[at]).sum();
            assert_eq!(named + report.others[at], all as f64);
        }
    }
}
