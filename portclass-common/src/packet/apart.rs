//! Parts of the parser that the kernel side calls as functions of their own, with plain numbers in and out.
//!
//! The verifier follows a global function once, whatever may come in, instead of once for every path that leads to it.
//! Frames that go there are few, and the call costs them a few nanoseconds.

use super::{
    Source,
    cursor::{BITS_OF_PLACE, Cursor, Place},
    extension,
    finding::Finding,
    tunnel,
};

/// What goes into a part of the parser, and what comes out of it: a place in the frame, and a number beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Apart(pub u64);

/// What no [`Finding`] is.
const NO_PROOF: u16 = 0xfe00;
const TRUNCATED_PROOF: u16 = 0xff00;

impl Apart {
    #[inline(always)]
    pub(super) const fn new(place: Place, number: u16) -> Self {
        Self(place.0 | (number as u64) << BITS_OF_PLACE)
    }

    #[inline(always)]
    pub(super) const fn place(self) -> Place {
        Place(self.0)
    }

    #[inline(always)]
    pub(super) const fn number(self) -> u16 {
        (self.0 >> BITS_OF_PLACE) as u16
    }

    /// The cursor's place, and what was found there.
    #[inline(always)]
    pub(super) const fn found<S: Source>(frame: &Cursor<'_, S>, finding: Finding) -> Self {
        Self::new(frame.place(), finding.0)
    }

    /// Sends the cursor to where the part has come, and gives what it has found.
    #[inline(always)]
    pub(super) fn leave<S: Source>(self, frame: &mut Cursor<'_, S>) -> Finding {
        frame.go(self.place());
        Finding(self.number())
    }

    /// No tunnel was proved, since the proof is not there or since the source ends before it.
    #[inline(always)]
    pub(super) const fn no_proof(truncated: bool) -> Self {
        Self::new(Place(0), if truncated { TRUNCATED_PROOF } else { NO_PROOF })
    }

    #[inline(always)]
    pub(super) const fn lacks_proof(self) -> bool {
        self.number() == NO_PROOF
    }

    #[inline(always)]
    pub(super) const fn has_truncated_proof(self) -> bool {
        self.number() == TRUNCATED_PROOF
    }
}

/// Leaves extension headers behind: the part behind [`Source::extensions`].
#[inline(always)]
pub fn extensions<S: Source>(source: &mut S, state: Apart) -> Apart {
    extension::apart(source, state)
}

/// Goes into a tunnel, to the protocol of the packet in it: the part behind [`Source::tunnel`].
#[inline(always)]
pub fn tunnel<S: Source>(source: &mut S, state: Apart) -> Apart {
    tunnel::apart(source, state)
}
