//! Which CPU something runs on.

use std::thread;

use anyhow::{Context as _, Result};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The CPUs that this thread may use, the highest first: the lowest one serves most interrupts.
///
/// # Errors
///
/// What the kernel says.
pub fn allowed() -> Result<Vec<usize>> {
    let set = sched_getaffinity(None).context("cannot ask for the allowed CPUs")?;
    let cpus = (0..CpuSet::MAX_CPU).rev().filter(|&cpu| set.is_set(cpu));
    Ok(cpus.collect())
}

/// Keeps this thread on `cpu` until it ends.
///
/// # Errors
///
/// What the kernel says.
pub fn pin(cpu: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu);
    sched_setaffinity(None, &set).with_context(|| format!("cannot stay on CPU {cpu}"))
}

/// Does something on the first allowed CPU, in a thread of its own, which leaves this one where it is.
///
/// # Errors
///
/// What the kernel says, or that of `work`.
pub fn pinned<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let cpu = *allowed()?.first().context("no CPU is allowed")?;
    let work = || {
        pin(cpu)?;
        work()
    };
    thread::scope(|scope| {
        scope
            .spawn(work)
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
