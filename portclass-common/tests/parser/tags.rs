//! VLAN tags that were taken out of a frame before it is parsed.

use portclass_common::packet::{Link, Start};
use testbed::fixture::fixtures;

use crate::{MODES, found, parsed};

const ADDRESSES: usize = 12;
const TAG: usize = 4;

fn has_tag(frame: &[u8]) -> bool {
    matches!(
        frame.get(ADDRESSES..ADDRESSES + 2),
        Some([0x81, 0x00] | [0x88, 0xa8] | [0x91, 0x00])
    )
}

#[test]
fn a_frame_without_its_outer_tags_gives_what_it_gives_with_them() {
    let mut checked = 0;
    let ethernet = |fixture: &testbed::fixture::Fixture| fixture.link == Link::Ethernet;
    for fixture in fixtures().into_iter().filter(ethernet) {
        let mut frame = fixture.frame;
        for tags_taken in 1..=4 {
            // The EtherType that takes the tag's place has to be there.
            if !has_tag(&frame) || frame.len() < ADDRESSES + TAG + 2 {
                break;
            }
            frame.drain(ADDRESSES..ADDRESSES + TAG);
            let start = Start {
                link: Link::Ethernet,
                tags_taken,
            };
            for (decapsulate, expected) in MODES.into_iter().zip([fixture.expected, fixture.inside])
            {
                let given = parsed(&frame, start, decapsulate);
                assert_eq!(
                    given.outcome(),
                    expected,
                    "{}, without {tags_taken}",
                    fixture.description
                );
                if decapsulate {
                    assert_eq!(found(&given), fixture.tunnels, "{}", fixture.description);
                }
            }
            checked += 1;
        }
    }
    assert!(checked > 60, "only {checked}");
}

#[test]
fn tags_that_were_taken_say_nothing_of_the_frame_in_a_tunnel() {
    let taken = Start {
        link: Link::Ethernet,
        tags_taken: 4,
    };
    let mut checked = 0;
    for fixture in fixtures() {
        let is_bare = fixture.link == Link::Ethernet && !has_tag(&fixture.frame);
        if is_bare {
            let given = parsed(&fixture.frame, taken, true);
            assert_eq!(given.outcome(), fixture.inside, "{}", fixture.description);
            assert_eq!(found(&given), fixture.tunnels, "{}", fixture.description);
            checked += 1;
        }
    }
    assert!(checked > 400, "only {checked}");
}

#[test]
fn no_tags_are_taken_from_a_frame_without_a_link_header() {
    for fixture in fixtures() {
        if fixture.link == Link::Ip {
            let start = Start {
                link: Link::Ip,
                tags_taken: 4,
            };
            let given = parsed(&fixture.frame, start, true);
            assert_eq!(given.outcome(), fixture.inside, "{}", fixture.description);
        }
    }
}
