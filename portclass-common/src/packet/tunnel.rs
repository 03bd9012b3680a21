//! Tunnels: what proves to be one, and where the packet in it begins.

use super::{
    Flow, Layer, Reason, Source,
    cursor::{Cursor, be16},
    ethernet,
};
use crate::transport::Transport;

/// Tunnels that are looked into; a packet in one more is labelled as what it is on its outside.
pub const TUNNEL_MAX_DEPTH: usize = 2;

/// A tunnel that is looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Tunnel {
    /// IPv4 in IP, protocol 4 (RFC 2003).
    IpIp,
    /// IPv6 in IP, protocol 41 (RFC 4213).
    SixInFour,
    /// Generic Routing Encapsulation, protocol 47 (RFC 2784, RFC 2890).
    Gre,
    /// VXLAN, 4789/udp (RFC 7348).
    Vxlan,
    /// VXLAN-GPE, 4790/udp (draft-ietf-nvo3-vxlan-gpe).
    VxlanGpe,
    /// Geneve, 6081/udp (RFC 8926).
    Geneve,
    /// GRE in UDP, 4754/udp (RFC 8086).
    GreInUdp,
}

impl Tunnel {
    /// All kinds, each at the position of its discriminant.
    pub const ALL: [Self; 7] = [
        Self::IpIp,
        Self::SixInFour,
        Self::Gre,
        Self::Vxlan,
        Self::VxlanGpe,
        Self::Geneve,
        Self::GreInUdp,
    ];

    /// The name that reports use: IANA's for those with a port.
    pub const fn name(self) -> &'static str {
        match self {
            Self::IpIp => "ipip",
            Self::SixInFour => "6in4",
            Self::Gre => "gre",
            Self::Vxlan => "vxlan",
            Self::VxlanGpe => "vxlan-gpe",
            Self::Geneve => "geneve",
            Self::GreInUdp => "gre-in-udp",
        }
    }

    /// The transport of those with a port.
    pub const fn transport(self) -> Option<Transport> {
        match self {
            Self::IpIp | Self::SixInFour | Self::Gre => None,
            Self::Vxlan | Self::VxlanGpe | Self::Geneve | Self::GreInUdp => Some(Transport::Udp),
        }
    }

    /// The tunnel that a packet claims to be by its protocol or port.
    #[inline(always)]
    fn claimed(outcome: Result<Flow, Reason>) -> Option<Self> {
        const UDP: u8 = Transport::Udp.protocol();
        match outcome {
            Err(Reason::Protocol { protocol: 4 }) => Some(Self::IpIp),
            Err(Reason::Protocol { protocol: 41 }) => Some(Self::SixInFour),
            Err(Reason::Protocol { protocol: 47 }) => Some(Self::Gre),
            Ok(Flow {
                protocol: UDP,
                destination,
                ..
            }) => match destination {
                4_754 => Some(Self::GreInUdp),
                4_789 => Some(Self::Vxlan),
                4_790 => Some(Self::VxlanGpe),
                6_081 => Some(Self::Geneve),
                _ => None,
            },
            _ => None,
        }
    }
}

/// Transparent Ethernet Bridging (RFC 1701): an Ethernet frame.
const ETHERNET_BRIDGING: u16 = 0x6558;

/// Goes into the tunnel that the packet read last claims to be, where it proves to be one. `None` where it claims none
/// or does not prove it.
///
/// # Errors
///
/// [`Reason::Truncated`] where the source ends before the proof, and the frame does not.
#[inline(always)]
pub(super) fn enter<S: Source>(
    frame: &mut Cursor<S>,
    outcome: Result<Flow, Reason>,
) -> Result<Option<(Tunnel, Layer)>, Reason> {
    let Some(tunnel) = Tunnel::claimed(outcome) else {
        return Ok(None);
    };
    match proof(frame, tunnel) {
        Ok(inner) => Ok(inner.map(|inner| (tunnel, inner))),
        Err(reason) if frame.is_whole() => {
            let _no_proof = reason;
            Ok(None)
        }
        Err(reason) => Err(reason),
    }
}

#[inline(always)]
fn proof<S: Source>(frame: &mut Cursor<S>, tunnel: Tunnel) -> Result<Option<Layer>, Reason> {
    match tunnel {
        Tunnel::IpIp => {
            let version = frame.peek::<2>()?[0] >> 4;
            Ok((version == 4).then_some(Layer::Ipv4))
        }
        Tunnel::SixInFour => {
            let version = frame.peek::<2>()?[0] >> 4;
            Ok((version == 6).then_some(Layer::Ipv6))
        }
        Tunnel::Gre => gre(frame),
        Tunnel::GreInUdp => {
            rest_of_udp(frame)?;
            gre(frame)
        }
        Tunnel::Vxlan => {
            rest_of_udp(frame)?;
            vxlan(frame)
        }
        Tunnel::VxlanGpe => {
            rest_of_udp(frame)?;
            vxlan_gpe(frame)
        }
        Tunnel::Geneve => {
            rest_of_udp(frame)?;
            geneve(frame)
        }
    }
}

/// UDP's length and checksum, behind the ports.
#[inline(always)]
fn rest_of_udp<S: Source>(frame: &mut Cursor<S>) -> Result<(), Reason> {
    frame.take::<4>().map(|_| ())
}

/// RFC 2784 section 2: version 0, and no routing, which RFC 2890 does not have any more.
#[inline(always)]
fn gre<S: Source>(frame: &mut Cursor<S>) -> Result<Option<Layer>, Reason> {
    const CHECKSUM: u16 = 0x8000;
    const ROUTING: u16 = 0x4000;
    const KEY: u16 = 0x2000;
    const SEQUENCE: u16 = 0x1000;
    const VERSION: u16 = 0x0007;
    let header = frame.take::<4>()?;
    let flags = be16::<0, _>(header);
    let Some(inner) = of_ether_type(be16::<2, _>(header)) else {
        return Ok(None);
    };
    if flags & (ROUTING | VERSION) != 0 {
        return Ok(None);
    }
    let field = |flag: u16| if flags & flag == 0 { 0 } else { 4 };
    frame.skip(field(CHECKSUM) + field(KEY) + field(SEQUENCE))?;
    Ok(Some(inner))
}

#[inline(always)]
const fn of_ether_type(ether_type: u16) -> Option<Layer> {
    match ether_type {
        ethernet::IPV4 => Some(Layer::Ipv4),
        ethernet::IPV6 => Some(Layer::Ipv6),
        ETHERNET_BRIDGING => Some(Layer::Ethernet { tags_taken: 0 }),
        _ => None,
    }
}

/// Of VXLAN's flags: a network identifier is there (RFC 7348 section 5).
const VXLAN_IDENTIFIER: u8 = 0x08;

#[inline(always)]
fn vxlan<S: Source>(frame: &mut Cursor<S>) -> Result<Option<Layer>, Reason> {
    let flags = frame.take::<8>()?[0];
    Ok((flags & VXLAN_IDENTIFIER != 0).then_some(Layer::Ethernet { tags_taken: 0 }))
}

/// draft-ietf-nvo3-vxlan-gpe section 3: version 0, no operations message, and the next protocol's number where the flag
/// says that there is one. Without it, the packet is one of VXLAN.
#[inline(always)]
fn vxlan_gpe<S: Source>(frame: &mut Cursor<S>) -> Result<Option<Layer>, Reason> {
    const VERSION: u8 = 0x30;
    const NEXT_PROTOCOL: u8 = 0x04;
    const OPERATIONS: u8 = 0x01;
    let header = frame.take::<8>()?;
    let (flags, next) = (header[0], header[3]);
    if flags & (VXLAN_IDENTIFIER | VERSION | OPERATIONS) != VXLAN_IDENTIFIER {
        return Ok(None);
    }
    let next = if flags & NEXT_PROTOCOL == 0 { 3 } else { next };
    Ok(match next {
        1 => Some(Layer::Ipv4),
        2 => Some(Layer::Ipv6),
        3 => Some(Layer::Ethernet { tags_taken: 0 }),
        _ => None,
    })
}

/// RFC 8926 section 3.4: version 0, and no control packet, whose payload is nobody's to forward.
#[inline(always)]
fn geneve<S: Source>(frame: &mut Cursor<S>) -> Result<Option<Layer>, Reason> {
    const VERSION: u8 = 0xc0;
    const OPTIONS: u8 = 0x3f;
    const CONTROL: u8 = 0x80;
    let header = frame.take::<8>()?;
    let options = u32::from(header[0] & OPTIONS) * 4;
    let is_data = header[0] & VERSION == 0 && header[1] & CONTROL == 0;
    let Some(inner) = of_ether_type(be16::<2, _>(header)) else {
        return Ok(None);
    };
    if !is_data {
        return Ok(None);
    }
    frame.skip(options)?;
    Ok(Some(inner))
}
