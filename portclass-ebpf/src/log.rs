//! The debug log of unlabelled frames. Switched off, the verifier removes all of it.

use aya_ebpf::helpers::bpf_ktime_get_ns;
use aya_log_ebpf::debug;
use portclass_common::{
    label::Class,
    packet::{Parsed, Reason},
    settings::LOG_LINES_PER_SECOND,
};

use crate::maps::LOG_BUDGET;

const SECOND: u64 = 1_000_000_000;

/// Which way a frame goes.
#[derive(Clone, Copy)]
#[repr(u8)]
pub enum Direction {
    /// It arrives.
    Ingress,
    /// It leaves.
    Egress,
}

/// Logs the frame, unless this second's lines are spent.
#[inline(always)]
pub fn unlabelled(interface: u32, direction: Direction, class: u8, parsed: &Parsed) {
    if !may_log() {
        return;
    }
    let (protocol, source, destination) = match parsed.outcome() {
        Ok(flow) => (flow.protocol, flow.source, flow.destination),
        Err(Reason::Fragment { protocol } | Reason::Protocol { protocol }) => (protocol, 0, 0),
        Err(_) => (0, 0, 0),
    };
    let ports = u32::from(source) << 16 | u32::from(destination);
    log_unlabelled(
        interface,
        direction as u32,
        u32::from(class),
        u32::from(protocol),
        ports,
    );
}

#[inline(always)]
fn may_log() -> bool {
    let Some(budget) = LOG_BUDGET.get_ptr_mut(0) else {
        return false;
    };
    // SAFETY: the element is this CPU's own and valid until the program ends.
    let budget = unsafe { &mut *budget };
    // SAFETY: the helper has no preconditions.
    let second = unsafe { bpf_ktime_get_ns() } / SECOND;
    if budget.second != second {
        budget.second = second;
        budget.lines = 0;
    }
    budget.lines += 1;
    budget.lines <= u64::from(LOG_LINES_PER_SECOND)
}

/// A function with a name of its own, so that the verifier follows it once, and not for all that leads to it (global
/// functions, Linux 5.6). Its parameters and its result, which means nothing, are plain, for the sake of the object's type
/// information: the kernel refuses that of Rust's enums with fields. There may be five of them, so the source port
/// stands above the destination port in one.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn log_unlabelled(
    interface: u32,
    direction: u32,
    class: u32,
    protocol: u32,
    ports: u32,
) -> u32 {
    let (direction, class, protocol) = (direction as u8, class as u8, protocol as u8);
    let (source, destination) = ((ports >> 16) as u16, ports as u16);
    macro_rules! with_ports {
        ($class:literal) => {
            debug!(
                &(),
                "interface {}, direction {}: {}, protocol {}, port {}, from port {}",
                interface,
                direction,
                $class,
                protocol,
                destination,
                source
            )
        };
    }
    macro_rules! with_protocol {
        ($class:literal) => {
            debug!(
                &(),
                "interface {}, direction {}: {}, protocol {}",
                interface,
                direction,
                $class,
                protocol
            )
        };
    }
    macro_rules! bare {
        ($class:literal) => {
            debug!(
                &(),
                "interface {}, direction {}: {}", interface, direction, $class
            )
        };
    }
    match Class::of_code(class) {
        Some(Class::Dynamic) => with_ports!("dynamic"),
        Some(Class::Unassigned) => with_ports!("unassigned"),
        Some(Class::Reserved) => with_ports!("reserved"),
        Some(Class::PrivateUse) => with_ports!("private-use"),
        Some(Class::Withdrawn) => with_ports!("withdrawn"),
        Some(Class::Fragment) => with_protocol!("fragment"),
        Some(Class::Protocol) => with_protocol!("no ports"),
        Some(Class::NonIp) => bare!("non-ip"),
        Some(Class::Truncated) => bare!("truncated"),
        Some(Class::Malformed) => bare!("malformed"),
        Some(Class::TooDeep) => bare!("too-deep"),
        Some(Class::Labelled) | None => {}
    }
    0
}
