//! Labelling: the registry's answer to a parsed frame.

use portclass_common::{
    counter::FIRST_SLOT,
    label::Label,
    labelling::{Answer, Labelling},
    memo::{Word, memo_index, memo_place},
    packet::{self, Parsed, Source, Start},
    port::PortKey,
    settings::switch,
    transport::Transport,
};

use crate::maps::{COUNTER_STRIDE, REGISTRY, Switches, generation, memo};

/// Parses a frame as the load-time settings ask for.
#[inline(always)]
pub fn parse(source: impl Source, start: Start, switches: Switches) -> Parsed {
    packet::parse(source, start, switches.has(switch::DECAPSULATE))
}

/// How the registry is asked: [`recall`], or [`look_up`] in programs that are loaded without CAP_PERFMON. The verifier
/// remembers of every number that goes to a pointer which it was, on every path, and gives up on 6.1 for one such number
/// (`explore_alu_limits`, kernel commit e042aa532c84).
pub type Recall = fn(Transport, u16) -> Answer;

/// What the frame is counted under.
#[inline(always)]
pub fn labelling(parsed: &Parsed, switches: Switches, recall: Recall) -> Labelling {
    Labelling::of(parsed.outcome(), switches.matching(), recall)
}

/// The registry's answer, out of the memo where that has one of this generation.
#[inline(always)]
pub fn recall(transport: Transport, port: u16) -> Answer {
    if cfg!(feature = "plain-lookup") {
        return look_up(transport, port);
    }
    let index = memo_index(transport, port);
    let generation = generation();
    // SAFETY: the word lies in the memo; others may write it meanwhile, in one piece.
    let word = unsafe { memo(index).read_volatile() };
    word.answer(generation)
        .unwrap_or_else(|| Answer::of_bits(ask(index, generation)))
}

/// Asks the registry, and remembers what it says for this generation.
///
/// A writer changes the registry first and its generation last. So an answer that is remembered for a generation is at
/// least as new as that, and no answer outlives its generation.
///
/// A function with a name of its own, so that the verifier follows it once (global functions, Linux 5.6), and few frames
/// come here. Parameters and result are plain, for the sake of the object's type information.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn ask(index: u32, generation: u32) -> u32 {
    let (transport, port) = memo_place(index);
    let port = after(generation, port);
    let (answer, again) = (look_up(transport, port), look_up(transport, port));
    // An entry that user space replaces gives its place to the next one, and whoever is held up between finding a label
    // and reading it may read that one's. It is not likely to come twice, and the next generation ends it.
    if answer == again {
        // SAFETY: the word lies in the memo, and it is written in one piece.
        unsafe { memo(index).write_volatile(Word::new(generation, answer)) };
    }
    again.bits()
}

/// `port`, which no CPU knows before it knows `generation`: one that may reorder loads must not look the port up first.
#[inline(always)]
fn after(generation: u32, port: u16) -> u16 {
    #[cfg(target_arch = "bpf")]
    let port = {
        let mut zero = u64::from(generation);
        // SAFETY: the instruction makes a number 0.
        unsafe {
            core::arch::asm!("{0} ^= {0}", inout(reg) zero, options(pure, nomem, preserves_flags, nostack));
        }
        port ^ zero as u16
    };
    #[cfg(not(target_arch = "bpf"))]
    let _ = generation;
    port
}

/// Asks the hash map.
#[inline(always)]
pub fn look_up(transport: Transport, port: u16) -> Answer {
    let Some(entry) = REGISTRY.get_ptr(PortKey::new(port, transport)) else {
        return Answer::of(None, transport, port);
    };
    // SAFETY: the entry is valid until the program ends, and its four bytes lie at a multiple of 8. User space may replace
    // it at any moment, and what is read in one piece is a label that is, or was, an entry's.
    let label = Label::of_bytes(unsafe { entry.cast::<u32>().read_volatile() }.to_ne_bytes());
    // Others may write to the pinned map, and a slot that it has no room for would count in another CPU's row.
    let is_there = FIRST_SLOT + u32::from(label.slot()) < COUNTER_STRIDE.load();
    Answer::of(is_there.then_some(label), transport, port)
}
