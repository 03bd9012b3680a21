//! The kernel object's maps and load-time settings, under the names of `portclass_common::names`.

use core::{cell::UnsafeCell, mem::MaybeUninit};

use aya_ebpf::{
    Global,
    bindings::BPF_F_MMAPABLE,
    btf_maps::{Array, HashMap, PerCpuArray},
    macros::btf_map,
};
use portclass_common::{
    counter::Counter,
    label::{Label, Service},
    memo::{MEMO_WORDS, Word},
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

/// What the registry has answered, a word for every port of every transport.
#[btf_map(name = "memo")]
pub static MEMO: Array<[Word; MEMO_WORDS], 1> = Array::new();

/// The place of a map with one element, which the program reads and writes without a look-up.
///
/// The kernel gives that to the variables in a section of the object, each section being such a map to it, and to no map
/// that is declared as one. So a variable is declared in a section, and user space puts the map in the section's place
/// before it loads the programs.
#[repr(transparent)]
struct Window<T>(UnsafeCell<MaybeUninit<T>>);

// SAFETY: what it shows is shared with all CPUs and with user space, and is read and written word by word.
unsafe impl<T> Sync for Window<T> {}

impl<T> Window<T> {
    const fn new() -> Self {
        Self(UnsafeCell::new(MaybeUninit::zeroed()))
    }

    #[inline(always)]
    const fn first(&self) -> *mut T {
        self.0.get().cast()
    }
}

/// Shows [`STATE`].
#[unsafe(link_section = ".bss.state")]
#[unsafe(no_mangle)]
static STATE_WINDOW: Window<State> = Window::new();

/// Shows [`MEMO`], and stands for its first word: what lies in a section, the loader carries along.
#[unsafe(link_section = ".bss.memo")]
#[unsafe(no_mangle)]
static MEMO_WINDOW: Window<Word> = Window::new();

/// The generation of the registry.
#[inline(always)]
pub fn generation() -> u32 {
    // SAFETY: the window shows a whole state.
    unsafe { State::generation_of(STATE_WINDOW.first()).read_volatile() }
}

/// 0, and any number to the verifier: the padding of the state. Whoever writes something else there gets labels that are
/// wrong, and no more than that.
#[inline(always)]
pub fn zero() -> u32 {
    // SAFETY: as above.
    unsafe { State::padding_of(STATE_WINDOW.first()).read_volatile() }
}

/// The place of a word of the memo; of `index` only the bits that an index has are looked at.
#[inline(always)]
pub fn memo(index: u32) -> *mut Word {
    let (first, index) = (MEMO_WINDOW.first(), index as usize);
    #[cfg(target_arch = "bpf")]
    let (first, index) = {
        let (mut first, mut index) = (first, index);
        // SAFETY: the instructions change nothing but the index. The compiler does not know what they do: it must not
        // conclude from the size of the variable that there is no second word, nor leave the mask out since it is none
        // for a transport above a port, which older verifiers (Linux 5.10 and 6.1) do not know.
        unsafe {
            core::arch::asm!("{0} = {0}", inout(reg) first, options(pure, nomem, preserves_flags, nostack));
            core::arch::asm!("{0} &= {mask}", inout(reg) index, mask = const MEMO_WORDS - 1,
                options(pure, nomem, preserves_flags, nostack));
        }
        (first, index)
    };
    first.wrapping_add(index)
}

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

    /// Whether nothing is switched on, and the destination port decides.
    #[inline(always)]
    pub const fn are_off(self) -> bool {
        self.0 == 0
    }

    /// Whether one of the bits is on.
    #[inline(always)]
    pub const fn has(self, bit: u32) -> bool {
        self.0 & bit != 0
    }

    /// The same with that bit off.
    #[inline(always)]
    pub const fn without(self, bit: u32) -> Self {
        Self(self.0 & !bit)
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
