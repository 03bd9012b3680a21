//! The one packet parser, compiled for the kernel and for the host.
//!
//! [`parse`] walks a frame from its first header to the ports, with a cursor that every step advances. It allocates
//! nothing, calls nothing but its own parts ([`apart`]) and stays within what the verifier of Linux 5.10 accepts: every
//! loop has a constant bound, every read lies behind a bounds check.

pub mod apart;
mod cursor;
mod ethernet;
mod extension;
mod finding;
mod ipv4;
mod ipv6;
mod quick;
mod source;
mod transport;
mod tunnel;

pub use apart::Apart;
pub use ethernet::{NonIp, VLAN_MAX_DEPTH};
pub use extension::EXTENSION_MAX_CHAIN;
pub use quick::quick;
pub use source::{LONGEST_HEADER, Linear, SETTLED, Source};
pub use tunnel::{TUNNEL_MAX_DEPTH, Tunnel, Tunnels};

use self::{
    cursor::Cursor,
    finding::{Finding, Ports},
};
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
    finding: Finding,
    ports: Ports,
    /// The tunnels that it is in; none unless tunnels are looked into.
    pub tunnels: Tunnels,
    /// Bytes from the frame's start to behind the last header that was read; of a transport's, to behind its ports.
    pub offset: usize,
}

impl Parsed {
    /// The innermost packet's transport and ports, or the reason why it has none; never [`Reason::Dynamic`] or
    /// [`Reason::Unassigned`], which are the registry's to say.
    ///
    /// # Errors
    ///
    /// That reason.
    #[inline(always)]
    pub const fn outcome(&self) -> Result<Flow, Reason> {
        self.finding.outcome(self.ports)
    }

    /// Whether the outcome is [`Reason::Truncated`].
    #[inline(always)]
    pub fn is_truncated(&self) -> bool {
        self.finding == Finding::TRUNCATED
    }
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
    /// More than [`VLAN_MAX_DEPTH`] tags or [`EXTENSION_MAX_CHAIN`] extension headers, or headers that reach further than
    /// 32,512 bytes into the frame, which takes tunnels.
    TooDeep,
}

/// What comes next in a frame.
#[derive(Clone, Copy)]
enum Layer {
    Ethernet,
    Ipv4,
    Ipv6,
}

/// Finds the ports of a frame; with `decapsulate` those of the packet in its tunnels, if it is in any.
///
/// Where `source` does not reach to the frame's end, [`Reason::Truncated`] may only mean that: another source that
/// reaches further then finds the answer.
#[inline(always)]
pub fn parse(mut source: impl Source, start: Start, decapsulate: bool) -> Parsed {
    let mut frame = Cursor::new(&mut source);
    let finding = Finding::of(first(&mut frame, start));
    let (mut finding, mut ports) = transport::parse(&mut frame, finding);
    let mut tunnels = Tunnels::default();
    if decapsulate {
        for level in 0..TUNNEL_MAX_DEPTH {
            match tunnel::enter(&mut frame, finding, ports) {
                Ok(Some((code, inside))) => {
                    tunnels.set(level, code);
                    (finding, ports) = transport::parse(&mut frame, inside);
                    let [settled] = frame.settled([usize::from(finding.0)]);
                    finding = Finding(settled as u16);
                    frame.settle();
                }
                Ok(None) => break,
                Err(truncated) => {
                    finding = truncated;
                    break;
                }
            }
        }
    }
    Parsed {
        finding,
        ports,
        tunnels,
        offset: frame.offset(),
    }
}

/// Reads the outermost packet, from the frame's start to the protocol of its payload.
#[inline(always)]
fn first<S: Source>(frame: &mut Cursor<'_, S>, start: Start) -> Result<u8, Reason> {
    let layer = match start.link {
        Link::Ethernet => ethernet::parse(frame, start.tags_taken)?,
        Link::Ip => match frame.peek::<2>()?[0] >> 4 {
            4 => Layer::Ipv4,
            6 => Layer::Ipv6,
            _ => return Err(Reason::Malformed),
        },
    };
    frame.unlimit();
    network(frame, layer)
}

/// Reads a packet, from the layer that comes next to the protocol of its payload.
#[inline(always)]
fn network<S: Source>(frame: &mut Cursor<'_, S>, layer: Layer) -> Result<u8, Reason> {
    let layer = match layer {
        Layer::Ethernet => ethernet::parse(frame, 0)?,
        network => network,
    };
    match layer {
        Layer::Ipv6 => ipv6::parse(frame),
        Layer::Ipv4 | Layer::Ethernet => ipv4::parse(frame),
    }
}
