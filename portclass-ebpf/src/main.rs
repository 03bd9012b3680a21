//! The kernel side: parse, label, count, tag, pass. An observer: whatever happens inside, the verdict is "pass".
#![cfg_attr(target_arch = "bpf", no_std, no_main, feature(asm_experimental_arch))]
#![expect(
    missing_docs,
    reason = "the macros drop the entry points' documentation"
)]

#[cfg(feature = "bench")]
mod bench;
mod count;
mod frame;
mod label;
mod log;
mod maps;
mod tc;
mod xdp;

use aya_ebpf::{
    bindings::{TC_ACT_UNSPEC, xdp_action},
    macros::{classifier, xdp},
    programs::{TcContext, XdpContext},
};
use portclass_common::packet::Link;

/// What arrives, for kernels or drivers without multi-buffer frames.
#[xdp]
pub fn portclass(ctx: XdpContext) -> u32 {
    xdp::observe(&ctx, Link::Ethernet);
    xdp_action::XDP_PASS
}

/// What arrives, for kernels with multi-buffer frames (Linux 5.18).
#[xdp(frags)]
pub fn portclass_frags(ctx: XdpContext) -> u32 {
    xdp::observe_buffers(&ctx, Link::Ethernet);
    xdp_action::XDP_PASS
}

/// What arrives at an interface without a link-layer header.
#[xdp]
pub fn portclass_ip(ctx: XdpContext) -> u32 {
    xdp::observe(&ctx, Link::Ip);
    xdp_action::XDP_PASS
}

/// What arrives at an interface without a link-layer header, for kernels with multi-buffer frames.
#[xdp(frags)]
pub fn portclass_ip_fr(ctx: XdpContext) -> u32 {
    xdp::observe_buffers(&ctx, Link::Ip);
    xdp_action::XDP_PASS
}

/// What arrives, where the program may not point into the frame (without CAP_PERFMON).
#[xdp]
pub fn portclass_c(ctx: XdpContext) -> u32 {
    xdp::observe_copied(&ctx, Link::Ethernet);
    xdp_action::XDP_PASS
}

/// The same for multi-buffer frames.
#[xdp(frags)]
pub fn portclass_cfr(ctx: XdpContext) -> u32 {
    xdp::observe_copied(&ctx, Link::Ethernet);
    xdp_action::XDP_PASS
}

/// The same at an interface without a link-layer header.
#[xdp]
pub fn portclass_cip(ctx: XdpContext) -> u32 {
    xdp::observe_copied(&ctx, Link::Ip);
    xdp_action::XDP_PASS
}

/// The same there for multi-buffer frames.
#[xdp(frags)]
pub fn portclass_cipfr(ctx: XdpContext) -> u32 {
    xdp::observe_copied(&ctx, Link::Ip);
    xdp_action::XDP_PASS
}

/// "Not for me to say": the next program of tcx, or the next filter of clsact, has its turn. Both have this number.
const NEXT: i32 = TC_ACT_UNSPEC;

/// What leaves.
#[classifier]
pub fn portclass_tx(ctx: TcContext) -> i32 {
    tc::send(&ctx, Link::Ethernet);
    NEXT
}

/// What leaves by an interface without a link-layer header.
#[classifier]
pub fn portclass_tx_ip(ctx: TcContext) -> i32 {
    tc::send(&ctx, Link::Ip);
    NEXT
}

/// What arrives and is to be marked.
#[classifier]
pub fn portclass_rx(ctx: TcContext) -> i32 {
    tc::receive(&ctx, Link::Ethernet);
    NEXT
}

/// What arrives at an interface without a link-layer header and is to be marked.
#[classifier]
pub fn portclass_rx_ip(ctx: TcContext) -> i32 {
    tc::receive(&ctx, Link::Ip);
    NEXT
}

/// What leaves, where the program may not point into the frame.
#[classifier]
pub fn portclass_ctx(ctx: TcContext) -> i32 {
    tc::send_copied(&ctx, Link::Ethernet);
    NEXT
}

/// The same by an interface without a link-layer header.
#[classifier]
pub fn portclass_ctxip(ctx: TcContext) -> i32 {
    tc::send_copied(&ctx, Link::Ip);
    NEXT
}

/// What arrives and is to be marked, where the program may not point into the frame.
#[classifier]
pub fn portclass_crx(ctx: TcContext) -> i32 {
    tc::receive_copied(&ctx, Link::Ethernet);
    NEXT
}

/// The same at an interface without a link-layer header.
#[classifier]
pub fn portclass_crxip(ctx: TcContext) -> i32 {
    tc::receive_copied(&ctx, Link::Ip);
    NEXT
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
