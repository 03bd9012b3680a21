//! The pcap format: a header, and records.

use std::io::Read;

use pcap_parser::{
    PcapHeader,
    nom::{Err, Needed},
    parse_pcap_frame, parse_pcap_frame_be, parse_pcap_frame_modified, parse_pcap_header,
};

use super::{CaptureError, MAX_RECORD_BYTES, Record, layer::Layer, window::Window};

/// Bytes of the header of the file.
const FILE_HEADER: usize = 24;
/// Offset of the link type in it.
const LINK_TYPE: u64 = 20;
/// Bytes of the header of a record.
const RECORD_HEADER: usize = 16;
/// The same in the modified format of the first captures with interface numbers.
const MODIFIED_RECORD_HEADER: usize = 24;
/// The magic numbers as the file has them, of microseconds, nanoseconds, and the modified format.
const MAGICS: [[u8; 4]; 5] = [
    [0xa1, 0xb2, 0xc3, 0xd4],
    [0xd4, 0xc3, 0xb2, 0xa1],
    [0xa1, 0xb2, 0x3c, 0x4d],
    [0x4d, 0x3c, 0xb2, 0xa1],
    [0x34, 0xcd, 0xb2, 0xa1],
];

/// What the header of a pcap file says.
#[derive(Debug)]
pub(super) struct Pcap {
    records: Records,
    layer: Layer,
    fcs_length: u8,
}

/// How the records are laid out.
#[derive(Clone, Copy, Debug)]
enum Records {
    LittleEndian,
    BigEndian,
    Modified,
}

impl Pcap {
    /// Reads the header of the file.
    ///
    /// # Errors
    ///
    /// It is none, or the frames have a header that cannot be read.
    pub(super) fn open<R: Read>(window: &mut Window<R>) -> Result<Self, CaptureError> {
        let is_whole = window.holds(FILE_HEADER)?;
        let bytes = window.bytes();
        let magic = &bytes[..bytes.len().min(4)];
        let is_start = |whole: [u8; 4]| !magic.is_empty() && whole.starts_with(magic);
        if !is_whole
            && MAGICS
                .into_iter()
                .chain([super::pcapng::MAGIC])
                .any(is_start)
        {
            return Err(CaptureError::Cut {
                offset: 0,
                what: "file header",
                claimed: FILE_HEADER as u64,
                there: bytes.len() as u64,
            });
        }
        let Ok((_, header)) = parse_pcap_header(bytes) else {
            return Err(CaptureError::of_start(bytes));
        };
        let pcap = Self::of_header(&header)?;
        window.take(FILE_HEADER);
        Ok(pcap)
    }

    fn of_header(header: &PcapHeader) -> Result<Self, CaptureError> {
        // Before 2.3 the two lengths of a record stood the other way round.
        if header.version_major != 2 || header.version_minor < 3 {
            return Err(CaptureError::Version {
                offset: 0,
                format: "pcap",
                major: header.version_major,
                minor: header.version_minor,
                expected: "2.3 or 2.4",
            });
        }
        let network = header.network.0.cast_unsigned();
        let layer = Layer::of_link_type(network as u16).map_err(|link_type| {
            let (offset, interface) = (LINK_TYPE, None);
            CaptureError::LinkType {
                offset,
                link_type,
                interface,
            }
        })?;
        Ok(Self {
            records: match () {
                () if header.is_modified_format() => Records::Modified,
                () if header.is_bigendian() => Records::BigEndian,
                () => Records::LittleEndian,
            },
            layer,
            fcs_length: fcs_length(network),
        })
    }

    /// The next record, or none at the end of the file.
    ///
    /// # Errors
    ///
    /// The file ends inside a record, or one is too long.
    #[inline]
    pub(super) fn next<R: Read>(
        &mut self,
        window: &mut Window<R>,
    ) -> Result<Option<Record>, CaptureError> {
        loop {
            let bytes = window.bytes();
            let (parse, header): (fn(_) -> _, _) = match self.records {
                Records::LittleEndian => (parse_pcap_frame, RECORD_HEADER),
                Records::BigEndian => (parse_pcap_frame_be, RECORD_HEADER),
                Records::Modified => (parse_pcap_frame_modified, MODIFIED_RECORD_HEADER),
            };
            let missing = match parse(bytes) {
                Ok((rest, record)) => {
                    let length = bytes.len() - rest.len();
                    let original_length = record.origlen.into();
                    let mut data = window.take(length);
                    data.start += header;
                    return Ok(Some(Record {
                        data,
                        original_length,
                        layer: self.layer,
                        fcs_length: self.fcs_length,
                    }));
                }
                Err(Err::Incomplete(Needed::Size(missing))) => missing.get(),
                // The parsers take a number of bytes, whatever they are: they have no other reason to fail.
                Err(_) => 1,
            };
            let claimed = bytes.len() + missing;
            if claimed > MAX_RECORD_BYTES {
                return Err(too_long(window.position(), claimed));
            }
            if !window.holds(claimed)? {
                let there = window.bytes().len();
                return match there {
                    0 => Ok(None),
                    _ => Err(CaptureError::Cut {
                        offset: window.position(),
                        what: if claimed > header {
                            "record"
                        } else {
                            "record header"
                        },
                        claimed: claimed as u64,
                        there: there as u64,
                    }),
                };
            }
        }
    }
}

const fn too_long(offset: u64, claimed: usize) -> CaptureError {
    CaptureError::TooLong {
        offset,
        what: "record",
        claimed: claimed as u64,
    }
}

/// The length of the frame check sequence in bytes, which the highest bits of the link type count in units of 16 bits.
const fn fcs_length(network: u32) -> u8 {
    const IS_KNOWN: u32 = 1 << 26;
    match network & IS_KNOWN {
        0 => 0,
        _ => 2 * (network >> 28) as u8,
    }
}
