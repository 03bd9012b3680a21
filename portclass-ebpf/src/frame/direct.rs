//! The part of a frame that the program may read without a call.

use core::marker::PhantomData;

use portclass_common::packet::{Apart, SETTLED, Source};

use super::Context;

/// The bytes of a frame from `data` up to `data_end`, as the program's context names them.
pub struct Direct<'ctx, C: Context> {
    ctx: *mut C,
    data: *const u32,
    data_end: *const u32,
    start: *const u8,
    end: *const u8,
    is_whole: bool,
    context: PhantomData<&'ctx C>,
}

impl<C: Context> Direct<'_, C> {
    /// The source of this context's frame.
    ///
    /// # Safety
    ///
    /// The kernel has handed the context over, it outlives the source, and nobody changes the frame meanwhile.
    #[inline(always)]
    pub unsafe fn new(ctx: *mut C, is_whole: bool) -> Self {
        let (data, data_end) = C::range(ctx);
        // SAFETY: the caller vouches for the context.
        let (start, end) = unsafe { (pointer(data), pointer(data_end)) };
        Self {
            ctx,
            data,
            data_end,
            start,
            end,
            is_whole,
            context: PhantomData,
        }
    }
}

/// Reads a context's field, which the verifier turns into a pointer. The compiler must not know that a second reading
/// gives the same.
///
/// # Safety
///
/// The field can be read.
#[inline(always)]
unsafe fn pointer(field: *const u32) -> *const u8 {
    // SAFETY: the caller vouches for the field.
    unsafe { field.read_volatile() as usize as *const u8 }
}

/// The difference of two pointers into the same frame, which the verifier takes for any number. What the compiler makes of
/// it afterwards it must not make of the pointers: the verifier allows nothing but their subtraction.
#[inline(always)]
fn difference(one: *const u8, other: *const u8) -> usize {
    let difference = (one as usize).wrapping_sub(other as usize);
    #[cfg(target_arch = "bpf")]
    let difference = {
        let mut number = difference;
        // SAFETY: the instruction does nothing. (Without one, two lines would stand for the same instruction, which the
        // kernel refuses.)
        unsafe {
            core::arch::asm!("{0} = {0}", inout(reg) number, options(pure, nomem, preserves_flags, nostack));
        }
        number
    };
    difference
}

/// The numbers, which become any to the verifier by a `zero` that is any.
///
/// It is added: the compiler moves the mask in front of an OR where it knows that a number is small enough, and older
/// verifiers (Linux 5.10 and 6.1, not 6.12 any more) know no bounds of an OR of two numbers that they do not know.
#[inline(always)]
pub(super) fn settled<const N: usize>(numbers: [usize; N], zero: usize) -> [usize; N] {
    numbers.map(|number| number.wrapping_add(zero) & SETTLED)
}

impl<C: Context> Source for Direct<'_, C> {
    #[inline(always)]
    fn read<const N: usize>(&mut self, offset: usize) -> Option<&[u8; N]> {
        let header = self.start.wrapping_add(offset);
        if header.wrapping_add(N) > self.end {
            return None;
        }
        // SAFETY: N bytes from `header` lie before the end of what can be read, so it points to something, which the
        // compiler need not ask.
        unsafe {
            core::hint::assert_unchecked(!header.is_null());
            Some(&*header.cast::<[u8; N]>())
        }
    }

    #[inline(always)]
    fn reaches(&self, length: usize) -> bool {
        self.start.wrapping_add(length) <= self.end
    }

    #[inline(always)]
    fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Takes the pointers anew, of which the verifier does not know what was compared with them. The difference of the
    /// two starts is 0, and any number to the verifier.
    #[inline(always)]
    fn settle<const N: usize>(&mut self, numbers: [usize; N]) -> [usize; N] {
        let before = self.start;
        // SAFETY: as when the source was made.
        unsafe {
            self.start = pointer(self.data);
            self.end = pointer(self.data_end);
        }
        settled(numbers, difference(self.start, before))
    }

    #[inline(always)]
    fn extensions(&mut self, state: Apart) -> Apart {
        Apart(C::extensions(self.ctx, state.0))
    }

    #[inline(always)]
    fn tunnel(&mut self, state: Apart) -> Apart {
        Apart(C::tunnel(self.ctx, state.0))
    }
}
