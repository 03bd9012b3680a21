//! Frames at random, so many that the kernel and the host would show it if they did not run the same parser.

use portclass::dataplane::Settings;
use portclass_common::{labelling::Matching, names, tag::MarkMask};
use testbed::{kernel::Feature, machine::unless_slow, privilege::is_root_or_skips, random::Frames};

use super::subject::{Case, Kernel, Program};

fn assert_agrees(name: &str, seed: u64) {
    let mut kernel = Kernel::new(Settings {
        decapsulate: true,
        matching: Matching::Best,
        tag_metadata: true,
        mark: Some(MarkMask::default()),
        ..Settings::default()
    });
    let program = Program::of_name(name);
    let count = unless_slow(130_000, 13_000);
    let frames = (0..count).zip(Frames::new(seed));
    let cases = frames.map(|(number, (frame, _))| Case::new(format!("frame {number}"), frame));
    let taken = kernel.assert_agrees(program, cases.collect());
    assert!(taken >= count / 13 * 10, "{name}: only {taken} of {count}");
}

#[test]
fn xdp_agrees_with_the_host_on_random_frames() {
    if is_root_or_skips("xdp_agrees_with_the_host_on_random_frames") {
        let program = match Feature::MultiBuffer.is_there() {
            true => names::XDP_FRAGS,
            false => names::XDP,
        };
        assert_agrees(program, 10);
    }
}

#[test]
fn xdp_without_a_link_header_agrees_with_the_host_on_random_frames() {
    if is_root_or_skips("xdp_without_a_link_header_agrees_with_the_host_on_random_frames") {
        assert_agrees(names::XDP_IP, 11);
    }
}

#[test]
fn tc_agrees_with_the_host_on_random_frames() {
    if is_root_or_skips("tc_agrees_with_the_host_on_random_frames") {
        assert_agrees(names::EGRESS, 12);
    }
}
