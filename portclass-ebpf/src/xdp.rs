//! Frames as the driver hands them over.

use aya_ebpf::{
    EbpfContext as _,
    bindings::xdp_md,
    helpers::{bpf_xdp_adjust_meta, bpf_xdp_get_buff_len},
    programs::XdpContext,
};
use portclass_common::{
    counter::{TAGGED, UNTAGGED},
    labelling::Labelling,
    packet::{Link, Parsed, Start, quick},
    settings::switch,
    tag::Tag,
};

use crate::{
    count::{Size, account, account_quickly, count},
    frame::{Copied, Direct},
    label::{Recall, look_up, parse, recall},
    log::Direction,
    maps::Switches,
};

/// A linear part from this size up may be the first of several buffers. The helper that knows is a real call, and
/// small frames do not pay for it.
const MULTI_BUFFER_FROM: u64 = 1_024;

/// Bytes of a frame that lies in one buffer.
#[inline(always)]
fn in_one_buffer(ctx: &XdpContext) -> u64 {
    (ctx.data_end() - ctx.data()) as u64
}

/// Bytes of a frame that may lie in several buffers. Drivers fill the first one before they take a second; one that puts
/// fewer bytes than [`MULTI_BUFFER_FROM`] into the first has its frames counted by those, where the headers are there.
#[inline(always)]
fn in_buffers(ctx: &XdpContext) -> u64 {
    let linear = in_one_buffer(ctx);
    if linear < MULTI_BUFFER_FROM {
        return linear;
    }
    // SAFETY: the context is the one that the kernel handed over.
    unsafe { bpf_xdp_get_buff_len(ctx.as_ptr().cast()) }
}

/// Labels, counts and tags a frame that lies in one buffer.
#[inline(always)]
pub fn observe(ctx: &XdpContext, link: Link) {
    let switches = Switches::load();
    if count_quickly(ctx, link, switches, in_one_buffer) {
        return;
    }
    let parsed = parse(direct(ctx, true), Start::of(link), switches);
    finish(ctx, &parsed, in_one_buffer(ctx), switches, recall);
}

/// Labels, counts and tags a frame that may lie in several buffers.
#[inline(always)]
pub fn observe_buffers(ctx: &XdpContext, link: Link) {
    let switches = Switches::load();
    if count_quickly(ctx, link, switches, in_buffers) {
        return;
    }
    // Whether there are more buffers would cost a call to know, and it matters to few frames.
    let parsed = parse(direct(ctx, false), Start::of(link), switches);
    if parsed.is_truncated() {
        xdp_further(ctx.as_ptr().cast(), u32::from(link == Link::Ip));
        return;
    }
    finish(ctx, &parsed, in_buffers(ctx), switches, recall);
}

/// Labels, counts and tags a frame out of copies of its headers.
#[inline(always)]
pub fn observe_copied(ctx: &XdpContext, link: Link) {
    let switches = Switches::load();
    // SAFETY: the context is the one that the kernel handed over.
    let mut source = unsafe { Copied::new(ctx.ctx) };
    if link == Link::Ethernet
        && switches.are_off()
        && let Some(flow) = quick(&mut source)
    {
        // SAFETY: as above.
        let bytes = unsafe { bpf_xdp_get_buff_len(ctx.ctx) };
        account_quickly(flow, Size::of_one(bytes), look_up);
        return;
    }
    xdp_copied(ctx.as_ptr().cast(), u32::from(link == Link::Ip));
}

/// Labels and counts a frame of the most common kind, as long as that is all there is to do. Gives `false` and does nothing
/// otherwise.
#[inline(always)]
fn count_quickly(
    ctx: &XdpContext,
    link: Link,
    switches: Switches,
    bytes: fn(&XdpContext) -> u64,
) -> bool {
    if link != Link::Ethernet || !switches.are_off() {
        return false;
    }
    let Some(flow) = quick(&mut direct(ctx, false)) else {
        return false;
    };
    account_quickly(flow, Size::of_one(bytes(ctx)), recall);
    true
}

/// The same where a header lies beyond the first buffer.
///
/// A function with a name of its own, so that the verifier follows it once, apart from its callers (global functions,
/// Linux 5.6). Its parameters and its result, which means nothing, are plain, for the sake of the object's type
/// information.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn xdp_further(ctx: *mut xdp_md, is_ip: u32) -> u32 {
    further(ctx, is_ip != 0, Switches::load(), recall);
    0
}

/// What [`xdp_further`] is to programs that are loaded without CAP_PERFMON: they do not log.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn xdp_copied(ctx: *mut xdp_md, is_ip: u32) -> u32 {
    let switches = Switches::load().without(switch::LOG_UNLABELLED);
    further(ctx, is_ip != 0, switches, look_up);
    0
}

#[inline(always)]
fn further(ctx: *mut xdp_md, is_ip: bool, switches: Switches, recall: Recall) {
    let ctx = &XdpContext::new(ctx);
    let link = if is_ip { Link::Ip } else { Link::Ethernet };
    // SAFETY: the context is the one that the kernel handed over.
    let source = unsafe { Copied::new(ctx.ctx) };
    let parsed = parse(source, Start::of(link), switches);
    // SAFETY: as above. A first buffer may hold no more than some headers, so it is the helper's to say.
    let bytes = unsafe { bpf_xdp_get_buff_len(ctx.ctx) };
    finish(ctx, &parsed, bytes, switches, recall);
}

#[inline(always)]
fn direct(ctx: &XdpContext, is_whole: bool) -> Direct<'_, xdp_md> {
    // SAFETY: the context is the one that the kernel handed over, and the frame is changed only once it is parsed.
    unsafe { Direct::new(ctx.ctx, is_whole) }
}

#[inline(always)]
fn finish(ctx: &XdpContext, parsed: &Parsed, bytes: u64, switches: Switches, recall: Recall) {
    let original = match switches.has(switch::ORIGINAL_LENGTH) {
        true => original_length(ctx),
        false => None,
    };
    let size = Size::of_one(original.unwrap_or(bytes));
    let labelling = account(
        parsed,
        size,
        switches,
        Direction::Ingress,
        || ctx.ingress_ifindex() as u32,
        recall,
    );
    if switches.has(switch::TAG_METADATA) {
        tag(ctx, parsed, labelling, size);
    }
}

/// The length that a replay gives along with the first bytes of a frame.
#[inline(always)]
fn original_length(ctx: &XdpContext) -> Option<u64> {
    let length = ctx.metadata() as *const u64;
    if length.wrapping_add(1) as usize > ctx.metadata_end() {
        return None;
    }
    // SAFETY: the eight bytes of metadata lie before the frame, which the kernel places at a multiple of 8.
    Some(unsafe { length.read() })
}

/// Puts a tag in front of the frame, unless somebody else's metadata is there: a tag ends where the frame begins. This
/// comes last: it makes every pointer into the frame invalid.
#[inline(always)]
fn tag(ctx: &XdpContext, parsed: &Parsed, labelling: Labelling, size: Size) {
    let room = -(size_of::<Tag>() as i32);
    // Pointers may be compared by all, and subtracted by some (CAP_PERFMON).
    let is_free = (ctx.metadata() as *const u8).wrapping_add(1) as usize > ctx.metadata_end();
    // SAFETY: the context is the one that the kernel handed over.
    let refused = !is_free || unsafe { bpf_xdp_adjust_meta(ctx.as_ptr().cast(), room) } != 0;
    let place = ctx.metadata() as *mut Tag;
    if refused || place.wrapping_add(1) as usize > ctx.metadata_end() {
        count(UNTAGGED, size);
        return;
    }
    // SAFETY: the tag lies between the start of the metadata and the frame, at a multiple of 4.
    unsafe { place.write(Tag::new(parsed.outcome(), labelling)) };
    count(TAGGED, size);
}
