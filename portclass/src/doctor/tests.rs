//! Judgements of made-up hosts.

mod facts;

use std::path::PathBuf;

use portclass_common::packet::Link;
use serde_json::json;

use self::facts::{
    finding, forbidden, host_facts, interface, judge, occupied, old_host, old_interface, peer,
    tried,
};
use super::{Diagnosis, Id, Severity, why_not_attached, why_not_loaded};
use crate::dataplane::{
    AttachError, AttachedProgram, Holder, Obstacle, PinError,
    probe::{Capabilities, Channels, InterfaceFacts, Loaded},
};

/// The ids of all that is worse than good to know.
fn troubles(diagnosis: &Diagnosis) -> Vec<&'static str> {
    let findings = diagnosis.findings.iter();
    findings
        .filter(|finding| finding.severity <= Severity::Warning)
        .map(|finding| finding.id.name())
        .collect()
}

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
fn jumbo_frames_on_an_old_kernel_are_a_warning_with_the_command_that_lowers_the_mtu() {
    let mut facts = old_interface("virtio_net");
    facts.interface.mtu = 9_000;
    let diagnosis = judge(&old_host(), &[facts], false);
    assert_eq!(troubles(&diagnosis), ["mtu-too-large"]);
    let finding = finding(&diagnosis, Id::MtuTooLarge);
    assert!(finding.summary.contains("an MTU of 9000"), "{finding}");
    let remedy = finding.remedy.as_deref().expect("a remedy");
    assert!(remedy.contains("ip link set dev eth0 mtu 1500"), "{remedy}");
    assert_eq!(diagnosis.interfaces[0].native, Some(false));
    assert!(diagnosis.can_run(), "it takes generic mode");
}

#[test]
fn of_a_veth_the_peers_mtu_counts() {
    let mut facts = old_interface("veth");
    facts.peer = Some(peer(9_000));
    let diagnosis = judge(&old_host(), &[facts], false);
    let remedy = finding(&diagnosis, Id::MtuTooLarge).remedy.clone();
    assert!(remedy.is_some_and(|remedy| remedy.contains("ip link set dev veth7 mtu 1500")));
    let mut facts = old_interface("veth");
    facts.interface.mtu = 9_000;
    assert!(troubles(&judge(&old_host(), &[facts], false)).is_empty());
}

#[test]
fn jumbo_frames_are_no_trouble_with_programs_for_several_buffers() {
    let mut facts = interface("veth");
    facts.peer = Some(peer(9_000));
    assert!(troubles(&judge(&host_facts(), &[facts], false)).is_empty());
    // The same where loading fails for want of privileges: whoever has them gets them.
    let mut facts = interface("veth");
    facts.peer = Some(peer(9_000));
    let mut host = host_facts();
    host.loaded = Err(forbidden());
    let diagnosis = judge(&host, &[facts], false);
    assert_eq!(diagnosis.interfaces[0].native, Some(true));
}

#[test]
fn several_buffers_take_a_driver_that_lets_them_through() {
    let mut host = host_facts();
    host.process.kernel = "6.1.0-56-cloud-amd64".to_owned();
    let mut card = old_interface("virtio_net");
    card.interface.mtu = 9_000;
    let diagnosis = judge(&host, &[card], false);
    assert_eq!(troubles(&diagnosis), ["mtu-too-large"]);
    let mut card = old_interface("ixgbe");
    card.interface.mtu = 9_000;
    let diagnosis = judge(&host, &[card], false);
    assert_eq!(diagnosis.interfaces[0].native, None);
}

#[test]
fn what_is_to_be_done_at_a_peer_elsewhere_is_said_to_be_done_there() {
    let mut facts = old_interface("veth");
    let mut elsewhere = peer(9_000);
    elsewhere.end.is_elsewhere = true;
    facts.peer = Some(elsewhere);
    let diagnosis = judge(&old_host(), &[facts], false);
    let remedy = finding(&diagnosis, Id::MtuTooLarge).remedy.clone();
    let there = "(in its own network namespace: ip link set dev veth7 mtu 1500)";
    assert!(remedy.is_some_and(|remedy| remedy.contains(there)));
}

#[test]
fn tap_has_native_mode_and_tun_has_none() {
    for (link, native) in [(Link::Ethernet, true), (Link::Ip, false)] {
        let mut facts = old_interface("tun");
        facts.interface.link = Some(link);
        let diagnosis = judge(&old_host(), &[facts], false);
        assert_eq!(diagnosis.interfaces[0].native, Some(native));
    }
}

#[test]
fn receive_offloads_that_stay_on_are_in_the_way_of_virtio_net() {
    // GUEST_CSUM and GUEST_TSO4, without and with CTRL_GUEST_OFFLOADS.
    for (virtio, native) in [(0b1000_0010, false), (0b1000_0110, true)] {
        let mut facts = interface("virtio_net");
        facts.virtio = Some(virtio);
        let diagnosis = judge(&host_facts(), &[facts], false);
        assert_eq!(diagnosis.interfaces[0].native, Some(native));
        let expected: &[&str] = if native { &[] } else { &["receive-offloads"] };
        assert_eq!(troubles(&diagnosis), expected);
    }
}

#[test]
fn too_few_queues_of_virtio_net_are_good_to_know() {
    let mut facts = interface("virtio_net");
    facts.channels = Some(Channels {
        combined: 1,
        max_combined: 1,
    });
    let diagnosis = judge(&host_facts(), &[facts], false);
    let finding = finding(&diagnosis, Id::TooFewQueues);
    assert_eq!(finding.severity, Severity::Info);
    assert!(
        finding
            .remedy
            .as_deref()
            .is_some_and(|remedy| remedy.contains("queues=5"))
    );
}

#[test]
fn what_depends_on_the_kernels_version_or_on_the_driver_is_left_open() {
    let mut few = old_interface("virtio_net");
    few.channels = Some(Channels {
        combined: 1,
        max_combined: 1,
    });
    let mut large = old_interface("ixgbe");
    large.interface.mtu = 9_000;
    let mut unseen = old_interface("veth");
    unseen.peer = None;
    for facts in [few, large, unseen] {
        let diagnosis = judge(&old_host(), &[facts], false);
        assert_eq!(diagnosis.interfaces[0].native, None);
        let remedy = finding(&diagnosis, Id::NativeUnknown).remedy.clone();
        assert_eq!(
            remedy.as_deref(),
            Some("try it: portclass doctor --probe --iface eth0")
        );
    }
}

#[test]
fn a_driver_that_says_it_has_no_native_mode_is_believed() {
    let mut facts = interface("tun");
    facts.xdp_features = Some(0);
    let diagnosis = judge(&host_facts(), &[facts], false);
    assert_eq!(troubles(&diagnosis), ["no-native"]);
    assert_eq!(
        diagnosis.interfaces[0].metadata,
        Some(true),
        "generic mode has it"
    );
}

#[test]
fn a_veth_without_native_mode_has_too_few_queues() {
    let mut facts = interface("veth");
    facts.xdp_features = Some(0);
    let diagnosis = judge(&host_facts(), &[facts], false);
    assert_eq!(troubles(&diagnosis), ["too-few-queues"]);
    let remedy = finding(&diagnosis, Id::TooFewQueues).remedy.clone();
    assert!(remedy.is_some_and(|remedy| remedy.contains("(ethtool -L veth7 tx 1)")));
}

#[test]
fn before_drivers_could_tell_their_names_do_and_of_others_nothing_is_claimed() {
    for (driver, native) in [
        ("veth", Some(true)),
        ("wireguard", Some(false)),
        ("newnic", None),
    ] {
        let diagnosis = judge(&old_host(), &[old_interface(driver)], false);
        assert_eq!(diagnosis.interfaces[0].native, native, "{driver}");
        assert!(diagnosis.can_run());
    }
    let mut lo = old_interface("");
    lo.driver = None;
    lo.interface.index = 1;
    assert_eq!(
        judge(&old_host(), &[lo], false).interfaces[0].native,
        Some(false)
    );
}

#[test]
fn what_was_tried_counts_more_than_what_was_read() {
    let mut facts = interface("veth");
    facts.tried = tried([Some(Obstacle::NoNative), None, None]);
    let diagnosis = judge(&host_facts(), &[facts], false);
    assert_eq!(troubles(&diagnosis), ["no-native"]);
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
fn drivers_that_refuse_metadata_do_so_in_native_mode_alone() {
    let diagnosis = judge(&host_facts(), &[interface("ena")], false);
    assert_eq!(diagnosis.interfaces[0].metadata, Some(false));
    assert_eq!(finding(&diagnosis, Id::NoMetadata).severity, Severity::Info);
}

#[test]
fn of_metadata_nothing_is_claimed_for_drivers_that_are_not_known() {
    let diagnosis = judge(&host_facts(), &[interface("newnic")], false);
    assert_eq!(diagnosis.interfaces[0].native, Some(true));
    assert_eq!(diagnosis.interfaces[0].metadata, None);
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
    let mut bound = process();
    bound.kernel = "5.10.0".to_owned();
    bound.memlock = Some(65_536);
    let mut newer = bound.clone();
    newer.kernel = "5.11.0".to_owned();
    for (facts, id) in [
        (ordinary, Id::CapabilitiesMissing),
        (guest, Id::UserNamespace),
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
fn a_driver_of_few_words_is_explained_by_what_is_known_of_the_interface() {
    let mut facts = interface("virtio_net");
    facts.virtio = Some(0b10);
    let refused = AttachError::on(&facts.interface, Obstacle::NoNative);
    assert_eq!(why_not_attached(&refused, &facts).id, Id::ReceiveOffloads);
    let mut facts = old_interface("veth");
    facts.peer = Some(peer(9_000));
    let refused = AttachError::on(&facts.interface, Obstacle::TooFewQueues { peer: None });
    let found = why_not_attached(&refused, &facts);
    assert_eq!(found.id, Id::TooFewQueues);
    assert!(found.summary.contains("veth7"), "{found}");
    let facts = interface("mlx5_core");
    let refused = AttachError::on(&facts.interface, Obstacle::Gone);
    assert_eq!(why_not_attached(&refused, &facts).id, Id::Gone);
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
