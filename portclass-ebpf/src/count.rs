//! Counting: packets and bytes, in the row of the CPU that runs the program.

use aya_ebpf::helpers::bpf_get_smp_processor_id;
use portclass_common::{
    counter::tunnel_counter_index,
    labelling::Labelling,
    packet::{Flow, Parsed},
    settings::switch,
};

use crate::{
    label::{Recall, labelling},
    log::{self, Direction},
    maps::{COUNTER_STRIDE, COUNTERS, Switches},
};

/// Packets and bytes that a frame stands for.
#[derive(Clone, Copy)]
pub struct Size {
    pub packets: u64,
    pub bytes: u64,
}

impl Size {
    /// One packet of `bytes` bytes.
    #[inline(always)]
    pub const fn of_one(bytes: u64) -> Self {
        Self { packets: 1, bytes }
    }
}

/// Counts a frame whose ports the quick way has found, under its label or reason. Here or in [`account`] a frame becomes
/// part of the totals.
#[inline(always)]
pub fn account_quickly(flow: Flow, size: Size, recall: Recall) {
    count(recall(flow.transport, flow.destination).counter(), size);
}

/// Counts a frame under its label or reason, and beside it the tunnels that it is in.
#[inline(always)]
pub fn account(
    parsed: &Parsed,
    size: Size,
    switches: Switches,
    direction: Direction,
    interface: impl Fn() -> u32,
    recall: Recall,
) -> Labelling {
    let labelling = labelling(parsed, switches, recall);
    count(labelling.counter(), size);
    if switches.has(switch::DECAPSULATE) {
        tunnels(parsed, size);
    }
    if switches.has(switch::LOG_UNLABELLED) && !labelling.is_labelled() {
        log::unlabelled(interface(), direction, labelling.class_code(), parsed);
    }
    labelling
}

/// Counts a frame under the counter at `index`.
#[inline(always)]
pub fn count(index: u32, size: Size) {
    // SAFETY: the helper has no preconditions.
    let cpu = unsafe { bpf_get_smp_processor_id() };
    if let Some(counter) = COUNTERS.get_ptr_mut(cpu * COUNTER_STRIDE.load() + index) {
        // SAFETY: the element is valid until the program ends, and only this CPU writes its row, one frame at a time.
        unsafe { (*counter).count(size.packets, size.bytes) };
    }
}

/// Counts the tunnels that a frame is in, which the totals leave out.
#[inline(always)]
fn tunnels(parsed: &Parsed, size: Size) {
    for position in parsed.tunnels.positions().into_iter().flatten() {
        count(tunnel_counter_index(position), size);
    }
}
