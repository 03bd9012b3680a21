//! Filling the kernel's maps and reading its counters: `cargo bench --package portclass --bench maps`. Takes root.

use divan::{Bencher, black_box};
use portclass::{
    dataplane::{Dataplane, Maps, Settings},
    registry::{Registry, Slots, Sources},
};
use testbed::privilege::is_root_or_skips;

fn main() {
    divan::main();
}

/// The shipped registry.
fn shipped() -> Registry {
    Registry::load(&Sources::plain(None))
        .expect("the shipped registry is readable")
        .0
}

/// Empty maps with room for `registry`.
fn maps(registry: &Registry) -> Dataplane {
    let entries = registry.entries().count();
    Dataplane::open(Maps::Private { entries }, Settings::default()).expect("the maps")
}

#[divan::bench]
fn slots(bencher: Bencher<'_, '_>) {
    let registry = shipped();
    bencher.bench(|| Slots::of(black_box(&registry), 0, |_| None));
}

#[divan::bench]
fn open(bencher: Bencher<'_, '_>) {
    if is_root_or_skips("open") {
        let registry = shipped();
        bencher.bench_local(|| maps(&registry));
    }
}

#[divan::bench]
fn fill(bencher: Bencher<'_, '_>) {
    if is_root_or_skips("fill") {
        let registry = shipped();
        bencher
            .with_inputs(|| maps(&registry))
            .bench_local_values(|mut maps| {
                maps.fill(&registry).expect("room");
                maps
            });
    }
}

/// Reads the counters of all CPUs of as many images.
#[divan::bench(args = [1, 2, 8])]
fn counters(bencher: Bencher<'_, '_>, images: usize) {
    if is_root_or_skips("counters") {
        let mut maps = maps(&shipped());
        for _ in 1..images {
            maps.add_images(1).expect("an image");
        }
        bencher.bench_local(|| maps.counters());
    }
}

#[divan::bench]
fn contents(bencher: Bencher<'_, '_>) {
    if is_root_or_skips("contents") {
        let maps = maps(&shipped());
        bencher.bench_local(|| maps.contents());
    }
}
