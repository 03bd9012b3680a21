//! The registry in the maps: every entry there, and no slot with a second meaning.

use std::{collections::HashMap, fs, path::Path};

use portclass::{
    dataplane::{Dataplane, FillError, Lock, Maps, PinError, Pins, Settings, check_bpffs, remove},
    registry::{Registry, Sources},
};
use portclass_common::{label::Class, names};
use tempfile::TempDir;
use testbed::{
    bpffs::{Bpffs, MOUNT_POINT},
    privilege::is_root_or_skips,
};

fn shipped() -> Registry {
    Registry::load(&Sources::default())
        .expect("the shipped registry")
        .0
}

/// A registry of these records, each `name,port,transport`.
fn registry(records: &[&str]) -> Registry {
    let folder = TempDir::new().expect("a temporary folder");
    let file = folder.path().join("registry.csv");
    let mut text = "Service Name,Port Number,Transport Protocol,Description,Assignee,Contact,Registration Date,\
                    Modification Date,Reference,Service Code,Unauthorized Use Reported,Assignment Notes\n"
        .to_owned();
    for record in records {
        text.push_str(&format!("{record},,,,,,,,,\n"));
    }
    fs::write(&file, text).expect("a temporary file");
    let sources = Sources::plain(Some(file));
    let (registry, findings) = Registry::load(&sources).expect("a registry");
    assert_eq!(findings.kept(), []);
    registry
}

fn private(registry: &Registry) -> Dataplane {
    let entries = registry.entries().count();
    Dataplane::open(Maps::Private { entries }, Settings::default()).expect("the maps")
}

/// What every slot in use means.
fn meanings(dataplane: &Dataplane) -> Vec<(String, u16, Option<Class>)> {
    let slots = dataplane.contents().expect("the state").slots;
    let services = (0..slots).map(|slot| dataplane.service(slot).expect("a slot in use"));
    services
        .map(|service| (service.name().to_owned(), service.port(), service.class()))
        .collect()
}

#[test]
fn the_maps_hold_every_entry_of_the_shipped_registry() {
    if !is_root_or_skips("the_maps_hold_every_entry_of_the_shipped_registry") {
        return;
    }
    let registry = shipped();
    let mut dataplane = private(&registry);
    let changes = dataplane.fill(&registry).expect("room");
    assert_eq!((changes.written, changes.new_slots), (13_362, 13_362));
    assert_eq!(changes.contents, dataplane.contents().expect("the state"));
    assert_eq!(changes.contents.named_pairs, 11_598);
    assert_eq!(changes.contents.registry_date, 20_240_612);
    let mut classes = HashMap::<_, u32>::new();
    for (_, _, class) in meanings(&dataplane) {
        *classes.entry(class).or_default() += 1;
    }
    let expected = [
        (Some(Class::Labelled), 11_598 + 760),
        (Some(Class::Reserved), 951),
        (Some(Class::PrivateUse), 14),
        (Some(Class::Withdrawn), 39),
    ];
    assert_eq!(classes, expected.into());
}

#[test]
fn a_slot_keeps_its_meaning_and_an_old_registry_finds_its_old_slots() {
    if !is_root_or_skips("a_slot_keeps_its_meaning_and_an_old_registry_finds_its_old_slots") {
        return;
    }
    let old = registry(&["alpha,1,tcp", "beta,2,tcp", "gamma,3,udp"]);
    let new = registry(&["alpha,1,tcp", "renamed,2,tcp", "delta,4,sctp"]);
    let mut dataplane = private(&old);
    dataplane.fill(&old).expect("room");
    let first = meanings(&dataplane);

    let changes = dataplane.fill(&new).expect("room");
    assert_eq!(
        (
            changes.written,
            changes.kept,
            changes.removed,
            changes.new_slots
        ),
        (2, 1, 1, 2)
    );
    let second = meanings(&dataplane);
    assert_eq!(second[..3], first[..]);
    assert_eq!(second.len(), 5);

    let changes = dataplane.fill(&old).expect("room");
    assert_eq!(
        (
            changes.written,
            changes.kept,
            changes.removed,
            changes.new_slots
        ),
        (2, 1, 1, 0)
    );
    assert_eq!(meanings(&dataplane), second);
    assert_eq!(dataplane.contents().expect("the state").entries, 3);
}

#[test]
fn a_registry_that_needs_more_slots_than_there_are_changes_nothing() {
    if !is_root_or_skips("a_registry_that_needs_more_slots_than_there_are_changes_nothing") {
        return;
    }
    let small = registry(&["alpha,1,tcp"]);
    let mut dataplane = private(&small);
    dataplane.fill(&small).expect("room");
    let before = dataplane.contents().expect("the state");
    let large = registry(&["everything,0-65535,"]);
    match dataplane.fill(&large) {
        Err(FillError::TooLarge {
            needed, capacity, ..
        }) => {
            assert_eq!((needed, capacity), (1 + 4 * 65_536, 16_384));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(dataplane.contents().expect("the state"), before);
}

#[test]
fn a_registry_of_16_384_entries_fits() {
    if !is_root_or_skips("a_registry_of_16_384_entries_fits") {
        return;
    }
    let registry = registry(&["everywhere,1-4096,"]);
    let changes = private(&registry).fill(&registry).expect("room");
    assert_eq!(changes.contents.entries, 16_384);
}

#[test]
fn pinned_maps_are_found_again_with_all_that_was_put_into_them() {
    if !is_root_or_skips("pinned_maps_are_found_again_with_all_that_was_put_into_them") {
        return;
    }
    let bpffs = Bpffs::new().expect("a BPF file system");
    bpffs.enter(|| {
        let directory = Path::new(MOUNT_POINT).join("here");
        check_bpffs(&directory).expect("a BPF file system");
        let registry = shipped();
        {
            let _lock = Lock::exclusive(&directory).expect("nobody else's");
            let mut dataplane = private(&registry);
            dataplane.fill(&registry).expect("room");
            Pins::create(&directory, &dataplane).expect("pins");
        }
        let pins = Pins::find(&directory).expect("our pins").expect("pins");
        assert_eq!(
            (pins.slots(), pins.contents().entries, pins.generation()),
            (16_384, 13_362, 1)
        );
        let mut dataplane =
            Dataplane::open(Maps::Pinned(&pins), Settings::default()).expect("the pinned maps");
        assert_eq!(meanings(&dataplane).len(), 13_362);
        let changes = dataplane.fill(&registry).expect("room");
        assert_eq!(
            (changes.kept, changes.written, changes.new_slots),
            (13_362, 0, 0)
        );

        assert_eq!(
            remove(&directory).expect("removed").len(),
            names::PINNED.len()
        );
        assert!(!directory.exists());
        assert!(Pins::find(&directory).expect("nothing").is_none());
        assert_eq!(
            remove(&directory).expect("nothing to remove"),
            [] as [&Path; 0]
        );
    });
}

#[test]
fn a_reload_that_is_interrupted_leaves_every_slot_its_meaning() {
    if !is_root_or_skips("a_reload_that_is_interrupted_leaves_every_slot_its_meaning") {
        return;
    }
    let bpffs = Bpffs::new().expect("a BPF file system");
    bpffs.enter(|| {
        let directory = Path::new(MOUNT_POINT).join("here");
        let lock = Lock::exclusive(&directory).expect("nobody else's");
        let first = registry(&["alpha,1,tcp"]);
        let mut dataplane = private(&first);
        dataplane.fill(&first).expect("room");
        Pins::create(&directory, &dataplane).expect("pins");
        // Whatever writes to the registry fails from now on, after new slots were published.
        testbed::bpf::freeze(&directory.join(names::REGISTRY)).expect("frozen");
        for (records, slots) in [
            (["beta,2,tcp"], 2),
            (["gamma,3,tcp"], 3),
            (["beta,2,tcp"], 3),
        ] {
            let pins = Pins::find(&directory).expect("our pins").expect("pins");
            let mut dataplane =
                Dataplane::open(Maps::Pinned(&pins), Settings::default()).expect("the maps");
            assert!(matches!(
                dataplane.fill(&registry(&records)),
                Err(FillError::Kernel(_))
            ));
            assert_eq!(meanings(&dataplane).len(), slots, "{records:?}");
            // What programs remember they ask for again.
            let after = Pins::find(&directory).expect("our pins").expect("pins");
            assert_eq!(after.generation(), pins.generation() + 1);
        }
        let pins = Pins::find(&directory).expect("our pins").expect("pins");
        let dataplane =
            Dataplane::open(Maps::Pinned(&pins), Settings::default()).expect("the maps");
        let names: Vec<_> = meanings(&dataplane)
            .into_iter()
            .map(|(name, _, _)| name)
            .collect();
        assert_eq!(names, ["alpha", "beta", "gamma"]);
        drop(lock);
    });
}

#[test]
fn locks_keep_others_out_and_leave_other_folders_alone() {
    if !is_root_or_skips("locks_keep_others_out_and_leave_other_folders_alone") {
        return;
    }
    let bpffs = Bpffs::new().expect("a BPF file system");
    bpffs.enter(|| {
        let directory = Path::new(MOUNT_POINT).join("here");
        // Eight at a time make the folder, use it alone and remove it again.
        let inside = std::sync::atomic::AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let lock = Lock::exclusive(&directory).expect("a lock");
                        assert_eq!(inside.fetch_add(1, std::sync::atomic::Ordering::SeqCst), 0);
                        assert!(directory.exists());
                        inside.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                        drop(lock);
                    }
                });
            }
        });
        assert!(!directory.exists());
        assert!(Lock::shared(&directory).expect("no folder").is_none());
        fs::create_dir(&directory).expect("a folder of somebody's");
        drop(Lock::shared(&directory).expect("a lock"));
        drop(Lock::exclusive(&directory).expect("a lock"));
        assert!(directory.exists());
    });
}

#[test]
fn what_is_no_pin_of_ours_is_named_and_left_alone() {
    if !is_root_or_skips("what_is_no_pin_of_ours_is_named_and_left_alone") {
        return;
    }
    let bpffs = Bpffs::new().expect("a BPF file system");
    bpffs.enter(|| {
        let directory = Path::new(MOUNT_POINT).join("here");
        let _lock = Lock::exclusive(&directory).expect("nobody else's");
        let small = registry(&["alpha,1,tcp"]);
        let mut dataplane = private(&small);
        dataplane.fill(&small).expect("room");
        Pins::create(&directory, &dataplane).expect("pins");

        // A map of ours under another one's name, then a folder, then a set without its state.
        fs::remove_file(directory.join(names::REGISTRY)).expect("removed");
        fs::rename(directory.join(names::SERVICES), directory.join(names::REGISTRY)).expect("renamed");
        assert!(matches!(Pins::find(&directory), Err(PinError::Foreign { path, .. }) if path.ends_with("registry")));
        fs::remove_file(directory.join(names::REGISTRY)).expect("removed");
        assert!(matches!(Pins::find(&directory), Err(PinError::Foreign { path, .. }) if path == directory));
        fs::create_dir(directory.join(names::REGISTRY)).expect("a folder");
        assert!(matches!(Pins::find(&directory), Err(PinError::Foreign { path, .. }) if path.ends_with("registry")));
        assert!(directory.join(names::REGISTRY).is_dir());
    });
    let elsewhere = TempDir::new().expect("a temporary folder");
    assert!(matches!(
        check_bpffs(&elsewhere.path().join("pins")),
        Err(PinError::NoBpffs { .. })
    ));
}
