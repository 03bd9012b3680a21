//! The one packet parser, compiled for the kernel and for the host.
//!
//! [`parse`] walks a frame from its first header to the ports, with a cursor that every step advances. It allocates
//! nothing, calls nothing and stays within what the verifier of Linux 5.10 accepts: every loop has a constant bound,
//! every read lies behind a bounds check.

mod cursor;
mod ethernet;
mod extension;
mod ipv4;
mod ipv6;
mod source;
mod transport;
mod tunnel;

pub use ethernet::{NonIp, VLAN_MAX_DEPTH};
pub use extension::EXTENSION_MAX_CHAIN;
pub use source::{LONGEST_HEADER, Linear, Source};
pub use tunnel::{TUNNEL_MAX_DEPTH, Tunnel};

use self::cursor::Cursor;
use crate::transport::Transport;

/// What the frames of an interface begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Link {
    /// An Ethernet header.
    Ethernet,
    /// An IP header: tun, WireGuard, ppp and IP tunnels have nothing before it.
    Ip,
}

/// Where a frame begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Start {
    /// Its first header.
    pub link: Link,
    /// VLAN tags that were taken out of the frame, outermost ones, up to [`VLAN_MAX_DEPTH`].
    pub tags_taken: usize,
}

impl Start {
    /// The start of a frame from which nothing was taken.
    pub const fn of(link: Link) -> Self {
        Self {
            link,
            tags_taken: 0,
        }
    }
}

/// What a frame turns out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The innermost packet's transport and ports, or the reason why it has none; never [`Reason::Dynamic`] or
    /// [`Reason::Unassigned`], which are the registry's to say.
    pub outcome: Result<Flow, Reason>,
    /// The tunnels that it is in, the outermost one first; none unless tunnels are looked into.
    pub tunnels: [Option<Tunnel>; TUNNEL_MAX_DEPTH],
    /// Bytes from the frame's start to behind the last header that was read; of a transport's, to behind its ports.
    pub offset: usize,
}

/// The transport and ports of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flow {
    /// The IP protocol number in the packet's header.
    pub protocol: u8,
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

/// What comes next in a frame.
#[derive(Clone, Copy)]
enum Layer {
    Ethernet {
        tags_taken: usize,
    },
    Ipv4,
    Ipv6,
    /// Either of them, as its version field says.
    Ip,
}

/// Finds the ports of a frame; with `decapsulate` those of the packet in its tunnels, if it is in any.
///
/// Where `source` does not reach to the frame's end, [`Reason::Truncated`] may only mean that: another source that
/// reaches further then finds the answer.
#[inline(always)]
pub fn parse(source: impl Source, start: Start, decapsulate: bool) -> Parsed {
    let mut frame = Cursor::new(source);
    let first = match start.link {
        Link::Ethernet => Layer::Ethernet {
            tags_taken: start.tags_taken,
        },
        Link::Ip => Layer::Ip,
    };
    let mut outcome = packet(&mut frame, first);
    // What proves to be no tunnel is not left behind, though it was read.
    let mut offset = frame.offset();
    let mut tunnels = [None; TUNNEL_MAX_DEPTH];
    if decapsulate {
        for tunnel in &mut tunnels {
            match tunnel::enter(&mut frame, outcome) {
                Ok(Some((kind, inner))) => {
                    *tunnel = Some(kind);
                    outcome = packet(&mut frame, inner);
                    offset = frame.offset();
                }
                Ok(None) => break,
                Err(reason) => {
                    outcome = Err(reason);
                    break;
                }
            }
        }
    }
    Parsed {
        outcome,
        tunnels,
        offset,
    }
}

/// Reads one packet, from the layer that comes next to its ports.
#[inline(always)]
fn packet<S: Source>(frame: &mut Cursor<S>, layer: Layer) -> Result<Flow, Reason> {
    let network = match layer {
        Layer::Ethernet { tags_taken } => ethernet::parse(frame, tags_taken)?,
        other => other,
    };
    let is_ipv6 = match network {
        Layer::Ipv4 => false,
        Layer::Ipv6 => true,
        Layer::Ip | Layer::Ethernet { .. } => match frame.peek::<2>()?[0] >> 4 {
            4 => false,
            6 => true,
            _ => return Err(Reason::Malformed),
        },
    };
    let protocol = if is_ipv6 {
        ipv6::parse(frame)?
    } else {
        ipv4::parse(frame)?
    };
    transport::parse(frame, protocol)
}
