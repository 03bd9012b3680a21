//! What an image leaves open. A process of its own, since it counts all that the process holds. Takes root.

use std::{collections::BTreeMap, fs};

use aya::maps::MapInfo;
use portclass::{
    dataplane::{Dataplane, Maps, Role, Settings},
    registry::{Registry, Sources},
};
use portclass_common::{names, packet::Link};
use testbed::privilege::is_root_or_skips;

/// How many maps of each name the process has descriptors of.
fn maps() -> BTreeMap<String, usize> {
    let mut ids: Vec<u32> = Vec::new();
    for entry in fs::read_dir("/proc/self/fdinfo").expect("a process has descriptors") {
        // The one that reads the folder is gone by now.
        let Ok(info) = fs::read_to_string(entry.expect("an entry").path()) else {
            continue;
        };
        let id = info.lines().find_map(|line| line.strip_prefix("map_id:"));
        ids.extend(id.map(|id| id.trim().parse::<u32>().expect("a number")));
    }
    ids.sort_unstable();
    ids.dedup();
    let mut names = BTreeMap::new();
    for id in ids {
        let info = MapInfo::from_id(id).expect("a map that is open");
        let name = info.name_as_str().expect("a name").to_owned();
        *names.entry(name).or_default() += 1;
    }
    names
}

fn descriptors() -> usize {
    let entries = fs::read_dir("/proc/self/fd").expect("a process has descriptors");
    entries.count()
}

#[test]
fn images_share_the_registry_and_leave_nothing_open() {
    if !is_root_or_skips("images_share_the_registry_and_leave_nothing_open") {
        return;
    }
    let (registry, _) = Registry::load(&Sources::default()).expect("the shipped registry");
    let entries = registry.entries().count();
    let before = descriptors();
    assert_eq!(maps(), BTreeMap::new());
    for _ in 0..2 {
        let maps_of_all = Maps::Private { entries };
        let mut dataplane = Dataplane::open(maps_of_all, Settings::default()).expect("the maps");
        dataplane.fill(&registry).expect("room");
        let alone = maps();
        for _ in 0..3 {
            dataplane.add_image().expect("an image");
        }
        for position in 0..4 {
            let image = dataplane.image(position);
            image.load(Role::Ingress, Link::Ethernet).expect("loaded");
            image.load(Role::Egress, Link::Ethernet).expect("loaded");
        }
        let all = maps();
        let shared = names::PINNED.into_iter().chain([names::LOG_RING]);
        for name in shared {
            assert_eq!((alone[name], all[name]), (1, 1), "{name}");
        }
        assert_eq!((alone[names::COUNTERS], all[names::COUNTERS]), (1, 4));
        drop(dataplane);
        assert_eq!(maps(), BTreeMap::new());
        assert_eq!(descriptors(), before);
    }
}
