//! Several images of one registry.

use std::path::Path;

use portclass::{
    dataplane::{Dataplane, Lock, Maps, Pins, Role, Settings},
    registry::{Registry, Sources},
};
use portclass_common::{
    counter::{Counter, FIRST_SLOT},
    names,
    packet::Link,
};
use testbed::{
    bpffs::{Bpffs, MOUNT_POINT},
    frame::{ether_type, ethernet},
    ip::{Hosts, ipv4, protocol},
    privilege::is_root_or_skips,
    segment,
};

fn frame() -> Vec<u8> {
    let segment = segment::tcp(&Hosts::V4, 40_000, 443, b"");
    ethernet(ether_type::IPV4, &ipv4(protocol::TCP, &segment))
}

/// What was counted under slots, by image.
fn labelled(dataplane: &Dataplane) -> Vec<Counter> {
    let rows = dataplane.counters();
    let sum = |row: &Vec<Counter>| {
        let slots = row.iter().skip(FIRST_SLOT as usize);
        slots.fold(Counter::default(), |sum, counter| sum.plus(*counter))
    };
    rows.iter().map(sum).collect()
}

/// Adds images, and runs the one at position `n` on `n + 1` frames before and after `fill`.
fn assert_each_counts_its_own(dataplane: &mut Dataplane, fill: impl FnOnce(&mut Dataplane)) {
    dataplane.add_images(2).expect("two images");
    fill(dataplane);
    let frame = frame();
    for position in 0..3 {
        let image = dataplane.image(position);
        image.load(Role::Ingress, Link::Ethernet).expect("loaded");
        for _ in 0..=position {
            let mut after = vec![0; frame.len()];
            let verdict = image.run_frame(Link::Ethernet, &frame, &mut after);
            assert_eq!(verdict.expect("a test run"), 2);
        }
    }
    let expected = [1, 2, 3].map(|packets| Counter::new(packets, packets * frame.len() as u64));
    assert_eq!(labelled(dataplane), expected);
}

fn registry() -> Registry {
    Registry::load(&Sources::default())
        .expect("the shipped registry")
        .0
}

#[test]
fn images_label_by_one_registry_and_count_for_themselves() {
    if !is_root_or_skips("images_label_by_one_registry_and_count_for_themselves") {
        return;
    }
    let registry = registry();
    let entries = registry.entries().count();
    let maps = Maps::Private { entries };
    let mut dataplane = Dataplane::open(maps, Settings::default()).expect("the maps");
    assert_each_counts_its_own(&mut dataplane, |dataplane| {
        dataplane.fill(&registry).expect("room");
    });
}

#[test]
fn images_of_pinned_maps_label_by_them_and_count_for_themselves() {
    if !is_root_or_skips("images_of_pinned_maps_label_by_them_and_count_for_themselves") {
        return;
    }
    let bpffs = Bpffs::new().expect("a BPF file system");
    bpffs.enter(|| {
        let directory = Path::new(MOUNT_POINT).join("here");
        let registry = registry();
        let entries = registry.entries().count();
        let lock = Lock::exclusive(&directory).expect("nobody else's");
        let mut writer =
            Dataplane::open(Maps::Private { entries }, Settings::default()).expect("the maps");
        writer.fill(&registry).expect("room");
        Pins::create(&directory, &writer).expect("pins");
        drop(writer);

        let pins = Pins::find(&directory).expect("our pins").expect("pins");
        let mut dataplane =
            Dataplane::open(Maps::Pinned(&pins), Settings::default()).expect("the maps");
        assert_each_counts_its_own(&mut dataplane, |_| {});
        drop(lock);
        // The pins are where they were, and nothing was added.
        let mut pinned: Vec<_> = std::fs::read_dir(&directory)
            .expect("the folder")
            .map(|entry| entry.expect("an entry").file_name())
            .collect();
        pinned.sort();
        let mut expected = names::PINNED;
        expected.sort_unstable();
        assert_eq!(pinned, expected);
    });
}
