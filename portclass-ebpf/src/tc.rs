//! Frames as the network stack sends them, and as it takes them in.

use aya_ebpf::{EbpfContext as _, bindings::__sk_buff, programs::TcContext};
use portclass_common::{
    packet::{Flow, Link, Parsed, Source as _, Start, quick},
    settings::switch,
    tag::mark_of,
    transport::Transport,
};

use crate::{
    count::{Size, account, account_quickly},
    frame::{Copied, Direct},
    label::{Recall, labelling, look_up, parse, recall},
    log::Direction,
    maps::{MARK_MASK, MARK_SHIFT, Switches},
};

/// Bytes of a tag that the hardware puts in.
const VLAN_TAG: u64 = 4;

/// What is done with a parsed frame.
type Finish = fn(&TcContext, &Parsed, Switches, Recall);

/// Labels, counts and marks a frame that leaves.
#[inline(always)]
pub fn send(ctx: &TcContext, link: Link) {
    if !count_quickly(ctx, link) && !near(ctx, link, finish_sent) {
        send_further(ctx.as_ptr().cast(), u32::from(link == Link::Ip));
    }
}

/// Labels and marks a frame that arrives, which XDP counts.
#[inline(always)]
pub fn receive(ctx: &TcContext, link: Link) {
    if !near(ctx, link, finish_received) {
        receive_further(ctx.as_ptr().cast(), u32::from(link == Link::Ip));
    }
}

/// Labels, counts and marks a frame that leaves, out of copies of its headers.
#[inline(always)]
pub fn send_copied(ctx: &TcContext, link: Link) {
    // SAFETY: the context is the one that the kernel handed over.
    let mut source = unsafe { Copied::new(ctx.skb.skb) };
    if is_quick(ctx, link)
        && let Some(flow) = quick(&mut source)
    {
        account_quickly(flow, Size::of_one(on_the_wire(ctx, 1)), look_up);
        return;
    }
    sent_copied(ctx.as_ptr().cast(), u32::from(link == Link::Ip));
}

/// Labels and marks a frame that arrives, which XDP counts, out of copies of its headers.
#[inline(always)]
pub fn receive_copied(ctx: &TcContext, link: Link) {
    received_copied(ctx.as_ptr().cast(), u32::from(link == Link::Ip));
}

/// Whether counting is all there is to do, and the frame may be of the most common kind.
#[inline(always)]
fn is_quick(ctx: &TcContext, link: Link) -> bool {
    let is_all = Switches::load().are_off() && MARK_MASK.load() == 0;
    link == Link::Ethernet && is_all && skb(ctx).gso_size == 0
}

/// Labels and counts a frame of the most common kind, as long as that is all there is to do. Gives `false` and does nothing
/// otherwise.
#[inline(always)]
fn count_quickly(ctx: &TcContext, link: Link) -> bool {
    if !is_quick(ctx, link) {
        return false;
    }
    let Some(flow) = quick(&mut direct(ctx)) else {
        return false;
    };
    account_quickly(flow, Size::of_one(on_the_wire(ctx, 1)), recall);
    true
}

#[inline(always)]
fn direct(ctx: &TcContext) -> Direct<'_, __sk_buff> {
    // SAFETY: the context is the one that the kernel handed over, and nobody changes the frame.
    unsafe { Direct::new(ctx.skb.skb, false) }
}

/// Parses what can be read without a call, often no more than the Ethernet header. Gives `false` and does nothing where
/// that is too little.
#[inline(always)]
fn near(ctx: &TcContext, link: Link, finish: Finish) -> bool {
    let switches = Switches::load();
    let parsed = parse(direct(ctx), at_start(ctx, link), switches);
    if parsed.is_truncated() {
        return false;
    }
    finish(ctx, &parsed, switches, recall);
    true
}

/// The same where a header lies beyond.
///
/// A function with a name of its own, so that the verifier follows it once, apart from its callers (global functions,
/// Linux 5.6). Its parameters and its result, which means nothing, are plain, for the sake of the object's type
/// information.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn send_further(skb: *mut __sk_buff, is_ip: u32) -> u32 {
    further(skb, is_ip != 0, Switches::load(), recall, finish_sent);
    0
}

/// As [`send_further`].
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn receive_further(skb: *mut __sk_buff, is_ip: u32) -> u32 {
    further(skb, is_ip != 0, Switches::load(), recall, finish_received);
    0
}

/// What [`send_further`] is to programs that are loaded without CAP_PERFMON: they do not log.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn sent_copied(skb: *mut __sk_buff, is_ip: u32) -> u32 {
    let switches = Switches::load().without(switch::LOG_UNLABELLED);
    further(skb, is_ip != 0, switches, look_up, finish_sent);
    0
}

/// As [`sent_copied`].
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn received_copied(skb: *mut __sk_buff, is_ip: u32) -> u32 {
    further(skb, is_ip != 0, Switches::load(), look_up, finish_received);
    0
}

#[inline(always)]
fn further(skb: *mut __sk_buff, is_ip: bool, switches: Switches, recall: Recall, finish: Finish) {
    let ctx = &TcContext::new(skb);
    let link = if is_ip { Link::Ip } else { Link::Ethernet };
    // SAFETY: the context is the one that the kernel handed over.
    let source = unsafe { Copied::new(ctx.skb.skb) };
    let parsed = parse(source, at_start(ctx, link), switches);
    finish(ctx, &parsed, switches, recall);
}

#[inline(always)]
fn skb(ctx: &TcContext) -> &__sk_buff {
    // SAFETY: the kernel hands the program a context that lives as long as it runs.
    unsafe { &*ctx.skb.skb }
}

#[inline(always)]
fn at_start(ctx: &TcContext, link: Link) -> Start {
    Start {
        link,
        tags_taken: usize::from(skb(ctx).vlan_present != 0),
    }
}

#[inline(always)]
fn finish_sent(ctx: &TcContext, parsed: &Parsed, switches: Switches, recall: Recall) {
    let size = size(ctx, parsed);
    let labelling = account(
        parsed,
        size,
        switches,
        Direction::Egress,
        || skb(ctx).ifindex,
        recall,
    );
    if MARK_MASK.load() != 0 {
        mark(ctx, mark_of(parsed.outcome(), labelling));
    }
}

#[inline(always)]
fn finish_received(ctx: &TcContext, parsed: &Parsed, switches: Switches, recall: Recall) {
    mark(
        ctx,
        mark_of(parsed.outcome(), labelling(parsed, switches, recall)),
    );
}

/// Replaces the mark's bits under the mask.
#[inline(always)]
fn mark(ctx: &TcContext, value: u32) {
    let mask = MARK_MASK.load();
    let placed = value << (MARK_SHIFT.load() & 31) & mask;
    ctx.set_mark(skb(ctx).mark & !mask | placed);
}

/// Packets and bytes that go out: a large TCP or UDP packet is cut into segments only after this hook.
#[inline(always)]
fn size(ctx: &TcContext, parsed: &Parsed) -> Size {
    let skb = skb(ctx);
    let packets = match (skb.gso_size, skb.gso_segs) {
        (0, _) => 1,
        (size, 0) => {
            let payload = u64::from(skb.len).saturating_sub(headers(ctx, parsed));
            payload.div_ceil(u64::from(size)).max(1)
        }
        (_, segments) => u64::from(segments),
    };
    Size {
        packets,
        bytes: on_the_wire(ctx, packets),
    }
}

/// Bytes that go out in this many packets.
#[inline(always)]
fn on_the_wire(ctx: &TcContext, packets: u64) -> u64 {
    let tags = packets * VLAN_TAG * u64::from(skb(ctx).vlan_present != 0);
    u64::from(skb(ctx).wire_len) + tags
}

/// Bytes of all headers up to the transport's, that one included; in a tunnel that is not looked into, up to the outer
/// transport's.
#[inline(always)]
fn headers(ctx: &TcContext, parsed: &Parsed) -> u64 {
    const TCP: u8 = Transport::Tcp.protocol();
    const PORTS: usize = 4;
    const UDP_HEADER: usize = 8;
    let rest = match parsed.outcome() {
        Ok(Flow { protocol: TCP, .. }) => {
            // SAFETY: the context is the one that the kernel handed over.
            let mut source = unsafe { Copied::new(ctx.skb.skb) };
            // The data offset stands behind two ports and two sequence numbers (RFC 9293 section 3.1).
            let words = source
                .read::<2>(parsed.offset + 8)
                .map_or(5, |field| field[0] >> 4);
            (usize::from(words) * 4).saturating_sub(PORTS)
        }
        Ok(_) => UDP_HEADER - PORTS,
        Err(_) => 0,
    };
    (parsed.offset + rest) as u64
}
