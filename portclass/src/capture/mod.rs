//! Capture files: bytes in, frames out. It knows no kernel.
//!
//! A file is read as a stream, pcap or pcapng, through a window of fixed size: neither a file's length nor a length that
//! a file claims takes more memory. What the fields of records and blocks mean is the business of `pcap_parser`; its
//! parsers are used and not its readers, which drop the system's reason for a failure, hold every block in memory
//! whole, and refuse a file for a block that is of no interest.

mod block;
mod error;
mod layer;
mod pcap;
mod pcapng;
#[cfg(test)]
mod tests;
mod window;

use std::{io::Read, ops::Range};

pub use error::CaptureError;
use layer::Layer;
use pcap::Pcap;
use pcapng::Pcapng;
pub use portclass_common::packet::Link;
use window::Window;

/// The longest record or block of packets, its own header included, in bytes: twice the largest packet that Linux
/// builds (`GSO_MAX_SIZE`, 8 x 65,535), and four times what capture tools keep of one. What claims more is damaged.
pub const MAX_RECORD_BYTES: usize = 1 << 20;

/// The most interfaces that a section of a pcapng file can describe.
pub const MAX_INTERFACES: usize = 1 << 16;

/// One frame, ready for the parser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The captured bytes, from the Ethernet header or the IP header on.
    ///
    /// Where the capture has another header, they are given one of 14 bytes that says the same. A header that is cut
    /// leaves fewer than 14 bytes behind [`Link::Ethernet`].
    pub bytes: &'a [u8],
    /// What the bytes start with.
    pub link: Link,
    /// Bytes of the frame on the wire, as the capture says, without the frame check sequence; never fewer than were
    /// captured. They are counted from the header that the capture has.
    pub original_length: u64,
}

/// A capture file that is being read.
#[derive(Debug)]
pub struct Capture<R> {
    window: Window<R>,
    container: Container,
    /// Where frames are put together whose header is not that of their bytes.
    rebuilt: Vec<u8>,
    is_over: bool,
}

#[derive(Debug)]
enum Container {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

/// A packet of the file: which bytes of the window it has, and how to take them.
#[derive(Debug)]
struct Record {
    data: Range<usize>,
    original_length: u64,
    layer: Layer,
    /// Bytes of the frame check sequence at the end of the frame on the wire.
    fcs_length: u8,
}

impl<R: Read> Capture<R> {
    /// Reads as much as tells the format of the file.
    ///
    /// # Errors
    ///
    /// It is no capture, one that is compressed, or one whose header is of no use.
    pub fn open(source: R) -> Result<Self, CaptureError> {
        let mut window = Window::new(source);
        window.holds(4)?;
        let container = if window.bytes().starts_with(&pcapng::MAGIC) {
            Container::Pcapng(Pcapng::open())
        } else {
            Container::Pcap(Pcap::open(&mut window)?)
        };
        Ok(Self {
            window,
            container,
            rebuilt: Vec::new(),
            is_over: false,
        })
    }

    /// The next frame, or none at the regular end of the file, and after an error.
    ///
    /// # Errors
    ///
    /// The file ends inside a record, or a record is not what it claims to be. Nothing follows an error.
    #[expect(
        clippy::should_implement_trait,
        reason = "an Iterator cannot lend its own buffer"
    )]
    pub fn next(&mut self) -> Result<Option<Frame<'_>>, CaptureError> {
        if self.is_over {
            return Ok(None);
        }
        let record = match &mut self.container {
            Container::Pcap(pcap) => pcap.next(&mut self.window),
            Container::Pcapng(pcapng) => pcapng.next(&mut self.window),
        };
        match record {
            Ok(Some(record)) => {
                let Record {
                    data,
                    original_length,
                    layer,
                    fcs_length,
                } = record;
                let bytes = self.window.taken(data);
                Ok(Some(layer.frame(
                    bytes,
                    original_length,
                    fcs_length,
                    &mut self.rebuilt,
                )))
            }
            end => {
                self.is_over = true;
                end.map(|_| None)
            }
        }
    }

    /// Bytes of the file that were consumed, for a progress bar: behind a frame, the offset of the record after it.
    pub fn position(&self) -> u64 {
        self.window.position()
    }
}
