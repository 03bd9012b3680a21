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
    settings::{State, switch},
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

/// Bits of `settings::switch`.
#[unsafe(no_mangle)]
static SWITCHES: Global<u32> = Global::new(0);

/// What is switched on, read once a packet.
#[derive(Clone, Copy)]
pub struct Switches(u32);

impl Switches {
    /// As they were set when the program was loaded; the verifier knows them and takes out what is off.
    #[inline(always)]
    pub fn load() -> Self {
        Self(SWITCHES.load())
    }

    /// Whether one of the bits is on.
    #[inline(always)]
    pub const fn has(self, bit: u32) -> bool {
        self.0 & bit != 0
    }

    /// Which port decides: a `Matching`.
    #[inline(always)]
    pub const fn matching(self) -> u8 {
        (self.0 >> switch::MATCHING_SHIFT) as u8
    }
}

/// The bits of a packet's mark that are set, 0 for none.
#[unsafe(no_mangle)]
pub static MARK_MASK: Global<u32> = Global::new(0);

/// Bits below the lowest one of [`MARK_MASK`].
#[unsafe(no_mangle)]
pub static MARK_SHIFT: Global<u32> = Global::new(0);
