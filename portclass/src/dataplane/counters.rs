//! What the program has counted, summed over the CPUs.

use std::{fs, io};

use aya::maps::MapData;
use portclass_common::counter::{Counter, FIRST_SLOT};

use super::mapped::Mapped;

/// Counters a row has for `slots` slots, rounded up so that two CPUs never share a cache line of 64 bytes.
pub(super) const fn stride(slots: u32) -> u32 {
    (FIRST_SLOT + slots).next_multiple_of(4)
}

/// The `counters` map: one row of `stride` counters a CPU.
pub(super) struct Counters {
    rows: Mapped<Counter>,
    stride: u32,
}

impl Counters {
    pub(super) fn new(map: &MapData, cpus: u32, stride: u32) -> io::Result<Self> {
        let rows = Mapped::new(map, cpus * stride)?;
        Ok(Self { rows, stride })
    }

    /// The sums over all CPUs, reasons first, then slots.
    pub(super) fn sums(&self) -> Vec<Counter> {
        let mut sums = vec![Counter::default(); self.stride as usize];
        for row in (0..self.rows.len()).step_by(self.stride as usize) {
            for (sum, index) in sums.iter_mut().zip(row..) {
                *sum = sum.plus(self.rows.get(index));
            }
        }
        sums
    }
}

/// One more than the highest CPU id that this machine can ever have, hot-plugged ones included.
pub(super) fn possible_cpus() -> io::Result<u32> {
    const POSSIBLE: &str = "/sys/devices/system/cpu/possible";
    let ranges = fs::read_to_string(POSSIBLE)?;
    highest_cpu(&ranges)
        .map(|highest| highest + 1)
        .ok_or_else(|| io::Error::other(format!("{POSSIBLE} holds no CPU range: {ranges:?}")))
}

/// The highest id of a list of ranges (`0-3,8`), in the kernel's cpulist format.
fn highest_cpu(ranges: &str) -> Option<u32> {
    ranges.trim().rsplit([',', '-']).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{highest_cpu, stride};

    #[test]
    fn the_highest_cpu_is_read_from_any_list_of_ranges() {
        assert_eq!(highest_cpu("0\n"), Some(0));
        assert_eq!(highest_cpu("0-127\n"), Some(127));
        assert_eq!(highest_cpu("0-3,8-11,16\n"), Some(16));
        assert_eq!(highest_cpu("\n"), None);
    }

    #[test]
    fn rows_of_two_cpus_never_share_a_cache_line() {
        for slots in 0..100 {
            assert_eq!(stride(slots) * 16 % 64, 0);
            assert!(stride(slots) >= stride(0) + slots.next_multiple_of(4) - 3);
        }
    }
}
