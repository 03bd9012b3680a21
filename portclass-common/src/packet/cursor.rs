//! The bounds-checked position in a frame.

use super::{
    EXTENSION_MAX_CHAIN, LONGEST_HEADER, Reason, SETTLED, Source, TUNNEL_MAX_DEPTH, VLAN_MAX_DEPTH,
};

/// Headers that reach further into a frame than this make it [`Reason::TooDeep`]. One packet's never do, but those of
/// tunnels with extension headers of thousands of bytes can. The verifier refuses offsets from 0xffff on
/// (`MAX_PACKET_OFF`), and those that it does not know are made known by a mask.
const MAX_OFFSET: usize = SETTLED - LONGEST_WITHOUT_SKIP;

/// Bytes of headers between two that have a length of their own, tunnels included.
const LONGEST_WITHOUT_SKIP: usize = 255;

const _: () = {
    const LINK: usize = 14 + 4 * VLAN_MAX_DEPTH + 8;
    const NETWORK: usize = 40 + 2_048 * EXTENSION_MAX_CHAIN;
    const PORTS: usize = 4;
    const VXLAN: usize = 4 + 8;
    assert!(LINK + NETWORK < MAX_OFFSET);
    assert!((LINK + 40 + PORTS + VXLAN) * (1 + TUNNEL_MAX_DEPTH) <= LONGEST_WITHOUT_SKIP + LINK);
};

/// The length is not given (BIG TCP super-packets, jumbograms): what encloses it is the only limit. No headers are that
/// long, so every larger length stands for the same.
const UNLIMITED: usize = SETTLED;

/// A cursor's position as a plain number.
#[derive(Clone, Copy)]
pub(super) struct Place(pub(super) u64);

const PLACE_BITS: u32 = 15;

/// Bits of a [`Place`].
pub(super) const BITS_OF_PLACE: u32 = 2 * PLACE_BITS;

const _: () = assert!(SETTLED < 1 << PLACE_BITS);

/// A position in a frame, and how far the lengths that were announced on the way let it go.
pub(super) struct Cursor<'source, S> {
    source: &'source mut S,
    offset: usize,
    left: usize,
}

impl<'source, S: Source> Cursor<'source, S> {
    /// A cursor at the start of a frame.
    #[inline(always)]
    pub(super) const fn new(source: &'source mut S) -> Self {
        Self {
            source,
            offset: 0,
            left: UNLIMITED,
        }
    }

    /// A cursor where another one was.
    #[inline(always)]
    pub(super) const fn at(source: &'source mut S, place: Place) -> Self {
        Self {
            source,
            offset: place.0 as usize & SETTLED,
            left: (place.0 >> PLACE_BITS) as usize & SETTLED,
        }
    }

    /// Where the cursor is.
    #[inline(always)]
    pub(super) const fn place(&self) -> Place {
        Place(self.offset as u64 | (self.left as u64) << PLACE_BITS)
    }

    /// Goes where another cursor was.
    #[inline(always)]
    pub(super) const fn go(&mut self, place: Place) {
        self.offset = place.0 as usize & SETTLED;
        self.left = (place.0 >> PLACE_BITS) as usize & SETTLED;
    }

    /// The source, for what is done apart.
    #[inline(always)]
    pub(super) const fn source(&mut self) -> &mut S {
        self.source
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
        const { assert!(N >= 2 && N <= LONGEST_HEADER) };
        if self.left < N {
            return Err(Reason::Truncated);
        }
        let at = self.offset;
        self.offset += N;
        self.left -= N;
        self.source.read(at).ok_or(Reason::Truncated)
    }

    /// The next `N` bytes, two or more, which stay.
    #[inline(always)]
    pub(super) fn peek<const N: usize>(&mut self) -> Result<&[u8; N], Reason> {
        const { assert!(N >= 2 && N <= LONGEST_HEADER) };
        if self.left < N {
            return Err(Reason::Truncated);
        }
        self.source.read(self.offset).ok_or(Reason::Truncated)
    }

    /// Leaves `length` bytes behind, which lie in the frame.
    #[inline(always)]
    pub(super) fn skip(&mut self, length: usize) -> Result<(), Reason> {
        // This comes first: no length limits what lies that far ahead (`UNLIMITED`).
        if self.offset + length > MAX_OFFSET {
            return Err(Reason::TooDeep);
        }
        if self.left < length {
            return Err(Reason::Truncated);
        }
        self.left -= length;
        self.offset += length;
        if !self.source.reaches(self.offset) {
            return Err(Reason::Truncated);
        }
        Ok(())
    }

    /// Makes all paths that lead here one to the verifier.
    #[inline(always)]
    pub(super) fn settle(&mut self) {
        [self.offset, self.left] = self.source.settle([self.offset, self.left]);
    }

    /// `numbers`, of 15 bits at most, as any numbers to the verifier.
    #[inline(always)]
    pub(super) fn settled<const N: usize>(&mut self, numbers: [usize; N]) -> [usize; N] {
        self.source.settle(numbers)
    }

    /// Forgets the link layer's length: it limits nothing in a frame that no other encloses.
    #[inline(always)]
    pub(super) fn unlimit(&mut self) {
        self.left = UNLIMITED;
    }

    /// Makes what follows end in `length` bytes at the latest.
    #[inline(always)]
    pub(super) fn limit(&mut self, length: usize) {
        if length < self.left {
            self.left = length;
        }
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
