//! Measuring variants side by side.

use std::time::Duration;

use anyhow::Result;
use rustix::time::{ClockId, clock_gettime};

use crate::statistics::Quartiles;

/// How much is measured.
#[derive(Clone, Copy)]
pub struct Plan {
    /// Rounds, in each of which every variant has its turn.
    pub rounds: u32,
    /// Runs in a turn.
    pub runs: u32,
    /// Whether the figures are to mean nothing.
    pub is_quick: bool,
}

impl Plan {
    /// Just enough to see that it works.
    pub const QUICK: Self = Self {
        rounds: 3,
        runs: 10_000,
        is_quick: true,
    };
}

/// Runs something that often.
pub type Variant<'a> = Box<dyn Fn(u32) -> Result<()> + 'a>;

/// What one variant costs a run.
#[derive(Clone, Copy)]
pub struct Cost {
    /// Nanoseconds.
    pub whole: Quartiles,
    /// Nanoseconds more than the base, whose turn was in the same round.
    pub added: Quartiles,
}

impl Cost {
    /// How many times as long as one of `base` a run takes.
    pub fn ratio_to(self, base: Self) -> f64 {
        self.whole.median / base.whole.median
    }

    /// Million runs a second on one core.
    pub fn millions_a_second(self) -> f64 {
        1_000.0 / self.whole.median
    }
}

/// Measures `base` and the others in the CPU time of this thread, each of them in every round. The base's cost comes first.
///
/// # Errors
///
/// That of a variant.
pub fn compare(plan: Plan, base: &Variant<'_>, others: &[Variant<'_>]) -> Result<Vec<Cost>> {
    let all: Vec<_> = std::iter::once(base).chain(others).collect();
    // The first runs fill caches, and the memo.
    for variant in &all {
        variant(plan.runs / 10 + 1)?;
    }
    let mut figures = vec![Vec::new(); all.len()];
    for round in 0..plan.rounds as usize {
        // Nobody is always behind the same one.
        for turn in 0..all.len() {
            let position = (round + turn) % all.len();
            let before = cpu_time();
            all[position](plan.runs)?;
            let taken = cpu_time() - before;
            figures[position].push(taken.as_nanos() as f64 / f64::from(plan.runs));
        }
    }
    let costs = figures.iter().map(|whole| {
        let pairs = whole.iter().zip(&figures[0]);
        Cost {
            whole: Quartiles::of(whole.clone()),
            added: Quartiles::of(pairs.map(|(whole, base)| whole - base)),
        }
    });
    Ok(costs.collect())
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::{Plan, Variant, compare};

    #[test]
    fn every_variant_has_its_turn_in_every_round() {
        let turns = RefCell::new(Vec::new());
        let variant = |name: char| -> Variant<'_> {
            let turns = &turns;
            Box::new(move |runs| {
                turns.borrow_mut().push((name, runs));
                Ok(())
            })
        };
        let plan = Plan {
            rounds: 2,
            runs: 100,
            is_quick: true,
        };
        let costs = compare(plan, &variant('a'), &[variant('b'), variant('c')]).expect("no error");
        assert_eq!(costs.len(), 3);
        let mut turns = turns.take();
        let warm_up: Vec<_> = turns.drain(..3).collect();
        assert_eq!(warm_up, [('a', 11), ('b', 11), ('c', 11)]);
        for round in turns.chunks_mut(3) {
            round.sort_unstable();
            assert_eq!(round, [('a', 100), ('b', 100), ('c', 100)]);
        }
    }
}
