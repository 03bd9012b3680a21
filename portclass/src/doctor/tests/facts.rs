//! Made-up hosts and interfaces.

use std::io;

use portclass_common::packet::Link;

use crate::{
    dataplane::{
        AttachError, AttachedProgram, DataplaneError, Holder, Interface, Obstacle, OtherEnd,
        probe::{Capabilities, HostFacts, InterfaceFacts, Loaded, Peer, ProcessFacts, Tried},
    },
    doctor::{Diagnosis, Finding, Id, Severity},
};

/// A host on which nothing is amiss.
pub fn host_facts() -> HostFacts {
    HostFacts {
        process: ProcessFacts {
            program: Some("/usr/bin/portclass".to_owned()),
            kernel: "6.18.5".to_owned(),
            capabilities: Capabilities {
                bpf: true,
                net_admin: true,
                perfmon: true,
                others: false,
            },
            files_can_grant: true,
            in_user_namespace: false,
            memlock: None,
        },
        loaded: Ok(Loaded {
            frags: true,
            jited: Some(true),
        }),
        tcx: Some(true),
        clsact: Some(true),
        jit: Some(1),
        unprivileged_disabled: Some(2),
        lockdown: Some("none".to_owned()),
        btf: true,
        bpffs: Ok(()),
        pins_refused: None,
    }
}

/// As Linux 5.10 is.
pub fn old_host() -> HostFacts {
    let mut machine = host_facts();
    machine.process.kernel = "5.10.0-32-cloud-amd64".to_owned();
    machine.tcx = Some(false);
    machine.loaded = Ok(Loaded {
        frags: false,
        jited: Some(true),
    });
    machine
}

pub fn forbidden() -> DataplaneError {
    DataplaneError::Privilege(io::Error::from_raw_os_error(1))
}

/// An interface on which nothing is amiss.
pub fn interface(driver: &str) -> InterfaceFacts {
    InterfaceFacts {
        interface: Interface {
            index: 2,
            name: "eth0".to_owned(),
            is_up: true,
            link: Some(Link::Ethernet),
            mtu: 1_500,
            lower: None,
            is_tunnel: false,
            controller: None,
            xdp: None,
        },
        peer: (driver == "veth").then(|| peer(1_500)),
        driver: Some(driver.to_owned()),
        xdp_features: Some(0x33),
        channels: None,
        cpus: 4,
        virtio: None,
        occupied: None,
        has_ingress_qdisc: false,
        tried: None,
    }
}

/// The same before Linux 6.3.
pub fn old_interface(driver: &str) -> InterfaceFacts {
    InterfaceFacts {
        xdp_features: None,
        ..interface(driver)
    }
}

pub fn occupied() -> Option<Obstacle> {
    Some(Obstacle::Occupied(AttachedProgram {
        id: 7,
        name: Some("other".to_owned()),
        holder: Holder::Link(3),
    }))
}

pub fn judge(machine: &HostFacts, interfaces: &[InterfaceFacts], is_matched: bool) -> Diagnosis {
    let mut diagnosis = Diagnosis::of(machine);
    diagnosis.judge_interfaces(interfaces, machine, |_| is_matched);
    diagnosis
}

pub fn finding(diagnosis: &Diagnosis, id: Id) -> &Finding {
    let mut findings = diagnosis.findings.iter();
    findings
        .find(|finding| finding.id == id)
        .unwrap_or_else(|| panic!("no {}: {diagnosis:#?}", id.name()))
}

/// What attaching came to, with these obstacles to native mode, generic mode and tcx.
pub fn tried([native, generic, tcx]: [Option<Obstacle>; 3]) -> Option<Tried> {
    let came = |obstacle: Option<Obstacle>| match obstacle {
        Some(obstacle) => Err(AttachError::on(&interface("veth").interface, obstacle)),
        None => Ok(()),
    };
    Some(Tried {
        native: came(native),
        generic: came(generic),
        tcx: came(tcx),
    })
}

/// The other end of a veth, beside it.
pub fn peer(mtu: u32) -> Peer {
    Peer {
        end: OtherEnd {
            name: "veth7".to_owned(),
            is_elsewhere: false,
        },
        mtu,
    }
}

/// The ids of all that is worse than good to know.
pub fn troubles(diagnosis: &Diagnosis) -> Vec<&'static str> {
    let findings = diagnosis.findings.iter();
    findings
        .filter(|finding| finding.severity <= Severity::Warning)
        .map(|finding| finding.id.name())
        .collect()
}
