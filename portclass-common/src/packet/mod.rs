//! The one packet parser, compiled for the kernel and for the host.
//!
//! [`parse`] walks a frame from its Ethernet header to the ports, with a [`Cursor`] that every step advances. It
//! allocates nothing, calls nothing and stays within what the verifier of Linux 5.10 accepts: every loop has a
//! constant bound, every read lies behind a bounds check.

mod cursor;
mod ethernet;
mod extension;
mod ipv4;
mod ipv6;
mod transport;

pub use cursor::Cursor;
pub use ethernet::{NonIp, VLAN_MAX_DEPTH};
pub use extension::EXTENSION_MAX_CHAIN;

use crate::transport::Transport;

/// The transport and ports of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flow {
    /// The transport whose registry column the ports belong to.
    pub transport: Transport,
    /// The source port, in host byte order.
    pub source: u16,
    /// The destination port, in host byte order.
    pub destination: u16,
}

/// Why a frame has no label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The port is a Dynamic one and not in the registry.
    Dynamic(Transport),
    /// The port is below the Dynamic ones and has no row in the registry.
    Unassigned(Transport),
    /// A non-first fragment of a packet of this IP protocol.
    Fragment {
        /// IP protocol number.
        protocol: u8,
    },
    /// An IP protocol without ports.
    Protocol {
        /// IP protocol number.
        protocol: u8,
    },
    /// No IP packet.
    NonIp(NonIp),
    /// A header does not fit in the frame or in the IP length.
    Truncated,
    /// A field contradicts its protocol.
    Malformed,
    /// More than [`VLAN_MAX_DEPTH`] tags or [`EXTENSION_MAX_CHAIN`] extension headers.
    TooDeep,
}

/// What follows a header, and how many bytes of it the IP length leaves.
#[derive(Clone, Copy)]
struct IpPayload {
    protocol: u8,
    left: u32,
}

/// The IP length is not given (BIG TCP super-packets, jumbograms): the frame's own end is the only limit.
const LENGTH_OF_FRAME: u32 = u32::MAX;

/// Finds the ports of an Ethernet frame.
///
/// # Errors
///
/// The [`Reason`] why it has none; never [`Reason::Dynamic`] or [`Reason::Unassigned`], which are the registry's to
/// say.
#[inline(always)]
pub fn parse(mut frame: Cursor<'_>) -> Result<Flow, Reason> {
    let payload = match ethernet::parse(&mut frame)? {
        ethernet::Network::Ipv4 => ipv4::parse(&mut frame)?,
        ethernet::Network::Ipv6 => ipv6::parse(&mut frame)?,
    };
    transport::parse(&mut frame, payload)
}
