//! Facts about the kernel and this process: read where that is enough, and tried where only trying tells.

use std::{fs, path::Path};

use aya::programs::{SchedClassifier, TcAttachType};
use portclass_common::packet::Link;
use rustix::{
    process::{Resource, getrlimit},
    system::uname,
    thread::{CapabilitySet, capabilities, capability_is_in_bounding_set, no_new_privs},
};

use crate::{
    dataplane::{
        Dataplane, DataplaneError, Lock, Maps, PinError, Pins, Role, Settings, check_bpffs,
    },
    text::{one_line, shell_word},
};

/// What this process is, and what it may do.
#[derive(Clone, Debug)]
pub struct ProcessFacts {
    /// The program's file, as a shell takes it; `None` where that is not to be known.
    pub program: Option<String>,
    /// The kernel's version, as `uname -r` says it.
    pub kernel: String,
    /// What this process may do.
    pub capabilities: Capabilities,
    /// Whether a program's file can give the three that are needed: none may be beyond the bounding set, as they are in
    /// containers, and programs must not be kept from new privileges (capabilities(7)).
    pub files_can_grant: bool,
    /// Whether this process is in a user namespace of its own, where capabilities are not what the kernel asks for.
    pub in_user_namespace: bool,
    /// The most bytes that this process may lock in memory; `None` for any number.
    pub memlock: Option<u64>,
}

impl ProcessFacts {
    /// Reads them.
    pub fn read() -> Self {
        let program = std::env::current_exe().ok();
        Self {
            program: program.and_then(|path| Some(shell_word(path.to_str()?).into_owned())),
            kernel: one_line(&uname().release().to_string_lossy()),
            capabilities: Capabilities::of_this_process(),
            files_can_grant: files_can_grant(),
            in_user_namespace: in_user_namespace(),
            memlock: getrlimit(Resource::Memlock).current,
        }
    }
}

/// What the kernel and this process can do.
#[derive(Debug)]
pub struct HostFacts {
    /// What this process may do, after loading, which lifts its limits where it can.
    pub process: ProcessFacts,
    /// What loading the programs came to, with maps as large as a run's.
    pub loaded: Result<Loaded, DataplaneError>,
    /// Whether the kernel has tcx; `None` where this process may not ask.
    pub tcx: Option<bool>,
    /// Whether the kernel has clsact, built in or as a module; `None` where that is not to be known.
    pub clsact: Option<bool>,
    /// What `net.core.bpf_jit_enable` says; `None` where it cannot be read, as in most network namespaces.
    pub jit: Option<u32>,
    /// What `kernel.unprivileged_bpf_disabled` says; `None` where it cannot be read.
    pub unprivileged_disabled: Option<u32>,
    /// The mode of lockdown; `None` where there is none.
    pub lockdown: Option<String>,
    /// Whether the kernel describes its types.
    pub btf: bool,
    /// Whether pins have a file system.
    pub bpffs: Result<(), PinError>,
    /// Why a run would leave pins that are there.
    pub pins_refused: Option<PinError>,
}

/// The capabilities that matter. CAP_SYS_ADMIN stands for the two of BPF (capabilities(7)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// CAP_BPF: to load maps and programs.
    pub bpf: bool,
    /// CAP_NET_ADMIN: to load programs for the network, and to attach them.
    pub net_admin: bool,
    /// CAP_PERFMON: to have the verifier follow pointers as it does for root.
    pub perfmon: bool,
    /// Any other one.
    pub others: bool,
}

impl Capabilities {
    fn of_this_process() -> Self {
        let sets = capabilities(None);
        let has = sets.map_or(CapabilitySet::empty(), |sets| sets.effective);
        let is_admin = has.contains(CapabilitySet::SYS_ADMIN);
        let ours = CapabilitySet::BPF | CapabilitySet::NET_ADMIN | CapabilitySet::PERFMON;
        Self {
            bpf: is_admin || has.contains(CapabilitySet::BPF),
            net_admin: has.contains(CapabilitySet::NET_ADMIN),
            perfmon: is_admin || has.contains(CapabilitySet::PERFMON),
            others: !ours.contains(has),
        }
    }
}

/// What loading the programs came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Whether they take frames in several buffers.
    pub frags: bool,
    /// Whether they were compiled; `None` where the kernel does not tell.
    pub jited: Option<bool>,
}

impl HostFacts {
    /// Finds them out, for interfaces whose frames begin with `links`, and pins in the folder `pin_dir`.
    pub fn find(links: &[Link], pin_dir: &Path) -> Self {
        let (loaded, pins_refused) = load(links, pin_dir);
        Self {
            process: ProcessFacts::read(),
            loaded,
            tcx: has_tcx(),
            clsact: has_clsact(),
            jit: number("/proc/sys/net/core/bpf_jit_enable"),
            unprivileged_disabled: number("/proc/sys/kernel/unprivileged_bpf_disabled"),
            lockdown: lockdown(),
            btf: Path::new("/sys/kernel/btf/vmlinux").exists(),
            bpffs: check_bpffs(pin_dir),
            pins_refused,
        }
    }
}

/// Does what a run does before it attaches: it takes the pinned maps where there are some, and says why where it does not.
fn load(links: &[Link], pin_dir: &Path) -> (Result<Loaded, DataplaneError>, Option<PinError>) {
    let lock = Lock::shared(pin_dir);
    match lock.and_then(|lock| Ok((Pins::find(pin_dir)?, lock))) {
        Ok((Some(pins), _lock)) => (load_with(Maps::Pinned(&pins), links), None),
        other => (load_with(Maps::Private { entries: 0 }, links), other.err()),
    }
}

fn load_with(maps: Maps<'_>, links: &[Link]) -> Result<Loaded, DataplaneError> {
    let mut dataplane = Dataplane::open(maps, Settings::default())?;
    let image = dataplane.image(0);
    let mut frags = true;
    for &link in links {
        image.load(Role::Ingress, link)?;
        frags &= image.takes_frags(link);
    }
    let jited = image.is_jited();
    Ok(Loaded { frags, jited })
}

/// Asks what is attached at tcx to the loopback interface, which every network namespace has.
fn has_tcx() -> Option<bool> {
    match SchedClassifier::query_tcx("lo", TcAttachType::Ingress) {
        Ok(_) => Some(true),
        Err(error) => {
            let code = crate::dataplane::error::system_error(&error)?.raw_os_error()?;
            // What a kernel says that does not know this kind of attachment.
            (code == rustix::io::Errno::INVAL.raw_os_error()).then_some(false)
        }
    }
}

/// clsact comes with the module `sch_ingress`.
fn has_clsact() -> Option<bool> {
    const MODULE: &str = "sch_ingress";
    if Path::new("/sys/module").join(MODULE).exists() {
        return Some(true);
    }
    let folder = Path::new("/lib/modules").join(uname().release().to_str().ok()?);
    let builtin = fs::read_to_string(folder.join("modules.builtin")).ok()?;
    let modules = fs::read_to_string(folder.join("modules.dep")).unwrap_or_default();
    let file = format!("/{MODULE}.ko");
    Some(builtin.contains(&file) || modules.contains(&file))
}

fn number(path: &str) -> Option<u32> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// The mode in brackets: `none [integrity] confidentiality`.
fn lockdown() -> Option<String> {
    let modes = fs::read_to_string("/sys/kernel/security/lockdown").ok()?;
    let (_, rest) = modes.split_once('[')?;
    let (mode, _) = rest.split_once(']')?;
    Some(one_line(mode))
}

fn files_can_grant() -> bool {
    let mut needed = [
        CapabilitySet::BPF,
        CapabilitySet::NET_ADMIN,
        CapabilitySet::PERFMON,
    ]
    .into_iter();
    !no_new_privs().unwrap_or(false)
        && needed.all(|capability| capability_is_in_bounding_set(capability).unwrap_or(true))
}

/// The first user namespace has every user of the system (user_namespaces(7)).
fn in_user_namespace() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let mut words = map.split_ascii_whitespace();
    let first = [words.next(), words.next(), words.next()];
    !map.is_empty() && first != [Some("0"), Some("0"), Some("4294967295")]
}
