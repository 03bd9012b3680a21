//! The bounds-checked position in a frame.

use core::marker::PhantomData;

use super::{EXTENSION_MAX_CHAIN, Reason, VLAN_MAX_DEPTH};

/// No header starts further into a frame than this.
const MAX_OFFSET: usize = 0x7fff;

const _: () = {
    const ETHERNET: usize = 14 + 4 * VLAN_MAX_DEPTH;
    const PPPOE: usize = 8;
    const IPV6: usize = 40 + 2_048 * EXTENSION_MAX_CHAIN;
    assert!(ETHERNET + PPPOE + IPV6 < MAX_OFFSET);
};

/// A position in a frame.
///
/// It holds addresses and no length, because the kernel's verifier follows packet pointers only as long as they are
/// compared with the end of the packet.
#[derive(Clone, Copy)]
pub struct Cursor<'frame> {
    start: *const u8,
    end: *const u8,
    offset: usize,
    frame: PhantomData<&'frame [u8]>,
}

impl<'frame> Cursor<'frame> {
    /// A cursor at the start of `frame`.
    pub const fn new(frame: &'frame [u8]) -> Self {
        let range = frame.as_ptr_range();
        Self {
            start: range.start,
            end: range.end,
            offset: 0,
            frame: PhantomData,
        }
    }

    /// A cursor over the bytes from `start` up to `end`.
    ///
    /// # Safety
    ///
    /// The bytes from `start` up to, not including, `end` are readable for the lifetime `'frame`.
    #[inline(always)]
    pub const unsafe fn from_range(start: *const u8, end: *const u8) -> Self {
        Self {
            start,
            end,
            offset: 0,
            frame: PhantomData,
        }
    }

    /// Takes a header of `N` bytes; `N` is two or more, since older verifiers reject a check of a single byte behind
    /// a variable offset.
    #[inline(always)]
    pub(super) fn take<const N: usize>(&mut self) -> Result<&'frame [u8; N], Reason> {
        const { assert!(N >= 2) };
        let header = self.start.wrapping_add(self.offset);
        if header.wrapping_add(N) > self.end {
            return Err(Reason::Truncated);
        }
        self.offset += N;
        // SAFETY: N bytes from `header` lie before the end of the frame.
        Ok(unsafe { &*header.cast::<[u8; N]>() })
    }

    /// Leaves `length` bytes behind, which lie in the frame.
    #[inline(always)]
    pub(super) fn skip(&mut self, length: usize) -> Result<(), Reason> {
        // The mask changes no value. It gives the verifier one range for all offsets that depend on the packet, so
        // that it recognises a state which it has seen already, however many headers were skipped on the way to it.
        self.offset = (self.offset + length) & MAX_OFFSET;
        if self.start.wrapping_add(self.offset) > self.end {
            return Err(Reason::Truncated);
        }
        Ok(())
    }
}

/// The 16-bit field `AT` bytes into a header, from network to host byte order.
#[inline(always)]
pub(super) fn be16<const AT: usize, const N: usize>(header: &[u8; N]) -> u16 {
    const { assert!(AT + 2 <= N) };
    let field = header.as_ptr().wrapping_add(AT).cast::<u16>();
    // SAFETY: the field lies inside the header, by the assertion above. In the kernel packet loads of any alignment
    // are the verifier's to allow or to reject, and a plain load is one instruction where an unaligned one would be
    // two byte loads.
    u16::from_be(unsafe {
        if cfg!(target_arch = "bpf") {
            field.read()
        } else {
            field.read_unaligned()
        }
    })
}
