//! Where a frame's bytes are read from.

use core::marker::PhantomData;

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
}

/// Bytes that lie in memory, one after the other.
///
/// It holds addresses and no length, because the kernel's verifier follows packet pointers only as long as they are
/// compared with the end of the packet.
#[derive(Clone, Copy)]
pub struct Linear<'frame> {
    start: *const u8,
    end: *const u8,
    is_whole: bool,
    frame: PhantomData<&'frame [u8]>,
}

impl<'frame> Linear<'frame> {
    /// A whole frame.
    pub const fn new(frame: &'frame [u8]) -> Self {
        let range = frame.as_ptr_range();
        Self {
            start: range.start,
            end: range.end,
            is_whole: true,
            frame: PhantomData,
        }
    }

    /// The bytes from `start` up to `end`, which are the whole frame or only its beginning.
    ///
    /// # Safety
    ///
    /// The bytes from `start` up to, not including, `end` are readable for the lifetime `'frame`.
    #[inline(always)]
    pub const unsafe fn from_range(start: *const u8, end: *const u8, is_whole: bool) -> Self {
        Self {
            start,
            end,
            is_whole,
            frame: PhantomData,
        }
    }
}

impl Source for Linear<'_> {
    #[inline(always)]
    fn read<const N: usize>(&mut self, offset: usize) -> Option<&[u8; N]> {
        let header = self.start.wrapping_add(offset);
        if header.wrapping_add(N) > self.end {
            return None;
        }
        // SAFETY: N bytes from `header` lie before the end of the frame.
        Some(unsafe { &*header.cast::<[u8; N]>() })
    }

    #[inline(always)]
    fn reaches(&self, length: usize) -> bool {
        self.start.wrapping_add(length) <= self.end
    }

    #[inline(always)]
    fn is_whole(&self) -> bool {
        self.is_whole
    }
}
