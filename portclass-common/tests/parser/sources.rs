//! Sources of bytes: one that has only a frame's beginning, and one that copies what is read.

use portclass_common::packet::{LONGEST_HEADER, Linear, Parsed, Reason, Source, Start, parse};
use testbed::{
    fixture::fixtures,
    random::{Frames, Random},
};

use crate::{MODES, parsed};

/// The first `length` bytes of a frame, by a source that knows of more.
fn beginning(frame: &[u8], length: usize, start: Start, decapsulate: bool) -> Parsed {
    let frame: Box<[u8]> = frame[..length].into();
    parse(Linear::beginning(&frame), start, decapsulate)
}

/// The property that lets the kernel side read the linear bytes first and fetch others only when it hears `Truncated`.
fn assert_beginning_is_right(frame: &[u8], length: usize, start: Start, what: &str) {
    for decapsulate in MODES {
        let whole = parsed(frame, start, decapsulate);
        let given = beginning(frame, length, start, decapsulate);
        assert!(
            given.outcome() == Err(Reason::Truncated) || given == whole,
            "{what}, {length} bytes of it: {given:?} instead of {whole:?}"
        );
    }
}

#[test]
fn the_beginning_of_a_fixture_gives_what_the_whole_gives_or_truncated() {
    for fixture in fixtures() {
        for length in 0..=fixture.frame.len() {
            let start = Start::of(fixture.link);
            assert_beginning_is_right(&fixture.frame, length, start, &fixture.description);
        }
    }
}

#[test]
fn the_beginning_of_any_frame_gives_what_the_whole_gives_or_truncated() {
    let mut random = Random(1);
    for (frame, start) in Frames::new(2).take(50_000) {
        let length = random.below(frame.len() + 1);
        assert_beginning_is_right(&frame, length, start, &format!("{frame:02x?}"));
    }
}

/// Copies every header into the same few bytes, and knows of how long the frame is.
struct Copying<'frame> {
    frame: &'frame [u8],
    header: [u8; LONGEST_HEADER],
}

impl<'frame> Copying<'frame> {
    fn new(frame: &'frame [u8]) -> Self {
        Self {
            frame,
            header: [0; LONGEST_HEADER],
        }
    }
}

impl Source for Copying<'_> {
    fn read<const N: usize>(&mut self, offset: usize) -> Option<&[u8; N]> {
        // What was read before is gone.
        self.header.fill(0xa5);
        let bytes = self.frame.get(offset..offset.checked_add(N)?)?;
        let header = self.header.first_chunk_mut()?;
        header.copy_from_slice(bytes);
        Some(header)
    }

    fn reaches(&self, length: usize) -> bool {
        length <= self.frame.len()
    }

    fn is_whole(&self) -> bool {
        true
    }
}

fn assert_a_copy_is_as_good(frame: &[u8], start: Start, what: &str) {
    for decapsulate in MODES {
        assert_eq!(
            parse(Copying::new(frame), start, decapsulate),
            parsed(frame, start, decapsulate),
            "{what}"
        );
    }
}

#[test]
fn a_source_that_copies_every_header_gives_the_same_for_fixtures_of_every_length() {
    for fixture in fixtures() {
        for length in 0..=fixture.frame.len() {
            let start = Start::of(fixture.link);
            assert_a_copy_is_as_good(&fixture.frame[..length], start, &fixture.description);
        }
    }
}

#[test]
fn a_source_that_copies_every_header_gives_the_same_for_any_frame() {
    for (frame, start) in Frames::new(3).take(50_000) {
        assert_a_copy_is_as_good(&frame, start, &format!("{frame:02x?}"));
    }
}
