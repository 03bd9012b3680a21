//! Mixes of ports: what a frame's destination is from run to run.

use portclass::registry::Registry;
use testbed::random::Random;

use crate::frames;

/// Entries of a mix.
const ENTRIES: usize = 1 << 16;
/// Where the frame counts the runs, in a `u16` of native byte order (portclass-ebpf/src/bench.rs).
const COUNTER_AT: usize = 42;

/// IP protocols and destination ports, in the order in which they arrive.
pub struct Mix {
    entries: Vec<u32>,
}

impl Mix {
    /// Every entry of the registry as often as the others, in any order.
    pub fn uniform(registry: &Registry) -> Self {
        let (mut random, all) = (Random(1), all(registry));
        let mut entries = Vec::with_capacity(ENTRIES + all.len());
        while entries.len() < ENTRIES {
            let mut turn = all.clone();
            shuffle(&mut turn, &mut random);
            entries.extend(turn);
        }
        entries.truncate(ENTRIES);
        Self { entries }
    }

    /// The registry's entries by Zipf's law: the second most frequent one half as often as the first, the third a third.
    pub fn skewed(registry: &Registry) -> Self {
        let (mut random, mut ranked) = (Random(2), all(registry));
        shuffle(&mut ranked, &mut random);
        let mut sum = 0.0;
        let sums: Vec<f64> = (1..=ranked.len())
            .map(|rank| {
                sum += 1.0 / rank as f64;
                sum
            })
            .collect();
        let draw = |_| {
            let drawn = random.next() as f64 / u64::MAX as f64 * sum;
            let rank = sums.partition_point(|&sum| sum < drawn);
            ranked[rank.min(ranked.len() - 1)]
        };
        Self {
            entries: (0..ENTRIES).map(draw).collect(),
        }
    }

    /// Always the port of [`frames::hot`].
    pub fn hot() -> Self {
        let hot = entry(testbed::ip::protocol::TCP, frames::HOT_PORT);
        Self {
            entries: vec![hot; ENTRIES],
        }
    }

    /// The entries as the kernel side's map holds them.
    pub fn entries(&self) -> &[u32] {
        &self.entries
    }

    /// A frame whose first run takes the entry at this position.
    pub fn frame_at(&self, position: u16) -> Vec<u8> {
        let mut frame = frames::hot();
        set_position(&mut frame, position);
        frame
    }
}

/// Makes a frame take the entry at this position in its next run.
pub fn set_position(frame: &mut [u8], position: u16) {
    frame[COUNTER_AT..][..2].copy_from_slice(&position.to_ne_bytes());
}

fn all(registry: &Registry) -> Vec<u32> {
    let of_key = |key: portclass_common::port::PortKey| {
        let protocol = key.transport().map_or(0, |transport| transport.protocol());
        entry(protocol, key.port())
    };
    registry.entries().map(|found| of_key(found.key)).collect()
}

fn entry(protocol: u8, port: u16) -> u32 {
    u32::from(protocol) << 16 | u32::from(port)
}

fn shuffle(entries: &mut [u32], random: &mut Random) {
    for end in (1..entries.len()).rev() {
        entries.swap(end, random.below(end + 1));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use portclass::registry::{Format, Registry};

    use super::{ENTRIES, Mix};

    fn frequencies(mix: &Mix) -> Vec<usize> {
        let mut counts = HashMap::new();
        for entry in mix.entries() {
            *counts.entry(entry).or_default() += 1;
        }
        let mut counts: Vec<usize> = counts.into_values().collect();
        counts.sort_unstable_by(|one, other| other.cmp(one));
        counts
    }

    #[test]
    fn a_uniform_mix_has_every_entry_as_often_and_a_skewed_one_has_not() {
        let csv = b"a,1,tcp\nb,2,udp\nc,3,sctp\n";
        let (registry, _) =
            Registry::of_bytes("three", csv, Some(Format::Short)).expect("a registry");
        let uniform = frequencies(&Mix::uniform(&registry));
        assert_eq!(uniform.iter().sum::<usize>(), ENTRIES);
        assert!(uniform[0] - uniform[2] <= 1, "{uniform:?}");
        let skewed = frequencies(&Mix::skewed(&registry));
        assert_eq!(skewed.iter().sum::<usize>(), ENTRIES);
        for (rank, &count) in (1..).zip(&skewed) {
            let expected = ENTRIES * 6 / 11 / rank;
            assert!(count.abs_diff(expected) < 1_000, "{skewed:?}");
        }
    }
}
