//! Frames that end early. An allocation of just the right size lets a memory checker see a read beyond the end.

use portclass_common::packet::{Flow, Reason, Start, Tunnel};
use testbed::fixture::{Fixture, claim, fixtures};

use crate::{found, parsed};

#[test]
fn a_truncated_frame_gives_what_the_whole_one_gives_or_truncated() {
    for fixture in fixtures() {
        for length in 0..fixture.frame.len() {
            let frame: Box<[u8]> = fixture.frame[..length].into();
            let outcome = parsed(&frame, Start::of(fixture.link), false).outcome();
            assert!(
                outcome == Err(Reason::Truncated) || outcome == fixture.expected,
                "{}, {length} bytes of it: {outcome:?}",
                fixture.description
            );
        }
    }
}

/// What the packet gives that lies in the first `depth` of the fixture's tunnels.
fn level(fixture: &Fixture, depth: usize) -> Result<Flow, Reason> {
    match fixture.tunnels.get(depth) {
        Some(&tunnel) => claim(tunnel),
        None => fixture.inside,
    }
}

/// A tunnel whose proof is cut off is none, so that the packet around it is what is left; but no tunnel is made up, and
/// no packet gives what it does not give when all of it is there.
#[test]
fn a_truncated_frame_in_tunnels_gives_what_one_of_its_packets_gives_or_truncated() {
    for fixture in fixtures() {
        let mut deepest = 0;
        for length in 0..fixture.frame.len() {
            let frame: Box<[u8]> = fixture.frame[..length].into();
            let parsed = parsed(&frame, Start::of(fixture.link), true);
            let tunnels: Vec<Tunnel> = found(&parsed);
            let depth = tunnels.len();
            assert!(
                fixture.tunnels.starts_with(&tunnels)
                    && (parsed.outcome() == Err(Reason::Truncated)
                        || parsed.outcome() == level(&fixture, depth)),
                "{}, {length} bytes of it: {parsed:?}",
                fixture.description
            );
            assert!(
                depth >= deepest,
                "{}, {length} bytes of it: fewer tunnels than in less",
                fixture.description
            );
            deepest = depth;
        }
    }
}
