//! Labelling: the registry's answer to a parsed frame.

use portclass_common::{
    counter::FIRST_SLOT,
    label::Label,
    labelling::Labelling,
    packet::{Parsed, Source, Start, parse},
    port::PortKey,
    settings::switch,
};

use crate::maps::{COUNTER_STRIDE, REGISTRY, Switches};

/// Parses a frame as the load-time settings ask for.
#[inline(always)]
pub fn parsed(source: impl Source, start: Start, switches: Switches) -> Parsed {
    parse(source, start, switches.has(switch::DECAPSULATE))
}

/// What the frame is counted under.
#[inline(always)]
pub fn labelling(parsed: &Parsed, switches: Switches) -> Labelling {
    Labelling::of(parsed.outcome(), switches.matching(), lookup)
}

#[inline(always)]
fn lookup(key: PortKey) -> Option<Label> {
    // SAFETY: the reference is read before the program ends, and the map's entries are preallocated: an entry that
    // user space replaces meanwhile gives the old label or the new one, each of them valid.
    let label = *unsafe { REGISTRY.get(key) }?;
    // Others may write to the pinned map, and a slot that it has no room for would count in another CPU's row.
    (FIRST_SLOT + u32::from(label.slot()) < COUNTER_STRIDE.load()).then_some(label)
}
