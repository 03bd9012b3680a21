//! Counting: packets and bytes, in the row of the CPU that runs the program.

use aya_ebpf::{
    EbpfContext as _,
    helpers::{bpf_get_smp_processor_id, bpf_xdp_get_buff_len},
    programs::XdpContext,
};

use crate::maps::{COUNTER_STRIDE, COUNTERS};

/// A linear part from this size up may be the first of several buffers. The helper that knows is a real call, and
/// small frames do not pay for it.
const MULTI_BUFFER_FROM: u64 = 1_024;

/// Counts one frame of `bytes` bytes under the counter at `index`.
#[inline(always)]
pub fn count(index: u32, bytes: u64) {
    // SAFETY: the helper has no preconditions.
    let cpu = unsafe { bpf_get_smp_processor_id() };
    if let Some(counter) = COUNTERS.get_ptr_mut(cpu * COUNTER_STRIDE.load() + index) {
        // SAFETY: the element is valid until the program ends, and only this CPU writes its row, one frame at a time.
        unsafe { (*counter).count(bytes) };
    }
}

/// Bytes of a frame that lies in one buffer.
#[inline(always)]
pub fn linear_bytes(ctx: &XdpContext) -> u64 {
    (ctx.data_end() - ctx.data()) as u64
}

/// Bytes of a frame that may lie in several buffers.
#[inline(always)]
pub fn frame_bytes(ctx: &XdpContext) -> u64 {
    let linear = linear_bytes(ctx);
    if linear < MULTI_BUFFER_FROM {
        return linear;
    }
    // SAFETY: the context is the one that the kernel handed over.
    unsafe { bpf_xdp_get_buff_len(ctx.as_ptr().cast()) }
}
