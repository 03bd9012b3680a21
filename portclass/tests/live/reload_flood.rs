//! Reloads under a flood: no frame is lost, and each one counts under a name that its port has or had.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    thread,
};

use portclass::{
    dataplane::{Dataplane, Maps, Mode, Pins, Role, Settings, interfaces},
    registry::{Registry, Sources},
};
use portclass_common::counter::Counter;
use rustix::process::Signal;
use serde_json::Value;
use testbed::{bpffs::Bpffs, privilege::is_root_or_skips};

use super::{
    count::{rows, totals},
    flood::{Flood, REGISTRIES, Replaced, registry, reloads, turns},
    pins,
    process::{Hosts, Run},
};

/// A registry as the library has it.
fn read(name: &str) -> Registry {
    let file = Replaced::new(&registry(name));
    let sources = Sources::plain(Some(file.path()));
    Registry::load(&sources).expect("a registry").0
}

#[test]
fn reloads_neither_lose_nor_mislabel_a_frame_of_a_flood() {
    if !is_root_or_skips("reloads_neither_lose_nor_mislabel_a_frame_of_a_flood") {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.up().expect("up");
    veth.client.up().expect("up");
    let file = Replaced::new(&registry(REGISTRIES[0]));
    let arguments = format!("-i server0 --format json --registry {}", file.name());
    let mut run = Run::start(&hosts.server, &arguments);
    let flood = Flood::new();
    let (rounds, ()) = flood.send(&veth, |progress| {
        progress.wait_for_a_round();
        for name in turns() {
            file.replace(&registry(name));
            run.send(Signal::HUP);
            let said = run.next_line();
            assert!(
                said.starts_with("portclass: reloaded the registry: "),
                "{said}"
            );
            progress.wait_for_a_round();
        }
    });
    flood.assert_counted(&run.interrupt(), rounds);
}

#[test]
fn changes_of_the_pinned_maps_neither_lose_nor_mislabel_a_frame_of_a_flood() {
    if !is_root_or_skips("changes_of_the_pinned_maps_neither_lose_nor_mislabel_a_frame_of_a_flood")
    {
        return;
    }
    let bpffs = Bpffs::new().expect("a BPF file system");
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.up().expect("up");
    veth.client.up().expect("up");
    let file = Replaced::new(&registry(REGISTRIES[0]));
    pins::stdout(&bpffs, &format!("load --registry {}", file.name()));
    let run = bpffs.enter(|| Run::start(&hosts.server, "-i server0 --format json"));
    let mut writer = bpffs.enter(|| {
        let pins = Pins::find(Path::new(pins::PIN_DIR)).expect("our pins");
        let pins = Maps::Pinned(pins.as_ref().expect("pins"));
        Dataplane::open(pins, Settings::default()).expect("the pinned maps")
    });
    let flood = Flood::new();
    let (rounds, ()) = flood.send(&veth, |progress| {
        progress.wait_for_a_round();
        for name in turns() {
            writer.fill(&read(name)).expect("room");
            progress.wait_for_a_round();
        }
    });
    flood.assert_counted(&run.interrupt(), rounds);
}

#[test]
fn reports_during_reloads_never_run_backwards_and_add_up() {
    if !is_root_or_skips("reports_during_reloads_never_run_backwards_and_add_up") {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.up().expect("up");
    veth.client.up().expect("up");
    let file = Replaced::new(&registry(REGISTRIES[0]));
    let arguments = format!(
        "-i server0 --interval 10ms --format jsonl --registry {}",
        file.name()
    );
    let mut run = Run::start(&hosts.server, &arguments);
    let lines = BufReader::new(run.stdout()).lines();
    let reader = thread::spawn(move || {
        let mut last = Value::Null;
        let mut before = rows(&serde_json::json!({ "services": [], "unlabelled": [] }));
        let mut reports = 0;
        for line in lines {
            let report: Value = serde_json::from_str(&line.expect("text")).expect("JSON");
            let rows = rows(&report);
            for (row, count) in &before {
                assert!(
                    rows.get(row).is_some_and(|now| now >= count),
                    "{row:?}: {count:?}"
                );
            }
            let sum = |part: fn(&(u64, u64)) -> u64| rows.values().map(part).sum::<u64>();
            assert_eq!((sum(|row| row.0), sum(|row| row.1)), totals(&report));
            before = rows;
            last = report;
            reports += 1;
        }
        (last, reports)
    });
    let flood = Flood::new();
    let (rounds, ()) = flood.send(&veth, |progress| {
        progress.wait_for_a_round();
        for (turn, name) in turns().enumerate() {
            file.replace(&registry(name));
            run.send(Signal::HUP);
            let said = run.next_line();
            assert!(said.contains("reloaded the registry"), "{said}");
            // Some frames fall into a turn of each registry.
            if turn % 9 == 0 {
                progress.wait_for_a_round();
            }
        }
        progress.wait_for_a_round();
    });
    run.send(Signal::INT);
    let (last, reports) = reader.join().expect("no report ran backwards");
    assert_eq!(last["final"], true);
    assert!(reports > 1);
    flood.assert_counted(&last, rounds);
    assert!(run.wait().0.success());
}

#[test]
fn no_counter_runs_backwards_while_the_maps_are_filled() {
    if !is_root_or_skips("no_counter_runs_backwards_while_the_maps_are_filled") {
        return;
    }
    let registries = REGISTRIES.map(read);
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.up().expect("up");
    veth.client.up().expect("up");
    let entries = registries[0].entries().count();
    let private = Maps::Private { entries };
    let mut dataplane = Dataplane::open(private, Settings::default()).expect("the maps");
    dataplane.fill(&registries[0]).expect("room");
    hosts.server.enter(|| {
        let found = interfaces().expect("interfaces");
        let server = found
            .into_iter()
            .find(|interface| interface.name == Hosts::SERVER);
        let server = server.expect("the server's end");
        let link = server.link.expect("Ethernet");
        dataplane
            .image(0)
            .load(Role::Ingress, link)
            .expect("loaded");
        dataplane
            .attach(0, &server, Mode::Native)
            .expect("attached");
    });
    let counters = |dataplane: &Dataplane| dataplane.counters().swap_remove(0);
    let flood = Flood::new();
    let (rounds, ()) = flood.send(&veth, |progress| {
        let mut before = vec![Counter::default(); counters(&dataplane).len()];
        for registry in registries.iter().cycle().skip(1).take(reloads()) {
            dataplane.fill(registry).expect("room");
            let now = counters(&dataplane);
            for (index, (now, before)) in now.iter().zip(&before).enumerate() {
                assert!(
                    now.packets() >= before.packets() && now.bytes() >= before.bytes(),
                    "counter {index}: {before:?}, {now:?}"
                );
            }
            before = now;
        }
        progress.wait_for_a_round();
    });
    let packets: u64 = counters(&dataplane)
        .iter()
        .map(|counter| counter.packets())
        .sum();
    assert_eq!(packets, rounds * flood.frames());
}
