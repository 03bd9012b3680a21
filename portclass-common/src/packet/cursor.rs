//! The bounds-checked position in a frame.

use super::{EXTENSION_MAX_CHAIN, Reason, Source, TUNNEL_MAX_DEPTH, VLAN_MAX_DEPTH};

/// No header starts further into a frame than this. The verifier refuses packet offsets from 0xffff on
/// (`MAX_PACKET_OFF`), the length of the header itself included.
const MAX_OFFSET: usize = 0xe000;

const _: () = {
    const LINK: usize = 14 + 4 * VLAN_MAX_DEPTH + 8;
    const NETWORK: usize = 40 + 2_048 * EXTENSION_MAX_CHAIN;
    // Geneve, with all its options.
    const TUNNEL: usize = 8 + 8 + 4 * 63;
    assert!((LINK + NETWORK + TUNNEL) * (1 + TUNNEL_MAX_DEPTH) < MAX_OFFSET);
};

/// The length is not given (BIG TCP super-packets, jumbograms): what encloses it is the only limit.
const UNLIMITED: u32 = u32::MAX;

/// A position in a frame, and how far the lengths that were announced on the way let it go.
pub(super) struct Cursor<S> {
    source: S,
    offset: usize,
    left: u32,
}

impl<S: Source> Cursor<S> {
    /// A cursor at the start of a frame.
    #[inline(always)]
    pub(super) const fn new(source: S) -> Self {
        Self {
            source,
            offset: 0,
            left: UNLIMITED,
        }
    }

    /// Bytes left behind.
    #[inline(always)]
    pub(super) const fn offset(&self) -> usize {
        self.offset
    }

    /// Whether all of the frame can be read, so that a header that cannot is not there.
    #[inline(always)]
    pub(super) fn is_whole(&self) -> bool {
        self.source.is_whole()
    }

    /// Takes a header of `N` bytes; `N` is two or more, since older verifiers reject a check of a single byte behind
    /// a variable offset.
    #[inline(always)]
    pub(super) fn take<const N: usize>(&mut self) -> Result<&[u8; N], Reason> {
        const { assert!(N >= 2 && N <= Self::LONGEST) };
        if self.left < N as u32 {
            return Err(Reason::Truncated);
        }
        let at = self.offset;
        self.offset += N;
        self.left -= N as u32;
        self.source.read(at).ok_or(Reason::Truncated)
    }

    /// The next `N` bytes, two or more, which stay.
    #[inline(always)]
    pub(super) fn peek<const N: usize>(&mut self) -> Result<&[u8; N], Reason> {
        const { assert!(N >= 2 && N <= Self::LONGEST) };
        if self.left < N as u32 {
            return Err(Reason::Truncated);
        }
        self.source.read(self.offset).ok_or(Reason::Truncated)
    }

    /// Leaves `length` bytes behind, which lie in the frame.
    #[inline(always)]
    pub(super) fn skip(&mut self, length: u32) -> Result<(), Reason> {
        if self.left < length {
            return Err(Reason::Truncated);
        }
        self.left -= length;
        // Neither the mask nor the comparison changes a value. They give the verifier one range for all offsets that
        // depend on the packet, so that it recognises a state which it has seen already, however many headers were
        // skipped on the way to it.
        self.offset = (self.offset + length as usize) & 0xffff;
        if self.offset > MAX_OFFSET || !self.source.reaches(self.offset) {
            return Err(Reason::Truncated);
        }
        Ok(())
    }

    /// Makes what follows end in `length` bytes at the latest.
    #[inline(always)]
    pub(super) fn limit(&mut self, length: u32) {
        if length < self.left {
            self.left = length;
        }
    }

    const LONGEST: usize = super::source::LONGEST_HEADER;
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
