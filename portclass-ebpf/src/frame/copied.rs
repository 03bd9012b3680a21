//! A frame of which the program may read only a part directly, so that its headers are copied.

use core::mem::MaybeUninit;

use portclass_common::packet::{Apart, LONGEST_HEADER, Source};

use super::{Context, direct::settled};
use crate::maps::zero;

/// The bytes of a frame wherever they lie, at the cost of a call for every header.
///
/// The header comes first: the compiler gives its place to the keys of maps afterwards, and older verifiers
/// (seen on Linux 6.1) let nobody without CAP_PERFMON write a part of a pointer's place.
#[repr(C)]
pub struct Copied<C: Context> {
    /// The last one. Zeros would take a function that the verifier refuses without CAP_PERFMON.
    header: MaybeUninit<[u8; LONGEST_HEADER]>,
    ctx: *mut C,
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
            header: MaybeUninit::uninit(),
        }
    }
}

impl<C: Context> Source for Copied<C> {
    #[inline(always)]
    fn read<const N: usize>(&mut self, offset: usize) -> Option<&[u8; N]> {
        const { assert!(N <= LONGEST_HEADER) };
        let header = self.header.as_mut_ptr().cast::<[u8; N]>();
        // SAFETY: the context is the kernel's, as the maker of this source has vouched, and there is room for N bytes.
        let is_there = unsafe { C::copy(self.ctx, offset as u32, header) };
        // SAFETY: the kernel has written all N bytes.
        is_there.then(|| unsafe { &*header })
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
        settled(numbers, zero() as usize)
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
