//! Where a frame's bytes are read from.

use super::{Apart, apart};

/// Bytes of the longest header that is read in one piece: IPv6's.
pub const LONGEST_HEADER: usize = 40;

/// Where a frame's bytes are read from.
///
/// What is read is borrowed until the next read, so that a source may copy every header into the same few bytes.
pub trait Source {
    /// `N` bytes, [`LONGEST_HEADER`] at most, from `offset` on; `None` where the source does not reach that far.
    fn read<const N: usize>(&mut self, offset: usize) -> Option<&[u8; N]>;

    /// Whether the frame has at least `length` bytes, as far as the source knows.
    fn reaches(&self, length: usize) -> bool;

    /// Whether the source reaches to the end of the frame. One that does not may lack headers that are there.
    fn is_whole(&self) -> bool;

    /// Gives back `numbers`, of 15 bits at most. The kernel's verifier, which follows every path with all that it knows
    /// of every number and pointer, must not know any more which ones they are; so paths that differ in nothing else
    /// are one path to it from here on. Without this there would be more of them than it is willing to follow.
    #[inline(always)]
    fn settle<const N: usize>(&mut self, numbers: [usize; N]) -> [usize; N] {
        numbers
    }

    /// Calls [`apart::extensions`].
    #[inline(always)]
    fn extensions(&mut self, state: Apart) -> Apart
    where
        Self: Sized,
    {
        apart::extensions(self, state)
    }

    /// Calls [`apart::tunnel`].
    #[inline(always)]
    fn tunnel(&mut self, state: Apart) -> Apart
    where
        Self: Sized,
    {
        apart::tunnel(self, state)
    }
}

/// The bits of a number that is settled.
pub const SETTLED: usize = 0x7fff;

/// Bytes that lie in memory, one after the other.
///
/// The kernel side has a source of its own, since the verifier follows packet pointers only as long as they are compared
/// with the end of the packet.
#[derive(Clone, Copy, Debug)]
pub struct Linear<'frame> {
    bytes: &'frame [u8],
    is_whole: bool,
}

impl<'frame> Linear<'frame> {
    /// A whole frame.
    pub const fn new(frame: &'frame [u8]) -> Self {
        Self {
            bytes: frame,
            is_whole: true,
        }
    }

    /// The first bytes of a frame that may have more.
    pub const fn beginning(bytes: &'frame [u8]) -> Self {
        Self {
            bytes,
            is_whole: false,
        }
    }
}

impl Source for Linear<'_> {
    #[inline(always)]
    fn read<const N: usize>(&mut self, offset: usize) -> Option<&[u8; N]> {
        self.bytes.get(offset..)?.first_chunk()
    }

    #[inline(always)]
    fn reaches(&self, length: usize) -> bool {
        length <= self.bytes.len()
    }

    #[inline(always)]
    fn is_whole(&self) -> bool {
        self.is_whole
    }
}
