//! The fixture table through the kernel's parser and the host's.

use portclass::dataplane::{Role, Settings};
use portclass_common::{
    labelling::Matching,
    packet::{Linear, Link, Start, parse},
    tag::MarkMask,
};
use testbed::{fixture::fixtures, machine::unless_slow, privilege::is_root_or_skips};

use super::subject::{Case, Kernel, Program, programs};

const MATCHINGS: [Matching; 3] = [Matching::Destination, Matching::Source, Matching::Best];

/// The fixtures whose frames begin as the program's do.
fn cases(program: Program) -> Vec<Case> {
    let of_link = fixtures()
        .into_iter()
        .filter(|fixture| fixture.link == program.link);
    of_link
        .map(|fixture| Case::new(fixture.description, fixture.frame))
        .collect()
}

/// Runs every program on the fixtures.
fn assert_all_agree(programs: &[Program], settings: Settings) {
    let mut kernel = Kernel::new(settings);
    for &program in programs {
        let count = kernel.assert_agrees(program, cases(program));
        let fewest = match program.link {
            Link::Ethernet => 400,
            Link::Ip => 30,
        };
        assert!(count > fewest, "{program:?}: only {count} fixtures");
    }
}

#[test]
fn every_program_does_with_every_fixture_what_the_host_says() {
    const TEST: &str = "every_program_does_with_every_fixture_what_the_host_says";
    if !is_root_or_skips(TEST) {
        return;
    }
    let programs = programs(TEST);
    for decapsulate in [false, true] {
        // The last one has code that the others lack.
        for &matching in unless_slow(&MATCHINGS[..], &MATCHINGS[2..]) {
            assert_all_agree(
                &programs,
                Settings {
                    decapsulate,
                    matching,
                    tag_metadata: true,
                    mark: MarkMask::new(0x0fff_ff00),
                    ..Settings::default()
                },
            );
        }
    }
}

#[test]
fn without_settings_every_program_counts_every_fixture_and_does_nothing_else() {
    const TEST: &str = "without_settings_every_program_counts_every_fixture_and_does_nothing_else";
    if !is_root_or_skips(TEST) {
        return;
    }
    let programs = programs(TEST);
    assert_all_agree(&programs, Settings::default());
}

#[test]
fn the_log_changes_nothing() {
    const TEST: &str = "the_log_changes_nothing";
    if !is_root_or_skips(TEST) {
        return;
    }
    let programs = programs(TEST);
    assert_all_agree(
        &programs,
        Settings {
            log_unlabelled: true,
            decapsulate: true,
            tag_metadata: true,
            mark: Some(MarkMask::default()),
            ..Settings::default()
        },
    );
}

#[test]
fn the_kernel_agrees_with_the_host_on_every_fixture_cut_at_every_length() {
    const TEST: &str = "the_kernel_agrees_with_the_host_on_every_fixture_cut_at_every_length";
    if !is_root_or_skips(TEST) {
        return;
    }
    let programs = programs(TEST);
    let step = unless_slow(1, 7);
    for decapsulate in [false, true] {
        let mut kernel = Kernel::new(Settings {
            decapsulate,
            ..Settings::default()
        });
        for &program in &programs {
            // Marking is what all the others do, without counting.
            if program.role == Role::Mark {
                continue;
            }
            let mut cut = Vec::new();
            for Case { what, frame } in cases(program) {
                // What lies behind the last header that the parser reads makes no difference.
                let start = Start::of(program.link);
                let read = parse(Linear::new(&frame), start, decapsulate).offset;
                for length in (0..frame.len().min(read + 4).min(400)).step_by(step) {
                    cut.push(Case::new(
                        format!("{what} cut at {length}"),
                        frame[..length].to_vec(),
                    ));
                }
            }
            let count = kernel.assert_agrees(program, cut);
            assert!(count > 1_000 / step, "{program:?}: only {count}");
        }
    }
}
