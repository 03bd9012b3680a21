//! What is known of drivers.

use portclass_common::packet::Link;

use super::facts::{
    finding, forbidden, host_facts, interface, judge, old_host, old_interface, peer, troubles,
};
use crate::{
    dataplane::{
        AttachError, Obstacle,
        probe::{Channels, xdp},
    },
    doctor::{Id, Severity, why_not_attached},
};

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
    let refused = AttachError::on(&facts.interface, Obstacle::NoNative);
    let found = why_not_attached(&refused, &facts);
    assert_eq!(found.id, Id::NativeRefused, "it says that it has it");
    let facts = old_interface("mlx5_core");
    let refused = AttachError::on(&facts.interface, Obstacle::NoNative);
    assert_eq!(
        why_not_attached(&refused, &facts).id,
        Id::NoNative,
        "it does not say"
    );
    let refused = AttachError::on(&facts.interface, Obstacle::Gone);
    assert_eq!(why_not_attached(&refused, &facts).id, Id::Gone);
}

#[test]
fn an_mtu_is_blamed_where_it_may_be_the_reason() {
    for (driver, mode, frags, may_be) in [
        ("mlx5_core", "native", false, true),
        // It takes frames in several buffers, and so does the program.
        ("mlx5_core", "native", true, false),
        ("mlx5_core", "generic", false, false),
        // What counts is its peer's.
        ("veth", "native", false, false),
    ] {
        let mut facts = interface(driver);
        facts.interface.mtu = 9_000;
        let why = "Invalid argument".to_owned();
        let mut refused = AttachError::on(&facts.interface, Obstacle::Other { mode, why });
        refused.frags = frags;
        let found = why_not_attached(&refused, &facts);
        assert!(found.summary.contains("Invalid argument"), "{found}");
        let is_blamed = found.summary.contains("an MTU of 9000 may be too large");
        assert_eq!(is_blamed, may_be, "{driver}: {found}");
    }
}

#[test]
fn a_driver_without_multi_buffer_support_may_have_any_limit_from_1500_on() {
    let native = |mtu| {
        let mut facts = interface("igc");
        facts.xdp_features = Some(xdp::BASIC);
        facts.interface.mtu = mtu;
        judge(&host_facts(), &[facts], false).interfaces[0].native
    };
    assert_eq!([native(1_500), native(1_501)], [Some(true), None]);
}
