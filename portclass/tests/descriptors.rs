//! What images leave open, and what their maps take. A process of its own, since it looks at all that the process holds.
//! Takes root.

use std::{collections::BTreeMap, fs, sync::Mutex};

use aya::maps::MapInfo;
use portclass::{
    dataplane::{Dataplane, Maps, Role, Settings},
    registry::{Registry, Sources},
};
use portclass_common::{names, packet::Link};
use testbed::privilege::is_root_or_skips;

/// Held by the one test that has maps.
static ALONE: Mutex<()> = Mutex::new(());

/// The bytes of each map that the process has descriptors of, as the kernel counts them, by its number.
fn bytes_of_maps() -> BTreeMap<u32, u64> {
    let mut maps = BTreeMap::new();
    for entry in fs::read_dir("/proc/self/fdinfo").expect("a process has descriptors") {
        // The one that reads the folder is gone by now.
        let Ok(info) = fs::read_to_string(entry.expect("an entry").path()) else {
            continue;
        };
        let number = |field: &str| {
            let text = info.lines().find_map(|line| line.strip_prefix(field))?;
            Some(text.trim().parse::<u64>().expect("a number"))
        };
        if let (Some(id), Some(bytes)) = (number("map_id:"), number("memlock:")) {
            maps.insert(id as u32, bytes);
        }
    }
    maps
}

/// How many maps of each name the process has descriptors of.
fn maps() -> BTreeMap<String, usize> {
    let mut names = BTreeMap::new();
    for &id in bytes_of_maps().keys() {
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
    let _alone = ALONE.lock().expect("no test has panicked");
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
            dataplane.add_images(1).expect("an image");
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

/// What the maps of a run may take, in bytes.
mod budget {
    /// All that images share: the registry, the names of 16,384 slots, the log.
    pub const SHARED: u64 = 3 << 20;
    /// Room for a dense memo of the registry, which images share as well.
    pub const MEMO: u64 = 2 << 20;
    /// An image, without the rows of its counters.
    pub const IMAGE: u64 = 8 << 10;
    /// A row of counters for 16,384 slots: one an image and CPU that the machine can ever have.
    pub const ROW: u64 = 268 << 10;
}

#[test]
fn the_maps_keep_within_their_budget() {
    if !is_root_or_skips("the_maps_keep_within_their_budget") {
        return;
    }
    let _alone = ALONE.lock().expect("no test has panicked");
    let (registry, _) = Registry::load(&Sources::default()).expect("the shipped registry");
    let entries = registry.entries().count();
    let maps = Maps::Private { entries };
    let mut dataplane = Dataplane::open(maps, Settings::default()).expect("the maps");
    dataplane.fill(&registry).expect("room");
    let cpus = aya::util::nr_cpus().expect("CPUs") as u64;
    for images in 1..=4 {
        let all: u64 = bytes_of_maps().values().sum();
        let allowed = budget::SHARED + budget::MEMO + images * (budget::IMAGE + cpus * budget::ROW);
        assert!(
            all <= allowed,
            "{images} images take {all} bytes, not {allowed}"
        );
        dataplane.add_images(1).expect("an image");
    }
}
