//! The kernel side: parse, label, count, pass. An observer: whatever happens inside, the verdict is "pass".
#![cfg_attr(target_arch = "bpf", no_std, no_main)]
#![expect(
    missing_docs,
    reason = "the macros drop the entry points' documentation"
)]

mod count;
mod log;
mod maps;

use aya_ebpf::{bindings::xdp_action, macros::xdp, programs::XdpContext};
use portclass_common::{
    counter::FIRST_SLOT,
    label::Class,
    packet::{Cursor, Flow, Reason, parse},
    port::{FIRST_DYNAMIC, PortKey},
};

/// For kernels or drivers without multi-buffer frames.
#[xdp]
pub fn portclass(ctx: XdpContext) -> u32 {
    observe(&ctx, count::linear_bytes);
    xdp_action::XDP_PASS
}

/// For kernels with multi-buffer frames (Linux 5.18).
#[xdp(frags)]
pub fn portclass_frags(ctx: XdpContext) -> u32 {
    observe(&ctx, count::frame_bytes);
    xdp_action::XDP_PASS
}

#[inline(always)]
fn observe(ctx: &XdpContext, bytes: impl Fn(&XdpContext) -> u64) {
    // SAFETY: the kernel hands the program a frame that is readable from `data` up to `data_end`.
    let frame = unsafe { Cursor::from_range(ctx.data() as *const u8, ctx.data_end() as *const u8) };
    let outcome = parse(frame);
    let (index, class) = match outcome {
        Ok(flow) => label(flow),
        Err(reason) => (reason.counter_index(), reason.class() as u8),
    };
    count::count(index, bytes(ctx));
    if class != Class::Labelled as u8 {
        log::unlabelled(ctx, class, outcome);
    }
}

/// The counter of a flow's destination port, and the code of its class.
#[inline(always)]
fn label(flow: Flow) -> (u32, u8) {
    let key = PortKey::new(flow.destination, flow.transport);
    // SAFETY: the reference is read before the program ends, and the map's entries are preallocated: an entry that
    // user space replaces meanwhile gives the old label or the new one, each of them valid.
    if let Some(label) = unsafe { maps::REGISTRY.get(key) } {
        let index = FIRST_SLOT + u32::from(label.slot());
        // Others may write to the pinned map, and a slot that it has no room for would count in another CPU's row.
        if index < maps::COUNTER_STRIDE.load() {
            return (index, label.class_code());
        }
    }
    let reason = if flow.destination >= FIRST_DYNAMIC {
        Reason::Dynamic(flow.transport)
    } else {
        Reason::Unassigned(flow.transport)
    };
    (reason.counter_index(), reason.class() as u8)
}

#[cfg(not(target_arch = "bpf"))]
fn main() {}

#[cfg(target_arch = "bpf")]
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    // Nothing in this program panics: the verifier would reject the endless loop.
    loop {}
}

#[cfg(target_arch = "bpf")]
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
