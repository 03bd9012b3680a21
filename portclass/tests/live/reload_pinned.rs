//! The pinned maps, changed by others while a run uses them.

use std::{path::Path, process::Stdio};

use aya::{
    Pod,
    maps::{Array, HashMap, Map, MapData},
};
use portclass_common::{names, port::PortKey, transport::Transport};
use testbed::{bpffs::Bpffs, packet_socket::PacketSocket, privilege::is_root_or_skips, veth::Veth};

use super::{
    count::{rows, totals},
    flood::Replaced,
    pins::{PIN_DIR, output, stdout, tcp_to},
    process::{Hosts, Run, assert_one_line, portclass, wait_until},
};

/// Four bytes each: what others see of a key and of a label.
type Words = HashMap<MapData, [u8; 4], [u8; 4]>;

fn map(bpffs: &Bpffs, name: &str) -> MapData {
    let path = Path::new(PIN_DIR).join(name);
    bpffs
        .enter(|| MapData::from_pin(path))
        .expect("a pinned map")
}

fn registry(bpffs: &Bpffs) -> Words {
    let map = map(bpffs, names::REGISTRY);
    HashMap::try_from(Map::HashMap(map)).expect("a hash map")
}

fn array<T: Pod>(bpffs: &Bpffs, name: &str) -> Array<MapData, T> {
    Array::try_from(Map::Array(map(bpffs, name))).expect("an array")
}

fn key(port: u16) -> [u8; 4] {
    let key = PortKey::new(port, Transport::Tcp);
    let [low, high] = key.port().to_ne_bytes();
    [low, high, Transport::Tcp.protocol(), 0]
}

/// Where the generation stands in `state`.
const GENERATION: std::ops::Range<usize> = 4..8;

/// Changes the generation in `state`, and gives it.
fn set_generation(bpffs: &Bpffs, change: impl FnOnce(u32) -> u32) -> u32 {
    let mut map: Array<_, [u8; 32]> = array(bpffs, names::STATE);
    let mut state = map.get(&0, 0).expect("the state");
    let before = u32::from_ne_bytes(state[GENERATION].try_into().expect("four bytes"));
    let generation = change(before);
    state[GENERATION].copy_from_slice(&generation.to_ne_bytes());
    map.set(0, state, 0).expect("the state");
    generation
}

fn generation(bpffs: &Bpffs) -> u32 {
    set_generation(bpffs, |generation| generation)
}

/// The name of every entry.
fn entries(bpffs: &Bpffs) -> Vec<String> {
    let services: Array<_, [u8; 64]> = array(bpffs, names::SERVICES);
    let mut entries = Vec::new();
    for entry in registry(bpffs).iter() {
        let (_, [low, high, ..]) = entry.expect("an entry");
        let slot = u16::from_ne_bytes([low, high]).into();
        let service = services.get(&slot, 0).expect("a slot");
        let name = service.split(|&byte| byte == 0).next().expect("a name");
        entries.push(String::from_utf8(name.to_vec()).expect("text"));
    }
    entries
}

struct World<'a> {
    bpffs: Bpffs,
    hosts: &'a Hosts,
    veth: Veth<'a>,
    file: Replaced,
}

impl<'a> World<'a> {
    /// Pinned maps that hold `registry`, and a veth pair.
    fn new(hosts: &'a Hosts, registry: &str) -> Self {
        let veth = hosts.veth();
        veth.server.up().expect("up");
        veth.client.up().expect("up");
        let world = Self {
            bpffs: Bpffs::new().expect("a BPF file system"),
            hosts,
            veth,
            file: Replaced::new(""),
        };
        world.load(registry);
        world
    }

    fn load_command(&self) -> String {
        format!("load --registry {}", self.file.name())
    }

    fn load(&self, registry: &str) -> String {
        self.file.replace(registry);
        stdout(&self.bpffs, &self.load_command())
    }

    fn run(&self) -> Run {
        self.bpffs
            .enter(|| Run::start(&self.hosts.server, "-i server0 --format json"))
    }

    /// Sends a frame to that port, and waits until it has arrived.
    fn send(&self, port: u16) {
        let received = || self.veth.server.received().expect("counters");
        let before = received();
        let socket = PacketSocket::open(&self.veth.client).expect("a packet socket");
        socket.send(&tcp_to(port)).expect("sent");
        wait_until("the frame received", || received() == before + 1);
    }
}

/// Ends the run, and asserts what it has counted by name.
fn assert_counted(run: Run, expected: &[(&str, u64)]) {
    let report = run.interrupt();
    let rows = rows(&report);
    let rows: Vec<_> = rows
        .iter()
        .map(|((name, _), (packets, _))| (name.as_str(), *packets))
        .collect();
    assert_eq!(rows, expected);
    assert_eq!(
        totals(&report).0,
        expected.iter().map(|(_, packets)| packets).sum::<u64>()
    );
}

#[test]
fn a_generation_that_wraps_around_is_followed() {
    if !is_root_or_skips("a_generation_that_wraps_around_is_followed") {
        return;
    }
    let hosts = Hosts::new();
    let world = World::new(&hosts, "a-seen,50001,tcp\na-new,50002,tcp\n");
    let run = world.run();
    set_generation(&world.bpffs, |_| u32::MAX);
    world.send(50_001);
    // Port 50002 is seen for the first time when the generation is what memory is before anybody has written to it.
    world.load("b-seen,50001,tcp\nb-new,50002,tcp\n");
    assert_eq!(generation(&world.bpffs), 0);
    world.send(50_001);
    world.send(50_002);
    world.load("c-seen,50001,tcp\nc-new,50002,tcp\n");
    assert_eq!(generation(&world.bpffs), 1);
    world.send(50_001);
    world.send(50_002);
    let expected = ["a-seen", "b-new", "b-seen", "c-new", "c-seen"];
    assert_counted(run, &expected.map(|name| (name, 1)));
}

#[test]
fn a_port_that_was_silent_for_many_generations_has_its_latest_name() {
    if !is_root_or_skips("a_port_that_was_silent_for_many_generations_has_its_latest_name") {
        return;
    }
    let hosts = Hosts::new();
    let names = ["a", "b", "c", "d", "e"];
    let registry_of = |name: &str| format!("{name},50001,tcp\n");
    let world = World::new(&hosts, &registry_of(names[0]));
    let run = world.run();
    world.send(50_001);
    // As many that some of the number's bits are what they were.
    for (name, generations) in names[1..].iter().zip([1 << 8, 1 << 12, 1 << 16, 1 << 24]) {
        set_generation(&world.bpffs, |before| before + generations - 1);
        world.load(&registry_of(name));
        world.send(50_001);
    }
    assert_counted(run, &names.map(|name| (name, 1)));
}

#[test]
fn an_outside_writer_that_bumps_the_generation_is_followed() {
    if !is_root_or_skips("an_outside_writer_that_bumps_the_generation_is_followed") {
        return;
    }
    let hosts = Hosts::new();
    let world = World::new(&hosts, "one,50001,tcp\ntwo,50002,tcp\n");
    let run = world.run();
    world.send(50_001);
    world.send(50_003);
    let mut registry = registry(&world.bpffs);
    let two = registry.get(&key(50_002), 0).expect("an entry");
    registry.insert(key(50_001), two, 0).expect("written");
    registry.insert(key(50_003), two, 0).expect("written");
    // Nobody has said so yet: either label will do, and the frame counts.
    world.send(50_001);
    set_generation(&world.bpffs, |generation| generation.wrapping_add(1));
    world.send(50_001);
    world.send(50_003);
    registry.remove(&key(50_001)).expect("removed");
    set_generation(&world.bpffs, |generation| generation.wrapping_add(1));
    world.send(50_001);
    let report = run.interrupt();
    let rows = rows(&report);
    let packets = |name: &str| rows[&(name.to_owned(), "tcp".to_owned())].0;
    assert_eq!(packets("dynamic"), 2);
    assert_eq!(packets("one") + packets("two"), 4);
    assert!((1..=2).contains(&packets("one")));
    assert_eq!(totals(&report).0, 6);
}

/// Ports on every transport, all with a name that starts like that: entries that take a while to be put in.
fn large(name: &str) -> String {
    format!("{name},1-4000,\n")
}

#[test]
fn a_load_that_is_killed_midway_is_put_right_by_the_next_one() {
    if !is_root_or_skips("a_load_that_is_killed_midway_is_put_right_by_the_next_one") {
        return;
    }
    let hosts = Hosts::new();
    let world = World::new(&hosts, &large("a"));
    let run = world.run();
    let words = registry(&world.bpffs);
    let labels = || words.iter().filter_map(Result::ok).collect::<Vec<_>>();
    let mut of_a = labels();
    of_a.sort_unstable();
    world.file.replace(&large("b"));
    let mut command = portclass(&world.load_command());
    command.stdout(Stdio::null());
    let mut child = world
        .bpffs
        .enter(|| command.spawn())
        .expect("portclass starts");
    let watched: Vec<_> = of_a.iter().step_by(100).collect();
    let has_begun = || {
        let mut watched = watched.iter();
        watched.any(|(key, label)| words.get(key, 0).is_ok_and(|now| now != *label))
    };
    wait_until("an entry is another", has_begun);
    child.kill().expect("killed");
    child.wait().expect("its end");
    assert!(
        entries(&world.bpffs)
            .iter()
            .all(|name| name == "a" || name == "b")
    );
    world.send(1_000);

    let again = world.load(&large("b"));
    assert!(again.ends_with("; 0 new slots\n"), "{again}");
    assert_eq!(entries(&world.bpffs), vec!["b"; 16_000]);
    world.send(2_000);
    let back = world.load(&large("a"));
    assert!(
        back.contains(": 16,000 written, 0 kept, 0 removed; 0 new slots"),
        "{back}"
    );
    let mut back = labels();
    back.sort_unstable();
    assert_eq!(back, of_a, "old slots are found again");
    world.send(2_000);
    let report = run.interrupt();
    assert_eq!(totals(&report).0, 3);
    let rows = rows(&report);
    assert!(
        rows.keys().all(|(name, _)| name == "a" || name == "b"),
        "{rows:?}"
    );
}

#[test]
fn of_two_loads_at_a_time_one_comes_after_the_other() {
    if !is_root_or_skips("of_two_loads_at_a_time_one_comes_after_the_other") {
        return;
    }
    let hosts = Hosts::new();
    let world = World::new(&hosts, &large("a"));
    let files = ["a", "b"].map(|name| Replaced::new(&large(name)));
    for _ in 0..5 {
        let before = generation(&world.bpffs);
        let children = files.each_ref().map(|file| {
            let mut command = portclass(&format!("load --registry {}", file.name()));
            command.stdout(Stdio::null());
            world
                .bpffs
                .enter(|| command.spawn())
                .expect("portclass starts")
        });
        for mut child in children {
            assert!(child.wait().expect("its end").success());
        }
        let entries = entries(&world.bpffs);
        let last = entries.first().expect("an entry");
        assert!(last == "a" || last == "b", "{last}");
        assert_eq!(entries, vec![last.as_str(); 16_000]);
        assert_eq!(generation(&world.bpffs), before + 2);
    }
}

#[test]
fn a_registry_too_large_for_the_pinned_maps_changes_nothing() {
    if !is_root_or_skips("a_registry_too_large_for_the_pinned_maps_changes_nothing") {
        return;
    }
    let hosts = Hosts::new();
    let world = World::new(&hosts, "mine,50001,tcp\n");
    let run = world.run();
    let before = stdout(&world.bpffs, "status");
    let remedy = "make larger ones: portclass detach, then portclass load";
    for (registry, needed, why) in [
        ("yours,1-4096,\n", "needs 16385 slots", remedy),
        ("yours,1-10000,\n", "needs 40001 slots", remedy),
        (
            "yours,0-65535,\n",
            "needs 262145 slots",
            "no more than 65535 are possible",
        ),
    ] {
        world.file.replace(registry);
        assert_one_line(
            &output(&world.bpffs, &world.load_command()),
            1,
            &[needed, "and the maps have 16384", why],
        );
        assert_eq!(stdout(&world.bpffs, "status"), before);
        assert_eq!(entries(&world.bpffs), ["mine"]);
    }
    world.send(50_001);
    assert_counted(run, &[("mine", 1)]);
}
