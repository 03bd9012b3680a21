//! The kernel object's maps and load-time settings, under the names of `portclass_common::names`.

use aya_ebpf::{
    Global,
    bindings::BPF_F_MMAPABLE,
    btf_maps::{Array, HashMap, PerCpuArray},
    macros::btf_map,
};
use portclass_common::{
    counter::Counter,
    label::{Label, Service},
    port::PortKey,
    settings::State,
};

/// Sizes that user space overrides at load; these make the object loadable as it stands.
const SLOTS: usize = 16_384;
const COUNTER_ROW: usize = 32_768;

/// The authority: which slot a port of a transport belongs to.
#[btf_map(name = "registry")]
pub static REGISTRY: HashMap<PortKey, Label, SLOTS> = HashMap::new();

/// What each slot means. The program never reads it; whoever finds the pinned maps does.
#[btf_map(name = "services")]
pub static SERVICES: Array<Service, SLOTS, { BPF_F_MMAPABLE as usize }> = Array::new();

/// Version, generation and origin of the registry.
#[btf_map(name = "state")]
pub static STATE: Array<State, 1> = Array::new();

/// A row of [`COUNTER_STRIDE`] counters a CPU, which user space reads through memory that it shares.
#[btf_map(name = "counters")]
pub static COUNTERS: Array<Counter, COUNTER_ROW, { BPF_F_MMAPABLE as usize }> = Array::new();

/// A second and what was logged in it.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct LogBudget {
    /// Seconds since boot.
    pub second: u64,
    /// Lines logged in that second.
    pub lines: u64,
}

/// Limits the log of unlabelled frames.
#[btf_map(name = "log_budget")]
pub static LOG_BUDGET: PerCpuArray<LogBudget, 1> = PerCpuArray::new();

/// Counters from one CPU's row to the next one's.
#[unsafe(no_mangle)]
pub static COUNTER_STRIDE: Global<u32> = Global::new(0);

/// 1 to log unlabelled frames.
#[unsafe(no_mangle)]
pub static LOG_UNLABELLED: Global<u8> = Global::new(0);

/// 1 to look into tunnels.
#[unsafe(no_mangle)]
pub static DECAPSULATE: Global<u8> = Global::new(0);

/// Which port decides: a `Matching`.
#[unsafe(no_mangle)]
pub static MATCHING: Global<u8> = Global::new(0);

/// 1 to put a tag in front of frames.
#[unsafe(no_mangle)]
pub static TAG_METADATA: Global<u8> = Global::new(0);

/// The bits of a packet's mark that are set, 0 for none.
#[unsafe(no_mangle)]
pub static MARK_MASK: Global<u32> = Global::new(0);

/// Bits below the lowest one of [`MARK_MASK`].
#[unsafe(no_mangle)]
pub static MARK_SHIFT: Global<u32> = Global::new(0);

/// 1 where metadata holds the frame's original length.
#[unsafe(no_mangle)]
pub static ORIGINAL_LENGTH: Global<u8> = Global::new(0);
