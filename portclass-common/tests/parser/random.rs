//! Whatever the bytes.

use portclass_common::packet::{Flow, Reason, Start, Tunnel};
use testbed::{
    fixture::claim,
    random::{Frames, Random},
};

use crate::{MODES, found, parsed};

#[test]
fn a_frame_in_no_tunnel_gives_the_same_whether_tunnels_are_looked_into_or_not() {
    let mut in_a_tunnel = 0;
    for (frame, start) in Frames::new(4).take(150_000) {
        let frame = frame.into_boxed_slice();
        let [outside, inside] = MODES.map(|decapsulate| parsed(&frame, start, decapsulate));
        assert_eq!(found(&outside), [], "{frame:02x?}");
        if found(&inside).is_empty() {
            assert_eq!(inside, outside, "{frame:02x?}");
        } else {
            in_a_tunnel += 1;
        }
        for parsed in [outside, inside] {
            assert!(!matches!(
                parsed.outcome(),
                Err(Reason::Dynamic(_) | Reason::Unassigned(_))
            ));
            if parsed.outcome().is_ok() {
                assert!(parsed.offset <= frame.len(), "{frame:02x?}");
            }
        }
    }
    assert!(in_a_tunnel > 10_000, "only {in_a_tunnel}");
}

/// The rule of the fixtures holds of any frame: a part gives nothing that is not in the whole.
#[test]
fn a_truncated_frame_gives_what_one_of_its_packets_gives_or_truncated() {
    let mut random = Random(5);
    for (frame, start) in Frames::new(6).take(50_000) {
        let part: Box<[u8]> = frame[..random.below(frame.len() + 1)].into();
        let of = |frame: &[u8], start: Start| MODES.map(|mode| parsed(frame, start, mode));
        let [whole, whole_inside] = of(&frame, start);
        let [given, given_inside] = of(&part, start);
        let is_cut = |outcome| outcome == Err(Reason::Truncated);
        assert!(
            is_cut(given.outcome()) || given.outcome() == whole.outcome(),
            "{frame:02x?}"
        );
        let (tunnels, in_part) = (found(&whole_inside), found(&given_inside));
        assert!(tunnels.starts_with(&in_part), "{frame:02x?}");
        // Between the outermost packet and the innermost one, the ports are not known here; what they claim is.
        let is_right = match in_part.len() {
            depth if depth == tunnels.len() => given_inside.outcome() == whole_inside.outcome(),
            0 => given_inside.outcome() == whole.outcome(),
            depth => claims(given_inside.outcome(), tunnels[depth]),
        };
        assert!(is_cut(given_inside.outcome()) || is_right, "{frame:02x?}");
    }
}

/// Whether a packet's outcome is that of a packet in such a tunnel.
fn claims(outcome: Result<Flow, Reason>, tunnel: Tunnel) -> bool {
    match (outcome, claim(tunnel)) {
        (Ok(flow), Ok(claimed)) => {
            (flow.protocol, flow.destination) == (claimed.protocol, claimed.destination)
        }
        (given, claimed) => given == claimed,
    }
}
