//! Bits a second of the last intervals, row by row.

use std::collections::{HashMap, VecDeque};

use super::row::{Id, Row, Subject};
use crate::account::Snapshot;

/// Intervals that are remembered.
pub(super) const INTERVALS: usize = 300;

/// The last [`INTERVALS`] intervals. One in which nothing came takes no room, so that ports that somebody has knocked at
/// once, all of them perhaps, cost next to nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    /// Their lengths, the oldest first.
    seconds: VecDeque<f32>,
    /// The number of the last one.
    latest: u32,
    rates: HashMap<Id, VecDeque<(u32, f32)>>,
}

impl History {
    /// Adds the interval that `snapshot` ends.
    pub(super) fn add(&mut self, snapshot: &Snapshot) {
        let Some(seconds) = snapshot.interval_seconds else {
            return;
        };
        if self.seconds.len() == INTERVALS {
            self.seconds.pop_front();
        }
        self.seconds.push_back(seconds as f32);
        self.latest = self.latest.wrapping_add(1);
        for subject in [Subject::Services, Subject::Reasons, Subject::Tunnels] {
            for row in Row::all(snapshot, subject) {
                if row.bits() > 0.0 {
                    let rates = self.rates.entry(row.id()).or_default();
                    rates.push_back((self.latest, row.bits() as f32));
                }
            }
        }
        let latest = self.latest;
        let is_past = |&(interval, _): &(u32, f32)| age(latest, interval) >= INTERVALS;
        self.rates.retain(|_, rates| {
            while rates.front().is_some_and(is_past) {
                rates.pop_front();
            }
            !rates.is_empty()
        });
    }

    /// The last `count` intervals of a row, the oldest first.
    pub(super) fn last(&self, id: &Id, count: usize) -> Vec<f32> {
        let count = count.min(INTERVALS);
        let mut last = vec![0.0; count];
        for &(interval, rate) in self.rates.get(id).into_iter().flatten().rev() {
            match count.checked_sub(age(self.latest, interval) + 1) {
                Some(position) => last[position] = rate,
                None => break,
            }
        }
        last
    }

    /// How long the last `count` intervals were together, or as many of them as there were.
    pub(super) fn seconds(&self, count: usize) -> f32 {
        self.seconds.iter().rev().take(count).sum()
    }

    /// Rows that anything is remembered of.
    #[cfg(test)]
    pub(super) fn rows(&self) -> usize {
        self.rates.len()
    }
}

fn age(latest: u32, interval: u32) -> usize {
    latest.wrapping_sub(interval) as usize
}
