//! The pcapng format: sections of blocks.

use std::io::Read;

use pcap_parser::{EPB_MAGIC, IDB_MAGIC, SHB_MAGIC, SPB_MAGIC};

use super::{
    CaptureError, MAX_INTERFACES, MAX_RECORD_BYTES, Record,
    block::{Block, HEAD, Interface, Order, Packet, TAIL, check_tail, held, malformed},
    window::Window,
};

/// The type of a section header, the same in either byte order: how every file starts.
pub(super) const MAGIC: [u8; 4] = SHB_MAGIC.to_be_bytes();
/// What the blocks are called that are not held.
const WHAT_ELSE: &str = "block";

/// The section that is being read.
#[derive(Debug)]
pub(super) struct Pcapng {
    order: Order,
    interfaces: Vec<Interface>,
}

impl Pcapng {
    /// A file of which nothing was read. Its first block says more.
    pub(super) const fn open() -> Self {
        Self {
            order: Order::LittleEndian,
            interfaces: Vec::new(),
        }
    }

    /// The next packet, or none at the end of the file.
    ///
    /// # Errors
    ///
    /// The file ends inside a block, a block contradicts itself, or the packet's interface cannot be read.
    pub(super) fn next<R: Read>(
        &mut self,
        window: &mut Window<R>,
    ) -> Result<Option<Record>, CaptureError> {
        loop {
            let Some((kind, length)) = self.head(window)? else {
                return Ok(None);
            };
            let Some(what) = held(kind) else {
                self.skip(window, length)?;
                continue;
            };
            let offset = window.position();
            let claimed = length.into();
            if length as usize > MAX_RECORD_BYTES {
                return Err(CaptureError::TooLong {
                    offset,
                    what,
                    claimed,
                });
            }
            let length = length as usize;
            if !window.holds(length)? {
                let there = window.bytes().len() as u64;
                return Err(cut(offset, what, claimed, there));
            }
            let block = Block {
                offset,
                what,
                bytes: &window.bytes()[..length],
                order: self.order,
            };
            block.check_tail()?;
            let packet = match kind {
                SHB_MAGIC => {
                    block.check_version()?;
                    self.interfaces.clear();
                    None
                }
                IDB_MAGIC => {
                    let interface = block.interface()?;
                    if self.interfaces.len() == MAX_INTERFACES {
                        return Err(CaptureError::TooManyInterfaces { offset });
                    }
                    self.interfaces.push(interface);
                    None
                }
                EPB_MAGIC => Some(block.enhanced_packet()?),
                SPB_MAGIC => Some(block.simple_packet(self.interfaces.first())?),
                _ => Some(block.obsolete_packet()?),
            };
            let record = packet
                .map(|packet| self.record(offset, packet))
                .transpose()?;
            let at = window.take(length).start;
            if let Some(mut record) = record {
                record.data = at + record.data.start..at + record.data.end;
                return Ok(Some(record));
            }
        }
    }

    /// The type and the length of the next block, with the byte order set that it starts if it starts a section; none at
    /// the end of the file.
    #[inline]
    fn head<R: Read>(
        &mut self,
        window: &mut Window<R>,
    ) -> Result<Option<(u32, u32)>, CaptureError> {
        const WHAT: &str = "block header";
        let has_head = window.holds(HEAD + TAIL)?;
        let offset = window.position();
        let &[t0, t1, t2, t3, l0, l1, l2, l3, b0, b1, b2, b3, ..] = window.bytes() else {
            debug_assert!(!has_head, "twelve bytes are held");
            let there = window.bytes().len() as u64;
            return match there {
                0 => Ok(None),
                _ => Err(cut(offset, WHAT, (HEAD + TAIL) as u64, there)),
            };
        };
        if [t0, t1, t2, t3] == MAGIC {
            self.order = match [b0, b1, b2, b3] {
                [0x4d, 0x3c, 0x2b, 0x1a] => Order::LittleEndian,
                [0x1a, 0x2b, 0x3c, 0x4d] => Order::BigEndian,
                other => {
                    let other = u32::from_be_bytes(other);
                    let why = format!("byte-order magic {other:#010x}; expected 0x1a2b3c4d");
                    return Err(malformed(offset, "Section Header Block", why));
                }
            };
        }
        let kind = self.order.u32([t0, t1, t2, t3]);
        let length = self.order.u32([l0, l1, l2, l3]);
        if !length.is_multiple_of(4) || (length as usize) < HEAD + TAIL {
            let why = format!("its length is {length}; expected a multiple of 4, at least 12");
            return Err(malformed(offset, held(kind).unwrap_or(WHAT_ELSE), why));
        }
        Ok(Some((kind, length)))
    }

    /// Passes over a block of no interest, however long it is.
    fn skip<R: Read>(&self, window: &mut Window<R>, length: u32) -> Result<(), CaptureError> {
        let offset = window.position();
        let body = u64::from(length) - TAIL as u64;
        let skipped = window.skip(body)?;
        let has_tail = skipped == body && window.holds(TAIL)?;
        if !has_tail {
            let there = skipped + window.bytes().len() as u64;
            return Err(cut(offset, WHAT_ELSE, length.into(), there));
        }
        let tail = window.take(TAIL);
        check_tail(offset, WHAT_ELSE, length, self.order, window.taken(tail))
    }

    /// What is to be known of a packet, by its interface.
    #[inline]
    fn record(&self, offset: u64, packet: Packet) -> Result<Record, CaptureError> {
        let interface = packet.interface;
        let Some(known) = self.interfaces.get(interface as usize) else {
            return Err(CaptureError::UnknownInterface {
                offset,
                interface,
                described: self.interfaces.len(),
            });
        };
        let layer = known.layer.map_err(|link_type| CaptureError::LinkType {
            offset,
            link_type,
            interface: Some(interface),
        })?;
        Ok(Record {
            data: packet.start..packet.start + packet.captured,
            original_length: packet.original.into(),
            layer,
            fcs_length: packet.fcs_length.unwrap_or(known.fcs_length),
        })
    }
}

const fn cut(offset: u64, what: &'static str, claimed: u64, there: u64) -> CaptureError {
    CaptureError::Cut {
        offset,
        what,
        claimed,
        there,
    }
}
