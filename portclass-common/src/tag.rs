//! What other programs find on a packet: eight bytes of metadata, or bits of its mark.

use crate::{
    labelling::Labelling,
    packet::{Flow, Reason},
    transport::Transport,
};

/// Version of [`Tag`]'s layout.
pub const TAG_VERSION: u8 = 1;

/// The metadata in front of a frame's first byte, in native byte order; `include/portclass_tag.h` declares it for C.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Tag {
    version: u8,
    class: u8,
    protocol: u8,
    reserved: u8,
    port: u16,
    reserved_too: u16,
}

const _: () = assert!(size_of::<Tag>() == 8 && align_of::<Tag>() == 2);

impl Tag {
    /// The tag of a frame.
    #[inline(always)]
    pub const fn new(outcome: Result<Flow, Reason>, labelling: Labelling) -> Self {
        Self {
            version: TAG_VERSION,
            class: labelling.class_code(),
            protocol: match outcome {
                Ok(flow) => flow.protocol,
                Err(Reason::Protocol { protocol } | Reason::Fragment { protocol }) => protocol,
                Err(_) => 0,
            },
            reserved: 0,
            port: labelling.port(),
            reserved_too: 0,
        }
    }

    /// The tag that these bytes are, in native byte order.
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        let [
            version,
            class,
            protocol,
            reserved,
            port @ ..,
            last,
            last_too,
        ] = bytes;
        Self {
            version,
            class,
            protocol,
            reserved,
            port: u16::from_ne_bytes(port),
            reserved_too: u16::from_ne_bytes([last, last_too]),
        }
    }

    /// [`TAG_VERSION`] of whoever wrote it.
    pub const fn version(self) -> u8 {
        self.version
    }

    /// The code of a [`Class`](crate::label::Class).
    pub const fn class_code(self) -> u8 {
        self.class
    }

    /// The IP protocol number in the packet's header; 0 for frames of which none is known.
    pub const fn protocol(self) -> u8 {
        self.protocol
    }

    /// The port that decided, in host byte order; 0 for a frame without ports.
    pub const fn port(self) -> u16 {
        self.port
    }
}

/// Bits of a mark's value.
const MARK_BITS: u32 = 19;

/// The value of a frame's mark before it is shifted to its place: the transport, counted from 1, above the port. 0 means
/// unlabelled. It depends on the port and on nothing that a registry says.
#[inline(always)]
pub const fn mark(transport: Transport, port: u16) -> u32 {
    (transport.index() + 1) << 16 | port as u32
}

/// The value of a frame's mark before it is shifted to its place.
#[inline(always)]
pub const fn mark_of(outcome: Result<Flow, Reason>, labelling: Labelling) -> u32 {
    match outcome {
        Ok(flow) if labelling.is_labelled() => mark(flow.transport, labelling.port()),
        _ => 0,
    }
}

/// The bits of `skb->mark` that hold a label: at least 19, one beside the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkMask(u32);

impl Default for MarkMask {
    fn default() -> Self {
        Self(0x0007_ffff)
    }
}

impl MarkMask {
    /// The mask of these bits, or `None` where they are fewer than 19 or not contiguous.
    pub const fn new(bits: u32) -> Option<Self> {
        let shifted = if bits == 0 {
            0
        } else {
            bits >> bits.trailing_zeros()
        };
        let is_contiguous = shifted & shifted.wrapping_add(1) == 0;
        if is_contiguous && shifted.count_ones() >= MARK_BITS {
            Some(Self(bits))
        } else {
            None
        }
    }

    /// The bits.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Bits below the lowest one of the mask.
    pub const fn shift(self) -> u32 {
        self.0.trailing_zeros()
    }

    /// A mark's value in its place.
    pub const fn place(self, value: u32) -> u32 {
        value << self.shift() & self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{MarkMask, Tag, mark};
    use crate::transport::Transport;

    #[test]
    fn marks_tell_transports_and_ports_apart() {
        assert_eq!(mark(Transport::Tcp, 443), 0x0001_01bb);
        assert_eq!(mark(Transport::Udp, 443), 0x0002_01bb);
        assert_eq!(mark(Transport::Dccp, 0), 0x0003_0000);
        assert_eq!(mark(Transport::Sctp, 65_535), 0x0004_ffff);
    }

    #[test]
    fn a_mask_has_nineteen_bits_at_least_without_a_gap() {
        for bits in [0x0007_ffff, 0xffff_ffff, 0xffff_e000, 0x00ff_ffe0] {
            assert_eq!(MarkMask::new(bits).map(MarkMask::bits), Some(bits));
        }
        for bits in [0, 1, 0x0003_ffff, 0x000b_ffff, 0x8007_ffff, 0xffff_c000] {
            assert_eq!(MarkMask::new(bits), None, "{bits:#x}");
        }
    }

    #[test]
    fn a_value_is_shifted_to_the_lowest_bit_of_the_mask() {
        let mask = MarkMask::new(0xffff_e000).expect("nineteen bits");
        assert_eq!(mask.place(0x0004_ffff), 0x9fff_e000);
        assert_eq!(MarkMask::default().place(0x0001_01bb), 0x0001_01bb);
        let wide = MarkMask::new(0xffff_fff0).expect("contiguous");
        assert_eq!(wide.place(0x0001_01bb), 0x0010_1bb0);
    }

    #[test]
    fn a_tag_is_read_from_its_bytes() {
        let [low, high] = 443u16.to_ne_bytes();
        let tag = Tag::from_bytes([1, 0, 6, 0, low, high, 0, 0]);
        assert_eq!(
            (tag.version(), tag.class_code(), tag.protocol(), tag.port()),
            (1, 0, 6, 443)
        );
    }
}
