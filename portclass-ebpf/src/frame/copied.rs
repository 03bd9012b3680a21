//! A frame of which the program may read only a part directly, so that its headers are copied.

use portclass_common::packet::{Apart, LONGEST_HEADER, Source};

use super::{
    Context,
    direct::{settled, zero},
};

/// The bytes of a frame wherever they lie, at the cost of a call for every header.
pub struct Copied<C: Context> {
    ctx: *mut C,
    header: [u8; LONGEST_HEADER],
}

impl<C: Context> Copied<C> {
    /// The source of this context's frame.
    ///
    /// # Safety
    ///
    /// The kernel has handed the context over, and it outlives the source.
    #[inline(always)]
    pub unsafe fn new(ctx: *mut C) -> Self {
        Self {
            ctx,
            header: [0; LONGEST_HEADER],
        }
    }
}

impl<C: Context> Source for Copied<C> {
    #[inline(always)]
    fn read<const N: usize>(&mut self, offset: usize) -> Option<&[u8; N]> {
        let header = self.header.first_chunk_mut::<N>()?;
        // SAFETY: the context is the kernel's, as the maker of this source has vouched.
        unsafe { C::copy(self.ctx, offset as u32, header) }.then_some(header)
    }

    #[inline(always)]
    fn reaches(&self, length: usize) -> bool {
        // SAFETY: as above.
        length as u64 <= unsafe { C::length(self.ctx) }
    }

    #[inline(always)]
    fn is_whole(&self) -> bool {
        true
    }

    #[inline(always)]
    fn settle<const N: usize>(&mut self, numbers: [usize; N]) -> [usize; N] {
        // SAFETY: as above.
        settled(numbers, unsafe { zero(C::range(self.ctx).0) })
    }

    #[inline(always)]
    fn extensions(&mut self, state: Apart) -> Apart {
        Apart(C::extensions_copied(self.ctx, state.0))
    }

    #[inline(always)]
    fn tunnel(&mut self, state: Apart) -> Apart {
        Apart(C::tunnel_copied(self.ctx, state.0))
    }
}
