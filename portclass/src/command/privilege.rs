//! Giving up what a run needs no more once it has attached.

use std::io;

use portclass::{dataplane::Dataplane, doctor::version};
use rustix::{
    system::uname,
    thread::{
        CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set,
        set_capabilities, set_no_new_privs,
    },
};

/// What the main thread of a run needs until its end.
pub fn needed(dataplane: &Dataplane, reads_files: bool) -> CapabilitySet {
    let mut needed = CapabilitySet::empty();
    if dataplane.is_attached_over_netlink() {
        // Whoever removes a filter.
        needed |= CapabilitySet::NET_ADMIN;
    }
    // Until then every call of bpf(2) takes it where unprivileged_bpf_disabled is set (kernel commit c8644cd0efe7). That a
    // distribution may have backported this costs nothing.
    let release = uname().release().to_string_lossy().into_owned();
    if version(&release).is_none_or(|version| version < (5, 19)) {
        // CAP_SYS_ADMIN stands for it where it is not held by itself (capabilities(7)).
        needed |= held_or(CapabilitySet::BPF, CapabilitySet::SYS_ADMIN);
    }
    if reads_files {
        needed |= needed_to_read();
    }
    needed
}

/// What reading files again takes, so that root reads those of others as it did at the start.
pub fn needed_to_read() -> CapabilitySet {
    // Containers often have the other one alone, which allows more.
    held_or(CapabilitySet::DAC_READ_SEARCH, CapabilitySet::DAC_OVERRIDE)
}

/// The first one where this thread holds it, the other one otherwise.
fn held_or(first: CapabilitySet, other: CapabilitySet) -> CapabilitySet {
    let held = capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.effective);
    if held.contains(first) { first } else { other }
}

/// Gives up all of this thread's capabilities but `needed`, of those that it has, and the way back to them: root would
/// have all of them again in the next program that it becomes. Threads that it starts have no more.
///
/// # Errors
///
/// What the kernel says; it lets every thread give up what it has.
pub fn keep(needed: CapabilitySet) -> io::Result<()> {
    let has = capabilities(None)?;
    clear_ambient_capability_set()?;
    let kept = CapabilitySets {
        effective: has.effective & needed,
        permitted: has.permitted & needed,
        inheritable: CapabilitySet::empty(),
    };
    set_capabilities(None, kept)?;
    Ok(set_no_new_privs(true)?)
}
