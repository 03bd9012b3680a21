//! Judgements of made-up hosts.

mod driver;
mod facts;

use std::path::PathBuf;

use serde_json::json;

use self::facts::{
    finding, forbidden, host_facts, interface, judge, occupied, old_host, old_interface, tried,
    troubles,
};
use super::{Id, Severity, why_not_loaded, without_perfmon};
use crate::dataplane::{
    AttachedProgram, DataplaneError, Holder, Obstacle, PinError,
    probe::{Capabilities, InterfaceFacts, Loaded},
};

#[test]
fn ids_are_in_kebab_case_and_no_two_are_the_same() {
    let mut names: Vec<_> = Id::ALL.iter().map(|id| id.name()).collect();
    for name in &names {
        let is_kebab = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
        assert!(name.bytes().all(is_kebab), "{name}");
    }
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn where_nothing_is_amiss_a_run_works_in_native_mode() {
    let diagnosis = judge(&host_facts(), &[interface("veth")], false);
    assert!(diagnosis.can_run());
    assert!(troubles(&diagnosis).is_empty(), "{diagnosis:#?}");
    let possible = &diagnosis.interfaces[0];
    assert_eq!(
        [
            possible.native,
            possible.generic,
            possible.tcx,
            possible.metadata
        ],
        [Some(true); 4]
    );
}

#[test]
fn what_was_tried_counts_more_than_what_was_read() {
    let mut facts = interface("veth");
    facts.tried = tried([Some(Obstacle::NoNative), None, None]);
    let diagnosis = judge(&host_facts(), &[facts], false);
    assert_eq!(troubles(&diagnosis), ["native-refused"]);
    assert_eq!(diagnosis.interfaces[0].native, Some(false));
}

#[test]
fn one_mode_that_was_tried_and_works_is_enough() {
    let other = |mode| Obstacle::Other {
        mode,
        why: "no".to_owned(),
    };
    let mut facts = interface("veth");
    facts.tried = tried([None, Some(other("generic")), None]);
    let diagnosis = judge(&host_facts(), &[facts], false);
    assert!(diagnosis.can_run());
    assert_eq!(troubles(&diagnosis), ["attach-fails"]);
    let possible = &diagnosis.interfaces[0];
    assert_eq!(
        (possible.native, possible.generic),
        (Some(true), Some(false))
    );
    let mut facts = interface("veth");
    facts.tried = tried([Some(other("native")), Some(other("generic")), None]);
    let diagnosis = judge(&host_facts(), &[facts], false);
    assert!(!diagnosis.can_run());
    // A run does not try another mode then.
    let mut facts = interface("veth");
    facts.tried = tried([Some(Obstacle::Gone), None, None]);
    assert!(!judge(&host_facts(), &[facts], false).can_run());
}

#[test]
fn what_is_in_the_way_of_observing_what_leaves_is_a_warning() {
    let mut refused = interface("veth");
    refused.tried = tried([
        None,
        None,
        Some(Obstacle::Other {
            mode: "tcx",
            why: "no".to_owned(),
        }),
    ]);
    let mut occupied = old_interface("veth");
    occupied.has_ingress_qdisc = true;
    for (host, facts, id) in [
        (host_facts(), refused, "attach-fails"),
        (old_host(), occupied, "ingress-qdisc"),
    ] {
        let diagnosis = judge(&host, &[facts], false);
        assert!(diagnosis.can_run());
        assert_eq!(troubles(&diagnosis), [id]);
        assert_eq!(diagnosis.interfaces[0].tcx, Some(false));
    }
    let mut beside_tcx = interface("veth");
    beside_tcx.has_ingress_qdisc = true;
    assert!(troubles(&judge(&host_facts(), &[beside_tcx], false)).is_empty());
}

#[test]
fn another_program_is_an_error_with_its_removal() {
    let mut facts = interface("veth");
    facts.occupied = occupied();
    let diagnosis = judge(&host_facts(), &[facts], false);
    assert!(!diagnosis.can_run());
    let finding = finding(&diagnosis, Id::Occupied);
    assert!(finding.summary.contains("\"other\" (id 7)"), "{finding}");
    assert_eq!(
        finding.remedy.as_deref(),
        Some("remove it: bpftool link detach id 3")
    );
}

#[test]
fn a_program_on_what_lies_upon_an_interface_is_an_error_unless_the_kernel_is_old_or_trying_worked()
{
    let with = |facts: InterfaceFacts| InterfaceFacts {
        occupied: Some(Obstacle::UpperOccupied {
            upper: "br0".to_owned(),
            program: AttachedProgram {
                id: 7,
                name: None,
                holder: Holder::Link(3),
            },
        }),
        ..facts
    };
    let diagnosis = judge(&host_facts(), &[with(interface("veth"))], false);
    assert_eq!(troubles(&diagnosis), ["upper-occupied"]);
    let old = judge(&old_host(), &[with(old_interface("veth"))], false);
    assert!(old.can_run());
    assert_eq!(troubles(&old), ["upper-occupied"]);
    let mut works = with(interface("veth"));
    works.tried = tried([None, None, None]);
    assert!(judge(&host_facts(), &[works], false).can_run());
}

#[test]
fn a_run_goes_on_without_an_interface_that_a_pattern_has_matched_unless_it_is_the_last() {
    let mut facts = interface("veth");
    facts.occupied = occupied();
    let diagnosis = judge(&host_facts(), &[facts, interface("veth")], true);
    assert!(diagnosis.can_run());
    assert_eq!(
        finding(&diagnosis, Id::Occupied).severity,
        Severity::Warning
    );
    let mut facts = interface("veth");
    facts.occupied = occupied();
    let diagnosis = judge(&host_facts(), &[facts], true);
    assert!(!diagnosis.can_run());
    assert_eq!(troubles(&diagnosis), ["occupied", "no-interface"]);
}

#[test]
fn the_kernels_no_has_the_reason_that_fits_the_process() {
    let process = || host_facts().process;
    let mut ordinary = process();
    ordinary.capabilities = Capabilities::default();
    let mut guest = process();
    guest.in_user_namespace = true;
    let mut rootless = guest.clone();
    rootless.capabilities = Capabilities::default();
    let mut bound = process();
    bound.kernel = "5.10.0".to_owned();
    bound.memlock = Some(65_536);
    let mut newer = bound.clone();
    newer.kernel = "5.11.0".to_owned();
    for (facts, id) in [
        (ordinary, Id::CapabilitiesMissing),
        (guest, Id::UserNamespace),
        (rootless, Id::UserNamespace),
        (bound, Id::MemlockTooLow),
        (newer, Id::PolicyForbids),
        (process(), Id::PolicyForbids),
    ] {
        let finding = why_not_loaded(&forbidden(), &facts);
        assert_eq!((finding.id, finding.severity), (id, Severity::Error));
        assert!(finding.remedy.is_some(), "{finding}");
        let line = finding.to_string();
        assert!(line.starts_with("the kernel refuses BPF: "), "{line}");
    }
}

#[test]
fn what_no_file_may_give_has_to_come_from_outside() {
    let remedies = |files_can_grant| {
        let mut process = host_facts().process;
        process.files_can_grant = files_can_grant;
        process.capabilities = Capabilities::default();
        [
            why_not_loaded(&forbidden(), &process),
            why_not_loaded(&DataplaneError::NoLog, &process),
            without_perfmon(&process),
        ]
        .map(|finding| finding.remedy.expect("a remedy"))
    };
    assert!(
        remedies(true)
            .iter()
            .all(|remedy| remedy.contains("sudo setcap cap_bpf"))
    );
    assert!(
        remedies(false)
            .iter()
            .all(|remedy| remedy.contains("--cap-add BPF") && !remedy.contains("setcap"))
    );
}

#[test]
fn a_program_that_loads_without_perfmon_is_good_to_know() {
    let mut machine = host_facts();
    machine.process.capabilities.perfmon = false;
    let diagnosis = judge(&machine, &[interface("veth")], false);
    assert!(diagnosis.can_run());
    assert_eq!(
        finding(&diagnosis, Id::PerfmonMissing).severity,
        Severity::Info
    );
}

#[test]
fn what_makes_a_run_slower_or_smaller_is_a_warning() {
    let mut machine = old_host();
    machine.loaded = Ok(Loaded {
        frags: false,
        jited: Some(false),
    });
    machine.clsact = Some(false);
    machine.bpffs = Err(PinError::NoBpffs {
        folder: PathBuf::from("/sys/fs/bpf/portclass"),
        remedy: "mount one",
    });
    machine.process.kernel = "4.19.0".to_owned();
    let diagnosis = judge(&machine, &[old_interface("veth")], false);
    assert!(diagnosis.can_run());
    assert_eq!(
        troubles(&diagnosis),
        ["kernel", "no-tc-hook", "jit-off", "no-bpffs"]
    );
    let findings = diagnosis.findings.iter();
    for finding in findings.filter(|finding| finding.severity <= Severity::Warning) {
        assert!(finding.remedy.is_some(), "{finding}");
    }
}

#[test]
fn pins_that_a_run_leaves_are_a_warning() {
    let mut machine = host_facts();
    machine.pins_refused = Some(PinError::Busy(PathBuf::from("/sys/fs/bpf/portclass")));
    let diagnosis = judge(&machine, &[interface("veth")], false);
    assert!(diagnosis.can_run());
    assert_eq!(troubles(&diagnosis), ["pins-unused"]);
}

#[test]
fn lockdown_and_the_like_are_good_to_know() {
    let mut machine = host_facts();
    machine.lockdown = Some("confidentiality".to_owned());
    machine.btf = false;
    machine.unprivileged_disabled = Some(0);
    let diagnosis = judge(&machine, &[interface("veth")], false);
    assert!(troubles(&diagnosis).is_empty());
    for id in [Id::Lockdown, Id::NoBtf, Id::UnprivilegedBpf] {
        assert_eq!(finding(&diagnosis, id).severity, Severity::Info);
    }
}

#[test]
fn the_document_has_these_keys() {
    let diagnosis = judge(&host_facts(), &[interface("veth")], false);
    let document = serde_json::to_value(&diagnosis).expect("JSON");
    let interface = json!({
        "name": "eth0", "index": 2, "driver": "veth", "mtu": 1500,
        "native": true, "generic": true, "tcx": true, "metadata": true,
    });
    let kernel = json!({
        "id": "kernel", "severity": "ok", "interface": null, "summary": "Linux 6.18.5", "remedy": null,
    });
    assert_eq!(document["schema"], "portclass.doctor/1");
    assert_eq!(document["kernel"], "6.18.5");
    assert_eq!(document["can_run"], true);
    assert_eq!(document["interfaces"], json!([interface]));
    assert_eq!(document["findings"][0], kernel);
    assert_eq!(document.as_object().map(serde_json::Map::len), Some(5));
}
