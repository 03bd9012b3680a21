//! Load-time settings: every program loads with all of them, and none costs anything while it is off.

use std::{
    os::unix::thread::JoinHandleExt as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use aya::programs::{ProgramInfo, loaded_programs};
use portclass::dataplane::{Dataplane, Maps, Settings};
use portclass_common::{labelling::Matching, names, tag::MarkMask};
use rustix::{
    process::{Resource, Rlimit, setrlimit},
    thread::{CapabilitySet, CapabilitySets, set_capabilities},
};
use signal_hook::consts::SIGUSR1;
use testbed::{
    kernel::{Feature, VERIFIER_BUG, skip},
    privilege::is_root_or_skips,
};

use super::subject::programs;

const ALL: Settings = Settings {
    log_unlabelled: true,
    matching: Matching::Best,
    decapsulate: true,
    tag_metadata: true,
    mark: MarkMask::new(0x0007_ffff),
    original_length: true,
};

/// Settings that make much of a difference.
fn every() -> impl Iterator<Item = Settings> {
    let plain = Settings::default();
    let matchings = [Matching::Destination, Matching::Source, Matching::Best];
    let decapsulating = matchings.map(|matching| Settings {
        decapsulate: true,
        matching,
        ..plain
    });
    [plain, ALL].into_iter().chain(decapsulating)
}

fn open(settings: Settings) -> Dataplane {
    Dataplane::open(Maps::Private { entries: 1 }, settings).expect("maps")
}

#[test]
fn every_program_loads_with_every_setting() {
    const TEST: &str = "every_program_loads_with_every_setting";
    if !is_root_or_skips(TEST) {
        return;
    }
    let programs = programs(TEST);
    for settings in every() {
        let mut dataplane = open(settings);
        for program in &programs {
            let loaded = dataplane.image(0).load_program(program.name);
            assert!(loaded.is_ok(), "{program:?}, {settings:?}: {loaded:?}");
        }
    }
}

#[test]
fn signals_do_not_keep_a_program_from_loading() {
    if !is_root_or_skips("signals_do_not_keep_a_program_from_loading") {
        return;
    }
    // Each ends one attempt at most, and there are more attempts than these.
    const SIGNALS: usize = 4;
    let handled = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&handled);
    // SAFETY: an atomic addition may be done in a handler.
    let handler = unsafe {
        signal_hook::low_level::register(SIGUSR1, move || {
            count.fetch_add(1, Ordering::Relaxed);
        })
    };
    let handler = handler.expect("a handler");
    let mut dataplane = open(ALL);
    let loading = thread::spawn(move || {
        let loaded = dataplane.image(0).load_program(names::XDP);
        loaded.map_err(|error| error.to_string())
    });
    let thread = loading.as_pthread_t();
    for sent in 1..=SIGNALS {
        thread::sleep(Duration::from_millis(1));
        // SAFETY: the thread has not been joined.
        if unsafe { libc::pthread_kill(thread, SIGUSR1) } != 0 {
            break;
        }
        while handled.load(Ordering::Relaxed) < sent && !loading.is_finished() {
            thread::yield_now();
        }
    }
    assert_eq!(loading.join().expect("it ends"), Ok(()));
    signal_hook::low_level::unregister(handler);
}

/// Takes all capabilities from this thread but those that `run` needs.
fn drop_capabilities() {
    let enough = CapabilitySet::BPF | CapabilitySet::NET_ADMIN;
    let sets = CapabilitySets {
        effective: enough,
        permitted: enough,
        inheritable: CapabilitySet::empty(),
    };
    set_capabilities(None, sets).expect("a thread may drop what it has");
}

#[test]
fn what_reads_copies_loads_without_perfmon_with_every_setting_and_nothing_else_does() {
    const TEST: &str =
        "what_reads_copies_loads_without_perfmon_with_every_setting_and_nothing_else_does";
    // What copies from all buffers came with them.
    if !is_root_or_skips(TEST) || !Feature::MultiBuffer.is_there_or_skips(TEST) {
        return;
    }
    let programs = programs(TEST);
    let unlimited = Rlimit {
        current: None,
        maximum: None,
    };
    // Maps count against it before Linux 5.11; later it may not be raised everywhere, and need not be.
    let _ = setrlimit(Resource::Memlock, unlimited);
    let tested = thread::spawn(move || {
        drop_capabilities();
        for settings in every() {
            // Nothing that reads copies logs.
            let mut dataplane = open(Settings {
                log_unlabelled: false,
                ..settings
            });
            for program in &programs {
                let loaded = dataplane.image(0).load_program(program.name);
                if format!("{loaded:?}").contains(VERIFIER_BUG) {
                    skip(TEST, format_args!("this kernel has a {VERIFIER_BUG}"));
                    return;
                }
                assert_eq!(
                    loaded.is_ok(),
                    program.copies(),
                    "{program:?}, {settings:?}: {loaded:?}"
                );
            }
        }
    });
    tested.join().expect("they load");
}

/// What the kernel says of the XDP program with these settings.
fn info(settings: Settings) -> ProgramInfo {
    let mut dataplane = open(settings);
    let loaded = dataplane.image(0).load_program(names::XDP);
    loaded.expect("the verifier accepts the program");
    let [id] = dataplane.program_ids()[..] else {
        panic!("one program");
    };
    let found = loaded_programs().find_map(|info| info.ok().filter(|info| info.id() == id));
    found.expect("the program that is loaded")
}

#[test]
fn a_setting_that_is_off_leaves_no_code_behind() {
    if !is_root_or_skips("a_setting_that_is_off_leaves_no_code_behind") {
        return;
    }
    let size = |settings| info(settings).size_translated().expect("Linux 4.15");
    let most = size(ALL);
    for settings in [
        Settings {
            log_unlabelled: false,
            ..ALL
        },
        Settings {
            decapsulate: false,
            ..ALL
        },
        Settings {
            tag_metadata: false,
            ..ALL
        },
        Settings {
            matching: Matching::Destination,
            ..ALL
        },
        Settings {
            original_length: false,
            ..ALL
        },
    ] {
        assert!(size(settings) < most, "{settings:?}");
    }
}

/// The verifier gives up after a million instructions, and older ones follow more of them than newer ones do.
#[test]
fn the_verifier_follows_a_small_part_of_what_it_is_willing_to() {
    if !is_root_or_skips("the_verifier_follows_a_small_part_of_what_it_is_willing_to") {
        return;
    }
    let quiet = Settings {
        log_unlabelled: false,
        ..ALL
    };
    for (settings, most) in [(quiet, 60_000), (ALL, 120_000)] {
        // Linux 5.16 tells.
        if let Some(followed) = info(settings).verified_instruction_count() {
            assert!(followed < most, "{settings:?}: {followed}");
        }
    }
}
