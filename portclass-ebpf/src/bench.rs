//! Programs that measure the others, in the objects of `cargo xtask bench` alone.

use aya_ebpf::{
    EbpfContext as _,
    bindings::{TC_ACT_UNSPEC, xdp_action},
    btf_maps::Array,
    helpers::bpf_xdp_adjust_meta,
    macros::{btf_map, classifier, xdp},
    programs::{TcContext, XdpContext},
};
use portclass_common::{
    label::{Class, Label},
    labelling::{Answer, Labelling},
    packet::{Link, Start, parse, quick},
    tag::Tag,
    transport::Transport,
};

use crate::{
    count::{Size, count},
    frame::Direct,
    xdp::observe_buffers,
};

/// As many as a `u16` counts before it starts anew.
const MIX_ENTRIES: usize = 1 << 16;

/// What a mix consists of, in the order in which it arrives: an IP protocol above a destination port in host byte order.
#[btf_map(name = "mix")]
static MIX: Array<u32, MIX_ENTRIES> = Array::new();

/// Offsets in an IPv4 frame without tags and options.
const TIME_TO_LIVE_AT: usize = 22;
const DESTINATION_PORT_AT: usize = 36;
/// Eight bytes behind the start of the transport's header, where the parser reads nothing.
const COUNTER_AT: usize = 42;

/// Nothing: what is subtracted from everything else.
#[xdp]
pub fn empty(_ctx: XdpContext) -> u32 {
    xdp_action::XDP_PASS
}

/// The same for frames in several buffers.
#[xdp(frags)]
pub fn empty_frags(_ctx: XdpContext) -> u32 {
    xdp_action::XDP_PASS
}

/// The same for tc.
#[classifier]
pub fn empty_tc(_ctx: TcContext) -> i32 {
    TC_ACT_UNSPEC
}

/// Observes a mix: every run's frame goes to another port.
#[xdp(frags)]
pub fn mixed(ctx: XdpContext) -> u32 {
    readdress(&ctx);
    observe_buffers(&ctx, Link::Ethernet);
    xdp_action::XDP_PASS
}

/// What is subtracted from [`mixed`].
#[xdp(frags)]
pub fn empty_mixed(ctx: XdpContext) -> u32 {
    readdress(&ctx);
    xdp_action::XDP_PASS
}

/// Observes a mix without a look-up, which leaves the look-up when it is subtracted from [`mixed`].
#[xdp(frags)]
pub fn no_lookup_mixed(ctx: XdpContext) -> u32 {
    readdress(&ctx);
    observe_without_lookup(&ctx);
    xdp_action::XDP_PASS
}

/// Tags, and takes the tag away again: the frame of a test run's next repetition is the one that this one leaves.
#[xdp(frags)]
pub fn tagged(ctx: XdpContext) -> u32 {
    observe_buffers(&ctx, Link::Ethernet);
    adjust_metadata(&ctx, size_of::<Tag>() as i32);
    xdp_action::XDP_PASS
}

/// What is subtracted from [`tagged`].
#[xdp(frags)]
pub fn empty_tagged(ctx: XdpContext) -> u32 {
    adjust_metadata(&ctx, 0);
    xdp_action::XDP_PASS
}

#[inline(always)]
fn adjust_metadata(ctx: &XdpContext, bytes: i32) {
    // SAFETY: the context is the one that the kernel handed over, and no pointer into the frame is kept.
    let _refused = unsafe { bpf_xdp_adjust_meta(ctx.as_ptr().cast(), bytes) };
}

/// Gives an IPv4 frame the protocol and destination port that come next in the mix. The frame itself counts the runs, so
/// that CPUs share nothing.
#[inline(always)]
fn readdress(ctx: &XdpContext) {
    let start = ctx.data();
    if start + COUNTER_AT + size_of::<u16>() > ctx.data_end() {
        return;
    }
    let (counter, port, time_to_live_and_protocol) = (
        (start + COUNTER_AT) as *mut u16,
        (start + DESTINATION_PORT_AT) as *mut u16,
        (start + TIME_TO_LIVE_AT) as *mut u16,
    );
    // SAFETY: the fields lie before the frame's end, at even offsets, and the kernel places it at a multiple of 8.
    unsafe {
        let run = *counter;
        *counter = run.wrapping_add(1);
        if let Some(&next) = MIX.get(u32::from(run)) {
            *time_to_live_and_protocol = (64 << 8 | (next >> 16) as u16).to_be();
            *port = (next as u16).to_be();
        }
    }
}

/// Labels come from the port by arithmetic, so that counting touches as many counters as a registry has.
#[inline(always)]
fn observe_without_lookup(ctx: &XdpContext) {
    // SAFETY: the context is the one that the kernel handed over.
    let source = || unsafe { Direct::new(ctx.ctx, false) };
    let answer = match quick(&mut source()) {
        Some(flow) => by_arithmetic(flow.transport, flow.destination).counter(),
        None => {
            let parsed = parse(source(), Start::of(Link::Ethernet), false);
            Labelling::of(parsed.outcome(), 0, by_arithmetic).counter()
        }
    };
    let bytes = (ctx.data_end() - ctx.data()) as u64;
    count(answer, Size::of_one(bytes));
}

/// TCP and UDP have slots of their own.
#[inline(always)]
fn by_arithmetic(transport: Transport, port: u16) -> Answer {
    const SLOTS: u32 = 16_384;
    let slot = (u32::from(port) << 1 | transport.index() & 1) % SLOTS;
    Answer::of(
        Some(Label::new(slot as u16, Class::Labelled)),
        transport,
        port,
    )
}
