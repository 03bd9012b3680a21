//! What the kernel and this process can do, judged.

use super::{Finding, Id, Severity};
use crate::dataplane::{
    DataplaneError, PinError,
    probe::{Capabilities, HostFacts, ProcessFacts},
};

/// What gives the program the capabilities that it needs, whoever runs it.
fn setcap(facts: &ProcessFacts) -> String {
    let program = facts
        .program
        .as_deref()
        .unwrap_or("$(command -v portclass)");
    format!("sudo setcap cap_bpf,cap_net_admin,cap_perfmon+ep {program}")
}

/// What gives them to a process that gets them from no file.
const FROM_OUTSIDE: &str = "let it have CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON from outside: podman and docker run take \
    --cap-add BPF --cap-add NET_ADMIN --cap-add PERFMON, a systemd unit AmbientCapabilities= and CapabilityBoundingSet=";

/// The remedy for what takes more privilege, down to the command.
fn with_command(remedy: &str, facts: &ProcessFacts) -> String {
    if facts.files_can_grant {
        format!("{remedy}: {}", setcap(facts))
    } else {
        FROM_OUTSIDE.to_owned()
    }
}

/// All that is to be said of the host.
pub(super) fn system(facts: &HostFacts) -> Vec<Finding> {
    let mut findings = vec![kernel(&facts.process)];
    match &facts.loaded {
        Err(error) => findings.push(why_not_loaded(error, &facts.process)),
        Ok(loaded) => {
            let summary = "the kernel takes the maps and the programs";
            findings.push(Finding::new(Id::Loads, Severity::Ok, summary));
            findings.extend(capabilities(&facts.process));
            if !loaded.frags {
                findings.push(Finding::new(
                    Id::NoFrags,
                    Severity::Info,
                    "XDP takes no frames in several buffers on this kernel (Linux 5.18): large MTUs are in the way of \
                     native mode",
                ));
            }
        }
    }
    findings.extend(tc(facts));
    findings.push(jit(facts));
    if !facts.btf {
        let summary = "the kernel does not describe its types (BTF), which portclass does without";
        findings.push(Finding::new(Id::NoBtf, Severity::Info, summary));
    }
    findings.push(bpffs(facts));
    if let Some(why) = &facts.pins_refused {
        let summary = format!("a run does not use the pinned registry: {why}");
        findings.push(Finding::new(Id::PinsUnused, Severity::Warning, summary));
    }
    if let Some(mode) = facts.lockdown.as_deref().filter(|&mode| mode != "none") {
        // LOCKDOWN_BPF_READ_KERNEL keeps programs from helpers that read the kernel's memory, and portclass calls none
        // (kernel commit 9d1f8be5cf42).
        let summary = format!("the kernel is locked down ({mode}), which portclass works under");
        findings.push(Finding::new(Id::Lockdown, Severity::Info, summary));
    }
    if facts.unprivileged_disabled == Some(0) {
        let summary = "any user may load BPF programs, which portclass has no need of";
        let remedy = "close it: sysctl -w kernel.unprivileged_bpf_disabled=2";
        findings.push(Finding::new(Id::UnprivilegedBpf, Severity::Info, summary).remedy(remedy));
    }
    findings
}

/// A version is advice alone, since distributions backport.
fn kernel(facts: &ProcessFacts) -> Finding {
    let summary = format!("Linux {}", facts.kernel);
    match version(&facts.kernel) {
        Some(version) if version < (5, 10) => Finding::new(
            Id::Kernel,
            Severity::Warning,
            format!("{summary} is older than 5.10, the oldest that portclass is tried on"),
        )
        .remedy("use Linux 5.10 or later"),
        _ => Finding::new(Id::Kernel, Severity::Ok, summary),
    }
}

/// The first two numbers of a version such as `6.1.0-18-amd64`.
pub fn version(kernel: &str) -> Option<(u32, u32)> {
    let mut numbers = kernel.split(|character: char| !character.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Why the kernel side cannot be loaded, by what the kernel has said and what is known of this process.
pub fn why_not_loaded(error: &DataplaneError, facts: &ProcessFacts) -> Finding {
    let id = match error {
        DataplaneError::Privilege(_) => return why_forbidden(error, facts),
        DataplaneError::NoBpf(_) => Id::NoBpf,
        DataplaneError::NoCopies { .. } | DataplaneError::NoLog => Id::PerfmonMissing,
        DataplaneError::Rejected { .. } => Id::ProgramRejected,
        DataplaneError::Unmapped { .. } => Id::MapsNotShared,
        DataplaneError::Object(_)
        | DataplaneError::Map { .. }
        | DataplaneError::PinsChanged(_)
        | DataplaneError::System { .. } => Id::LoadFails,
    };
    let mut finding = Finding::new(id, Severity::Error, error.sentence());
    finding.remedy = error.remedy().map(|remedy| match id {
        Id::PerfmonMissing => with_command(remedy, facts),
        _ => remedy.to_owned(),
    });
    finding
}

fn why_forbidden(error: &DataplaneError, facts: &ProcessFacts) -> Finding {
    let sentence = error.sentence();
    let new = |id, summary| Finding::new(id, Severity::Error, summary);
    if facts.in_user_namespace {
        let why = "nobody has rights to BPF in a user namespace";
        return new(Id::UserNamespace, format!("{sentence}: {why}"))
            .remedy("run it outside: as root of the host, or in a container that root starts");
    }
    let missing = missing(facts.capabilities);
    if !missing.is_empty() {
        let missing = missing.join(", ");
        return new(
            Id::CapabilitiesMissing,
            format!("{sentence}: this process lacks {missing}"),
        )
        .remedy(with_command(error.remedy().unwrap_or_default(), facts));
    }
    // Before Linux 5.11 maps count against the limit (kernel commit 755e5d55367a).
    if let Some(memlock) = facts.memlock
        && version(&facts.kernel).is_some_and(|version| version < (5, 11))
    {
        let why = format!("only {memlock} bytes may be locked in memory, where maps count");
        return new(Id::MemlockTooLow, format!("{sentence}: {why}"))
            .remedy("raise the limit: sudo prlimit --memlock=unlimited:unlimited --pid $$");
    }
    let why = "a security policy (seccomp, SELinux) forbids it";
    new(Id::PolicyForbids, format!("{sentence}: {why}"))
        .remedy("allow it bpf(): podman and docker run take --security-opt seccomp=unconfined")
}

/// The names of capabilities that are missing.
fn missing(has: Capabilities) -> Vec<&'static str> {
    [("CAP_BPF", has.bpf), ("CAP_NET_ADMIN", has.net_admin)]
        .into_iter()
        .filter(|&(_, has)| !has)
        .map(|(name, _)| name)
        .collect()
}

/// Of a process that may load: what it lacks, and what it does not need.
fn capabilities(facts: &ProcessFacts) -> Option<Finding> {
    let has = facts.capabilities;
    if !has.perfmon {
        return Some(without_perfmon(facts));
    }
    (has.others && facts.files_can_grant).then(|| {
        let summary =
            "this process may do more than CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON, which suffice";
        let remedy = format!("run it as another user: {}", setcap(facts));
        Finding::new(Id::CapabilitiesUnneeded, Severity::Info, summary).remedy(remedy)
    })
}

/// Of a process that reads frames out of copies.
pub fn without_perfmon(facts: &ProcessFacts) -> Finding {
    let summary = "without CAP_PERFMON packets are read out of copies, which takes longer";
    let remedy = with_command("let its file give it", facts);
    Finding::new(Id::PerfmonMissing, Severity::Info, summary).remedy(remedy)
}

fn tc(facts: &HostFacts) -> Option<Finding> {
    match (facts.tcx, facts.clsact) {
        (Some(true), _) => {
            let summary = "tcx is there for what leaves and for marks";
            Some(Finding::new(Id::Tcx, Severity::Ok, summary))
        }
        (Some(false), Some(false)) => {
            let summary =
                "the kernel has neither tcx nor clsact: --direction egress and --tag mark fail";
            let remedy = "use Linux 6.6 or later, or one with the module sch_ingress";
            Some(Finding::new(Id::NoTcHook, Severity::Warning, summary).remedy(remedy))
        }
        (Some(false), clsact) => {
            let known = match clsact {
                Some(_) => "",
                None => ", if it has that",
            };
            let summary = format!(
                "the kernel has no tcx (Linux 6.6): what leaves is observed by clsact{known}"
            );
            Some(Finding::new(Id::NoTcx, Severity::Info, summary))
        }
        // Loading has failed, and says why; or somebody's program is there, which this process may not ask for.
        (None, _) => None,
    }
}

fn jit(facts: &HostFacts) -> Finding {
    // What has become of a program tells more than a setting, which other network namespaces do not even show.
    let loaded = facts.loaded.as_ref().ok().and_then(|loaded| loaded.jited);
    match loaded.or(facts.jit.map(|setting| setting != 0)) {
        Some(false) => Finding::new(
            Id::JitOff,
            Severity::Warning,
            "BPF programs are interpreted, which is several times slower",
        )
        .remedy("sysctl -w net.core.bpf_jit_enable=1"),
        Some(true) => Finding::new(Id::Jit, Severity::Ok, "BPF programs are compiled"),
        None => Finding::new(
            Id::JitUnknown,
            Severity::Info,
            "whether BPF programs are compiled is not to be known from here",
        ),
    }
}

fn bpffs(facts: &HostFacts) -> Finding {
    let what = "portclass load has nowhere to pin";
    match &facts.bpffs {
        Ok(()) => Finding::new(
            Id::Bpffs,
            Severity::Ok,
            "the pins' folder is on a BPF file system",
        ),
        Err(PinError::NoBpffs { folder, remedy }) => Finding::new(
            Id::NoBpffs,
            Severity::Warning,
            format!("{}: not on a BPF file system, so {what}", folder.display()),
        )
        .remedy(*remedy),
        Err(error) => Finding::new(Id::NoBpffs, Severity::Warning, format!("{what}: {error}")),
    }
}
