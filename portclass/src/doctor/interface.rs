//! What can be attached to an interface, judged.

use serde::Serialize;

use super::{
    Finding, Id, Severity,
    driver::{
        against_native, has_native, may_refuse_mtu, refused, takes_frags, takes_metadata,
        too_few_queues,
    },
    system::version,
};
use crate::{
    dataplane::{
        AttachError, Obstacle,
        probe::{HostFacts, InterfaceFacts},
    },
    text::shell_word,
};

/// What is possible on an interface; `None` where nobody can tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Possible {
    /// The interface's name.
    pub name: String,
    /// Its number.
    pub index: u32,
    /// Its driver's name.
    pub driver: Option<String>,
    /// Its MTU.
    pub mtu: u32,
    /// Native XDP.
    pub native: Option<bool>,
    /// Generic XDP.
    pub generic: Option<bool>,
    /// tcx.
    pub tcx: Option<bool>,
    /// XDP's metadata, in the mode that a run would get.
    pub metadata: Option<bool>,
}

/// What is to be said of an interface. `is_matched` where a pattern has chosen it, so that a run goes on without it.
pub(super) fn interface(
    facts: &InterfaceFacts,
    machine: &HostFacts,
    is_matched: bool,
) -> (Possible, Vec<Finding>) {
    let name = &facts.interface.name;
    let mut findings = Vec::new();
    let (mut native, mut generic) = (Some(false), Some(false));
    if let Some(obstacle) = in_every_mode(facts, machine) {
        let severity = if is_matched {
            Severity::Warning
        } else {
            Severity::Error
        };
        findings.push(of_obstacle(obstacle, name).with(severity));
    } else {
        let judged = judge_native(facts, machine);
        native = judged.0;
        findings.push(judged.1);
        findings.extend(queues(facts).filter(|_| native != Some(false)));
        let refused = facts.tried.as_ref().map(|tried| &tried.generic);
        generic = Some(!matches!(refused, Some(Err(_))));
        if let Some(Err(error)) = refused {
            findings.push(of_obstacle(&error.obstacle, name).with(Severity::Warning));
        }
        if let Some(obstacle) = facts.occupied.as_ref().filter(|_| facts.tried.is_none()) {
            let mut finding = of_obstacle(obstacle, name).with(Severity::Warning);
            finding.summary.push_str(
                ", which a kernel before 5.15 does not mind unless its distributor has changed it",
            );
            findings.push(finding);
        }
    }
    let metadata = match native {
        Some(false) => generic,
        native => {
            findings.extend(refuses_metadata(facts));
            match takes_metadata(facts) {
                Some(true) => native,
                other => other,
            }
        }
    };
    let (tcx, refusal) = judge_tcx(facts, machine);
    findings.extend(refusal);
    if !facts.interface.is_up {
        findings.push(down(name));
    }
    let findings = findings
        .into_iter()
        .map(|finding| finding.on(name))
        .collect();
    let possible = Possible {
        name: name.clone(),
        index: facts.interface.index,
        driver: facts.driver.clone(),
        mtu: facts.interface.mtu,
        native,
        generic,
        tcx,
        metadata,
    };
    (possible, findings)
}

/// What is in the way in every mode.
fn in_every_mode<'facts>(
    facts: &'facts InterfaceFacts,
    machine: &HostFacts,
) -> Option<&'facts Obstacle> {
    static UNKNOWN_LINK: Obstacle = Obstacle::UnknownLink;
    if facts.interface.link.is_none() {
        return Some(&UNKNOWN_LINK);
    }
    if let Some(tried) = &facts.tried {
        // A run that is told no mode takes what it gets.
        return match (&tried.native, &tried.generic) {
            (Err(error), _) if error.obstacle.is_in_every_mode() => Some(&error.obstacle),
            (Err(_), Err(error)) => Some(&error.obstacle),
            _ => None,
        };
    }
    let is_old = version(&machine.process.kernel).is_some_and(|version| version < (5, 15));
    let is_in_the_way =
        |obstacle: &&Obstacle| !(is_old && matches!(obstacle, Obstacle::UpperOccupied { .. }));
    facts.occupied.as_ref().filter(is_in_the_way)
}

/// Whether tcx is possible, and what is in the way of observing what leaves and of marks.
fn judge_tcx(facts: &InterfaceFacts, machine: &HostFacts) -> (Option<bool>, Option<Finding>) {
    let name = &facts.interface.name;
    let in_the_way = |obstacle: &Obstacle| {
        let mut finding = of_obstacle(obstacle, name).with(Severity::Warning);
        finding
            .summary
            .push_str(": --direction egress and --tag mark fail");
        finding
    };
    match (&facts.tried, machine.tcx) {
        (Some(tried), Some(true)) => {
            let refusal = tried.tcx.as_ref().err();
            let refusal = refusal.map(|error| in_the_way(&error.obstacle));
            (Some(refusal.is_none()), refusal)
        }
        (_, Some(false)) if facts.has_ingress_qdisc => {
            (Some(false), Some(in_the_way(&Obstacle::IngressQdisc)))
        }
        (_, tcx) => (tcx, None),
    }
}

/// Nothing is counted on an interface that is down.
pub fn down(interface: &str) -> Finding {
    let summary = "it is down, and nothing will be counted until it is up";
    Finding::new(Id::Down, Severity::Warning, summary)
        .remedy(format!("ip link set dev {} up", shell_word(interface)))
        .on(interface)
}

/// Whether the driver is known to refuse metadata in native mode.
pub fn refuses_metadata(facts: &InterfaceFacts) -> Option<Finding> {
    (takes_metadata(facts) == Some(false)).then(|| {
        let summary = "its driver refuses metadata in native mode, so --tag metadata has no effect";
        Finding::new(Id::NoMetadata, Severity::Info, summary)
            .remedy("use --mode generic with it")
            .on(&facts.interface.name)
    })
}

fn judge_native(facts: &InterfaceFacts, machine: &HostFacts) -> (Option<bool>, Finding) {
    let name = &facts.interface.name;
    let falls_back = |mut finding: Finding| {
        finding.summary.push_str("; a run takes generic mode");
        (Some(false), finding.with(Severity::Warning))
    };
    match facts.tried.as_ref().map(|tried| &tried.native) {
        Some(Ok(())) => {
            let summary = "native XDP works: it was attached, and taken off again";
            return (Some(true), Finding::new(Id::Native, Severity::Ok, summary));
        }
        Some(Err(error)) => return falls_back(why_not_attached(error, facts)),
        None => {}
    }
    let frags = match &machine.loaded {
        Ok(loaded) => loaded.frags,
        // Whoever mends that finds what this version has.
        Err(_) => version(&machine.process.kernel).is_some_and(|version| version >= (5, 18)),
    };
    if let Some(obstacle) = against_native(facts, frags) {
        return falls_back(of_obstacle(&obstacle, name));
    }
    let doubt = match has_native(facts) {
        Some(_) => doubt(facts, machine, frags),
        None => Some("whether its driver has native XDP".to_owned()),
    };
    if let Some(doubt) = doubt {
        let summary = format!("{doubt} is not to be known without trying");
        let finding = Finding::new(Id::NativeUnknown, Severity::Info, summary).remedy(format!(
            "try it: portclass doctor --probe --iface {}",
            shell_word(name)
        ));
        return (None, finding);
    }
    let summary = match facts.xdp_features {
        Some(_) => "native XDP is possible, as its driver says",
        None => "native XDP is possible, as far as its driver's name tells",
    };
    (Some(true), Finding::new(Id::Native, Severity::Ok, summary))
}

/// What is not known of a driver that has native XDP.
fn doubt(facts: &InterfaceFacts, machine: &HostFacts, frags: bool) -> Option<String> {
    match facts.driver.as_deref() {
        Some("veth") => (facts.peer.is_none() && !takes_frags(facts, frags))
            .then(|| "whether the MTU of its peer lets it have native XDP".to_owned()),
        Some("virtio_net") => {
            let is_old = version(&machine.process.kernel).is_some_and(|version| version < (5, 13));
            let doubt = || "whether so few queues are enough for native XDP".to_owned();
            queues(facts).filter(|_| is_old).map(|_| doubt())
        }
        _ => may_refuse_mtu(facts, frags).then(|| {
            let mtu = facts.interface.mtu;
            format!("whether its driver takes an MTU of {mtu} in native mode")
        }),
    }
}

/// virtio_net wants a queue for each CPU beside those in use. Where they are fewer, it refused before Linux 5.13, and
/// since then takes a lock to send (kernel commit 97c2c69e1926, also in later versions of 5.10); portclass sends nothing.
fn queues(facts: &InterfaceFacts) -> Option<Finding> {
    let channels = facts
        .channels
        .filter(|_| facts.driver.as_deref() == Some("virtio_net"))?;
    let wanted = channels.combined + facts.cpus;
    (channels.max_combined < wanted).then(|| {
        let summary = format!(
            "its driver wants {wanted} queues for native XDP and has {}: kernels before 5.13 may refuse it",
            channels.max_combined
        );
        Finding::new(Id::TooFewQueues, Severity::Info, summary).remedy(format!(
            "use --mode generic if it is refused, or give the virtual machine's interface queues={wanted}"
        ))
    })
}

/// Why a run could not attach, by what the kernel has said and what is known of the interface: drivers have few words.
pub fn why_not_attached(error: &AttachError, facts: &InterfaceFacts) -> Finding {
    let known = match &error.obstacle {
        Obstacle::MtuTooLarge { frags, .. } => against_native(facts, *frags),
        Obstacle::TooFewQueues { .. } => Some(too_few_queues(facts)),
        Obstacle::NoNative | Obstacle::Other { mode: "native", .. } => {
            against_native(facts, error.frags)
                .or_else(|| refused(facts, &error.obstacle, error.frags))
        }
        _ => None,
    };
    of_obstacle(known.as_ref().unwrap_or(&error.obstacle), &error.interface)
}

/// An obstacle as a finding.
fn of_obstacle(obstacle: &Obstacle, interface: &str) -> Finding {
    let id = match obstacle {
        Obstacle::Occupied(_) => Id::Occupied,
        Obstacle::UpperOccupied { .. } => Id::UpperOccupied,
        Obstacle::UnknownLink => Id::UnknownLink,
        Obstacle::NoNative => Id::NoNative,
        Obstacle::Refused { .. } => Id::NativeRefused,
        Obstacle::ReceiveOffloads => Id::ReceiveOffloads,
        Obstacle::TooFewQueues { .. } => Id::TooFewQueues,
        Obstacle::MtuTooLarge { .. } => Id::MtuTooLarge,
        Obstacle::Privilege(_) => Id::AttachForbidden,
        Obstacle::IngressQdisc => Id::IngressQdisc,
        Obstacle::Gone => Id::Gone,
        Obstacle::Other { .. } => Id::AttachFails,
    };
    Finding::new(id, Severity::Error, obstacle.to_string())
        .remedy(obstacle.remedy(interface))
        .on(interface)
}
