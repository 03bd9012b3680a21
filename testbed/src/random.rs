//! Frames at random: reproducible, and many in little time.

use crate::fixture::{Fixture, fixtures};
use portclass_common::packet::{Link, Start};

/// Numbers by SplitMix64 (Steele, Lea and Flood, 2014), from a seed on.
pub struct Random(pub u64);

impl Random {
    /// Any number.
    #[expect(clippy::should_implement_trait, reason = "there is always a next one")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}

/// Fixtures with changes, and a few frames of nothing but noise.
pub struct Frames {
    random: Random,
    fixtures: Vec<Fixture>,
}

impl Frames {
    /// The frames that belong to `seed`.
    pub fn new(seed: u64) -> Self {
        let mut fixtures = fixtures();
        // The few that are long would take most of the time.
        fixtures.retain(|fixture| fixture.frame.len() < 400);
        Self {
            random: Random(seed),
            fixtures,
        }
    }
}

impl Iterator for Frames {
    type Item = (Vec<u8>, Start);

    fn next(&mut self) -> Option<Self::Item> {
        let Self { random, fixtures } = self;
        let fixture = &fixtures[random.below(fixtures.len())];
        let mut frame = fixture.frame.clone();
        let mut start = Start::of(fixture.link);
        match random.below(8) {
            0 => {
                frame = (0..random.below(128))
                    .map(|_| random.next() as u8)
                    .collect();
                start.link = [Link::Ethernet, Link::Ip][random.below(2)];
            }
            1 => {
                // The end of another frame.
                let other = &fixtures[random.below(fixtures.len())].frame;
                frame.truncate(random.below(frame.len() + 1));
                frame.extend(&other[random.below(other.len() + 1)..]);
            }
            2 => frame.truncate(random.below(frame.len() + 1)),
            3 => start.tags_taken = random.below(5),
            _ => {}
        }
        if !frame.is_empty() {
            for _ in 0..random.below(4) {
                // Headers come first, so changes do, too.
                let end = 1 + random.below(frame.len());
                let at = random.below(end);
                frame[at] = match random.below(3) {
                    0 => random.next() as u8,
                    1 => frame[at] ^ 1 << random.below(8),
                    _ => [0, 1, 4, 6, 17, 0x45, 0x60, 0x81, 0xff][random.below(9)],
                };
            }
        }
        Some((frame, start))
    }
}
