//! What the program has counted, summed over the CPUs.
//!
//! Every CPU that the machine can ever have owns a row, since one may be plugged in while programs run. To map a row puts
//! all its pages into the process, so that those of CPUs which are not there are left alone until they are.

use std::{
    cell::OnceCell,
    fs, io,
    os::fd::{AsFd as _, OwnedFd},
};

use aya::maps::MapData;
use portclass_common::counter::{Counter, FIRST_SLOT};

use super::mapped::Mapped;

/// CPUs that the machine can ever have.
const POSSIBLE: &str = "/sys/devices/system/cpu/possible";

/// CPUs that are there, on or off: none runs a program that is not one of them.
const PRESENT: &str = "/sys/devices/system/cpu/present";

/// Counters a row has for `slots` slots, rounded up so that two CPUs never share a cache line of 64 bytes.
pub(super) const fn stride(slots: u32) -> u32 {
    (FIRST_SLOT + slots).next_multiple_of(4)
}

/// The `counters` map: one row of `stride` counters a CPU.
pub(super) struct Counters {
    map: OwnedFd,
    /// By CPU, those that were mapped so far. What a row has counted stays in the sums, wherever its CPU is.
    rows: Vec<OnceCell<Mapped<Counter>>>,
    stride: u32,
}

impl Counters {
    /// The counters of `map`, with the rows of the CPUs that are there.
    pub(super) fn new(map: &MapData, cpus: u32, stride: u32) -> io::Result<Self> {
        let info = map.info().map_err(io::Error::other)?;
        if info.value_size() as usize != size_of::<Counter>() || info.max_entries() != cpus * stride
        {
            return Err(io::Error::other("the array has another size"));
        }
        let counters = Self::of(map.fd().as_fd().try_clone_to_owned()?, cpus, stride);
        for cpu in present_cpus(cpus) {
            let _first = counters.rows[cpu as usize].set(counters.map_row(cpu)?);
        }
        Ok(counters)
    }

    fn of(map: OwnedFd, cpus: u32, stride: u32) -> Self {
        Self {
            map,
            rows: (0..cpus).map(|_| OnceCell::new()).collect(),
            stride,
        }
    }

    fn map_row(&self, cpu: u32) -> io::Result<Mapped<Counter>> {
        let first = cpu * self.stride;
        Mapped::part(self.map.as_fd(), first..first + self.stride)
    }

    /// The CPUs that are there now.
    pub(super) fn present(&self) -> Vec<u32> {
        present_cpus(self.rows.len() as u32)
    }

    /// The sums over the CPUs that are `present`, or were at an earlier time: reasons first, then slots.
    ///
    /// A row that cannot be mapped now is mapped the next time, and all that it has counted is there then.
    pub(super) fn sums(&self, present: &[u32]) -> Vec<Counter> {
        for &cpu in present {
            let row = &self.rows[cpu as usize];
            if row.get().is_none()
                && let Ok(mapped) = self.map_row(cpu)
            {
                let _first = row.set(mapped);
            }
        }
        let mut rows = self.rows.iter().filter_map(OnceCell::get);
        let mut sums = Vec::with_capacity(self.stride as usize);
        match rows.next() {
            Some(row) => sums.extend(row.iter()),
            None => sums.resize(self.stride as usize, Counter::default()),
        }
        for row in rows {
            for (sum, counter) in sums.iter_mut().zip(row.iter()) {
                *sum = sum.plus(counter);
            }
        }
        sums
    }

    /// Finds the rows of CPUs that came, counted and went again while nobody looked. For when nothing counts any more.
    pub(super) fn take_leftovers(&self) {
        for (cpu, row) in (0..).zip(&self.rows) {
            if row.get().is_none()
                && let Ok(mapped) = self.map_row(cpu)
                && mapped.iter().any(|counter| counter != Counter::default())
            {
                let _first = row.set(mapped);
            }
        }
    }
}

/// One more than the highest CPU id that this machine can ever have, hot-plugged ones included.
pub(super) fn possible_cpus() -> io::Result<u32> {
    let ranges = fs::read_to_string(POSSIBLE)?;
    let cpus = listed_cpus(&ranges).and_then(|cpus| cpus.last().map(|highest| highest + 1));
    cpus.ok_or_else(|| io::Error::other(format!("{POSSIBLE} holds no CPU range: {ranges:?}")))
}

/// The ids below `possible` of the CPUs that are there, on or off; all of them where the kernel does not tell.
fn present_cpus(possible: u32) -> Vec<u32> {
    let listed = fs::read_to_string(PRESENT).ok();
    let present = listed.and_then(|ranges| listed_cpus(&ranges));
    let mut present = present.unwrap_or_else(|| (0..possible).collect());
    present.retain(|&cpu| cpu < possible);
    present
}

/// The ids in a list of ranges (`0-3,8`), the kernel's cpulist format, in their order; `None` for anything else.
fn listed_cpus(ranges: &str) -> Option<Vec<u32>> {
    let mut cpus = Vec::new();
    for range in ranges.trim().split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let [first, last] = [first, last].map(|id| id.parse::<u32>().ok());
        cpus.extend(first?..=last?);
    }
    Some(cpus)
}

#[cfg(test)]
mod tests {
    use portclass_common::counter::Counter;
    use rustix::fs::{MemfdFlags, memfd_create};

    use super::{Counters, listed_cpus, stride};

    /// Counters of four CPUs, of which those in `counted` have counted one packet of 10, 100, 1,000 or 10,000 bytes.
    fn counters(counted: &[u32]) -> Counters {
        let stride = stride(1);
        let mut bytes = vec![0; 4 * stride as usize * size_of::<Counter>()];
        for &cpu in counted {
            let counter = (cpu * stride) as usize * size_of::<Counter>();
            bytes[counter..counter + 8].copy_from_slice(&1u64.to_ne_bytes());
            bytes[counter + 8..counter + 16].copy_from_slice(&10u64.pow(cpu + 1).to_ne_bytes());
        }
        let memory = memfd_create("counters", MemfdFlags::CLOEXEC).expect("memory");
        assert_eq!(rustix::io::write(&memory, &bytes), Ok(bytes.len()));
        Counters::of(memory, 4, stride)
    }

    /// CPUs whose rows are mapped.
    fn mapped(counters: &Counters) -> Vec<usize> {
        let rows = counters.rows.iter().enumerate();
        rows.filter_map(|(cpu, row)| row.get().map(|_| cpu))
            .collect()
    }

    #[test]
    fn a_row_is_mapped_once_its_cpu_is_there_and_stays_in_the_sums() {
        let counters = counters(&[0, 1, 2]);
        assert_eq!(counters.sums(&[0])[0], Counter::new(1, 10));
        assert_eq!(mapped(&counters), [0]);
        assert_eq!(counters.sums(&[0, 2])[0], Counter::new(2, 1_010));
        assert_eq!(counters.sums(&[0])[0], Counter::new(2, 1_010));
        assert_eq!(mapped(&counters), [0, 2]);
        assert_eq!(
            counters.sums(&[0])[1..],
            vec![Counter::default(); stride(1) as usize - 1]
        );
    }

    #[test]
    fn what_a_cpu_counted_that_came_and_went_is_found_in_the_end() {
        let counters = counters(&[0, 3]);
        assert_eq!(counters.sums(&[0])[0], Counter::new(1, 10));
        counters.take_leftovers();
        assert_eq!(counters.sums(&[0])[0], Counter::new(2, 10_010));
        assert_eq!(mapped(&counters), [0, 3]);
    }

    #[test]
    fn cpus_are_read_from_any_list_of_ranges() {
        assert_eq!(listed_cpus("0\n"), Some(vec![0]));
        assert_eq!(
            listed_cpus("0-3,8-9,16\n"),
            Some(vec![0, 1, 2, 3, 8, 9, 16])
        );
        assert_eq!(listed_cpus("0-127\n").map(|cpus| cpus.len()), Some(128));
        for other in ["\n", "0-", "0,,2", "all"] {
            assert_eq!(listed_cpus(other), None, "{other:?}");
        }
    }

    #[test]
    fn rows_of_two_cpus_never_share_a_cache_line() {
        for slots in 0..100 {
            assert_eq!(stride(slots) * 16 % 64, 0);
            assert!(stride(slots) >= stride(0) + slots.next_multiple_of(4) - 3);
        }
    }
}
