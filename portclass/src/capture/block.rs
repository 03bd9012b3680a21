//! The blocks of a pcapng file that are held in memory, and what they say.

use pcap_parser::{
    EPB_MAGIC, IDB_MAGIC, InterfaceDescriptionBlock, OptionCode, PcapError, PcapNGOption,
    SHB_MAGIC, SPB_MAGIC, nom::IResult, parse_enhancedpacketblock_be, parse_enhancedpacketblock_le,
    parse_interfacedescriptionblock_be, parse_interfacedescriptionblock_le,
    parse_sectionheaderblock, parse_simplepacketblock_be, parse_simplepacketblock_le,
    traits::PcapNGPacketBlock,
};

use super::{CaptureError, layer::Layer};

/// The obsolete Packet Block, which `pcap_parser` does not take apart.
const PB_MAGIC: u32 = 2;
/// Bytes of the type and the length that every block starts with.
pub(super) const HEAD: usize = 8;
/// Bytes of the length that every block ends with.
pub(super) const TAIL: usize = 4;
/// Offsets of the captured bytes in the blocks that hold some.
const ENHANCED_DATA: usize = 28;
const SIMPLE_DATA: usize = 12;
const OBSOLETE_DATA: usize = 28;
/// The options that tell the length of the frame check sequence: of an interface, and of a packet.
const IF_FCSLEN: OptionCode = OptionCode(13);
const EPB_FLAGS: OptionCode = OptionCode(2);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    LittleEndian,
    BigEndian,
}

/// An interface of the section.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interface {
    pub(super) layer: Result<Layer, u16>,
    /// The most bytes that are captured of a packet; 0 for all of them.
    pub(super) snap_length: u32,
    pub(super) fcs_length: u8,
}

/// A block that is held in memory.
pub(super) struct Block<'a> {
    pub(super) offset: u64,
    pub(super) what: &'static str,
    pub(super) bytes: &'a [u8],
    pub(super) order: Order,
}

/// The captured bytes of a packet within its block, and what its block says of them.
pub(super) struct Packet {
    pub(super) start: usize,
    pub(super) captured: usize,
    pub(super) original: u32,
    pub(super) interface: u32,
    pub(super) fcs_length: Option<u8>,
}

impl Block<'_> {
    pub(super) fn check_tail(&self) -> Result<(), CaptureError> {
        let length = self.bytes.len();
        let tail = &self.bytes[length - TAIL..];
        check_tail(self.offset, self.what, length as u32, self.order, tail)
    }

    pub(super) fn check_version(&self) -> Result<(), CaptureError> {
        let header = self.parsed(parse_sectionheaderblock(self.bytes))?;
        let (major, minor) = (header.major_version, header.minor_version);
        // 1.2 was written for a while and is the same as 1.0.
        if major != 1 {
            return Err(CaptureError::Version {
                offset: self.offset,
                format: "pcapng",
                major,
                minor,
                expected: "1.0",
            });
        }
        Ok(())
    }

    pub(super) fn interface(&self) -> Result<Interface, CaptureError> {
        let interface: InterfaceDescriptionBlock<'_> = self.parsed(match self.order {
            Order::LittleEndian => parse_interfacedescriptionblock_le(self.bytes),
            Order::BigEndian => parse_interfacedescriptionblock_be(self.bytes),
        })?;
        let fcs_length = match option(&interface.options, IF_FCSLEN) {
            // It is in bits; many write bytes.
            Some(&[length, ..]) if length >= 16 => length / 8,
            Some(&[length, ..]) => length,
            _ => 0,
        };
        Ok(Interface {
            layer: Layer::of_link_type(interface.linktype.0 as u16),
            snap_length: interface.snaplen,
            fcs_length,
        })
    }

    #[inline]
    pub(super) fn enhanced_packet(&self) -> Result<Packet, CaptureError> {
        let packet = self.parsed(match self.order {
            Order::LittleEndian => parse_enhancedpacketblock_le(self.bytes),
            Order::BigEndian => parse_enhancedpacketblock_be(self.bytes),
        })?;
        let flags = option(&packet.options, EPB_FLAGS).and_then(|flags| flags.first_chunk());
        Ok(Packet {
            start: ENHANCED_DATA,
            captured: packet.packet_data().len(),
            original: packet.origlen,
            interface: packet.if_id,
            // Bits 5 to 8, in bytes; 0 if nobody knows.
            fcs_length: flags
                .map(|&flags| (self.order.u32(flags) >> 5 & 0xf) as u8)
                .filter(|&length| length > 0),
        })
    }

    pub(super) fn simple_packet(
        &self,
        interface: Option<&Interface>,
    ) -> Result<Packet, CaptureError> {
        let packet = self.parsed(match self.order {
            Order::LittleEndian => parse_simplepacketblock_le(self.bytes),
            Order::BigEndian => parse_simplepacketblock_be(self.bytes),
        })?;
        let original = packet.origlen;
        let captured = match interface.map_or(0, |interface| interface.snap_length) {
            0 => original,
            snap_length => original.min(snap_length),
        };
        Ok(Packet {
            start: SIMPLE_DATA,
            captured: self.fitting(captured, packet.data.len())?,
            original,
            interface: 0,
            fcs_length: None,
        })
    }

    pub(super) fn obsolete_packet(&self) -> Result<Packet, CaptureError> {
        let Some((
            &[
                i0,
                i1,
                _,
                _,
                _,
                _,
                _,
                _,
                _,
                _,
                _,
                _,
                c0,
                c1,
                c2,
                c3,
                o0,
                o1,
                o2,
                o3,
            ],
            data,
        )) = self.bytes[HEAD..self.bytes.len() - TAIL].split_first_chunk()
        else {
            return Err(self.too_short());
        };
        let captured = self.order.u32([c0, c1, c2, c3]);
        Ok(Packet {
            start: OBSOLETE_DATA,
            captured: self.fitting(captured, data.len())?,
            original: self.order.u32([o0, o1, o2, o3]),
            interface: self.order.u16([i0, i1]).into(),
            fcs_length: None,
        })
    }

    /// The captured length, which is at most the `room` that the block has.
    fn fitting(&self, captured: u32, room: usize) -> Result<usize, CaptureError> {
        match usize::try_from(captured) {
            Ok(captured) if captured <= room => Ok(captured),
            _ => {
                let why = format!("{captured} captured bytes do not fit in the block's {room}");
                Err(malformed(self.offset, self.what, why))
            }
        }
    }

    /// What a parser made of the block. It fails for what is cut as well, but the block is whole.
    #[inline]
    fn parsed<T>(&self, parsed: IResult<&[u8], T, PcapError<&[u8]>>) -> Result<T, CaptureError> {
        parsed.map_or_else(|_| Err(self.too_short()), |(_, parsed)| Ok(parsed))
    }

    #[cold]
    fn too_short(&self) -> CaptureError {
        let length = self.bytes.len();
        let why = format!("what it announces does not fit in its {length} bytes");
        malformed(self.offset, self.what, why)
    }
}

impl Order {
    pub(super) const fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::LittleEndian => u32::from_le_bytes(bytes),
            Self::BigEndian => u32::from_be_bytes(bytes),
        }
    }

    const fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::LittleEndian => u16::from_le_bytes(bytes),
            Self::BigEndian => u16::from_be_bytes(bytes),
        }
    }
}

/// What a block is called that has to be held in memory.
pub(super) const fn held(kind: u32) -> Option<&'static str> {
    Some(match kind {
        SHB_MAGIC => "Section Header Block",
        IDB_MAGIC => "Interface Description Block",
        EPB_MAGIC => "Enhanced Packet Block",
        SPB_MAGIC => "Simple Packet Block",
        PB_MAGIC => "Packet Block",
        _ => return None,
    })
}

/// The value of an option, with its padding.
fn option<'a>(options: &'a [PcapNGOption<'_>], code: OptionCode) -> Option<&'a [u8]> {
    let mut options = options.iter();
    options
        .find(|option| option.code == code)
        .map(|option| option.value())
}

pub(super) fn check_tail(
    offset: u64,
    what: &'static str,
    length: u32,
    order: Order,
    tail: &[u8],
) -> Result<(), CaptureError> {
    match tail.first_chunk().map(|&tail| order.u32(tail)) {
        Some(tail) if tail == length => Ok(()),
        tail => {
            let tail = tail.unwrap_or_default();
            let why = format!("its length is {length} at its start and {tail} at its end");
            Err(malformed(offset, what, why))
        }
    }
}

pub(super) const fn malformed(offset: u64, what: &'static str, why: String) -> CaptureError {
    CaptureError::Malformed { offset, what, why }
}
