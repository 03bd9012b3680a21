//! Tunnels: what proves to be one, and where the packet in it begins.

use super::{
    Apart, Layer, Reason, Source,
    cursor::{Cursor, be16},
    ethernet,
    finding::{Finding, Ports},
    network,
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

    /// The kind at this position of [`Tunnel::ALL`].
    pub fn at(position: u32) -> Option<Self> {
        Self::ALL.get(position as usize).copied()
    }

    /// The tunnel that a packet claims to be by its protocol or port.
    #[inline(always)]
    fn claimed(finding: Finding, ports: Ports) -> Option<Self> {
        const UDP: Option<u8> = Some(Transport::Udp.protocol());
        match finding.protocol() {
            Some(4) => return Some(Self::IpIp),
            Some(41) => return Some(Self::SixInFour),
            Some(47) => return Some(Self::Gre),
            _ => {}
        }
        if finding.protocol_of_flow() != UDP {
            return None;
        }
        match ports.destination() {
            4_754 => Some(Self::GreInUdp),
            4_789 => Some(Self::Vxlan),
            4_790 => Some(Self::VxlanGpe),
            6_081 => Some(Self::Geneve),
            _ => None,
        }
    }
}

/// The tunnels that a frame is in, the outermost one first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Tunnels {
    /// Four bits a tunnel: 1 more than its discriminant, 0 for none.
    codes: u16,
}

impl Tunnels {
    const BITS: usize = 4;
    const CODE: usize = (1 << Self::BITS) - 1;

    /// The positions of the tunnels in [`Tunnel::ALL`].
    #[inline(always)]
    pub fn positions(self) -> [Option<u32>; TUNNEL_MAX_DEPTH] {
        let code = |level: usize| usize::from(self.codes) >> (level * Self::BITS) & Self::CODE;
        [0, 1].map(|level| (code(level) as u32).checked_sub(1))
    }

    /// The tunnels, the outermost one first.
    pub fn iter(self) -> impl Iterator<Item = Tunnel> {
        let positions = self.positions().into_iter().flatten();
        positions.filter_map(Tunnel::at)
    }

    #[inline(always)]
    pub(super) fn set(&mut self, level: usize, code: usize) {
        self.codes |= ((code & Self::CODE) << (level * Self::BITS)) as u16;
    }
}

const _: () = assert!(TUNNEL_MAX_DEPTH == 2 && Tunnel::ALL.len() < 15);

/// Transparent Ethernet Bridging (RFC 1701): an Ethernet frame.
const ETHERNET_BRIDGING: u16 = 0x6558;

/// Goes into the tunnel that the packet read last claims to be, where it proves to be one, and gives its code and what
/// was found in it. `None` where it claims none or does not prove it.
///
/// # Errors
///
/// [`Finding::TRUNCATED`] where the source ends before the proof, and the frame may not.
#[inline(always)]
pub(super) fn enter<S: Source>(
    frame: &mut Cursor<'_, S>,
    finding: Finding,
    ports: Ports,
) -> Result<Option<(usize, Finding)>, Finding> {
    let Some(tunnel) = Tunnel::claimed(finding, ports) else {
        return Ok(None);
    };
    let [tunnel] = frame.settled([tunnel as usize]);
    let state = Apart::new(frame.place(), tunnel as u16);
    let state = frame.source().tunnel(state);
    if state.has_truncated_proof() && !frame.is_whole() {
        return Err(Finding::TRUNCATED);
    }
    if state.lacks_proof() || state.has_truncated_proof() {
        return Ok(None);
    }
    Ok(Some((tunnel + 1, state.leave(frame))))
}

/// What [`enter`] does apart.
#[inline(always)]
pub(super) fn apart<S: Source>(source: &mut S, state: Apart) -> Apart {
    let mut frame = Cursor::at(source, state.place());
    let layer = match proof(&mut frame, state.number()) {
        Ok(Some(layer)) => layer,
        Ok(None) => return Apart::no_proof(false),
        Err(_) => return Apart::no_proof(true),
    };
    frame.settle();
    let result = network(&mut frame, layer);
    Apart::found(&frame, Finding::of(result))
}

#[inline(always)]
fn proof<S: Source>(frame: &mut Cursor<'_, S>, tunnel: u16) -> Result<Option<Layer>, Reason> {
    const IP_IP: u16 = Tunnel::IpIp as u16;
    const SIX_IN_FOUR: u16 = Tunnel::SixInFour as u16;
    const GRE: u16 = Tunnel::Gre as u16;
    const VXLAN: u16 = Tunnel::Vxlan as u16;
    const VXLAN_GPE: u16 = Tunnel::VxlanGpe as u16;
    const GENEVE: u16 = Tunnel::Geneve as u16;
    match tunnel {
        IP_IP => {
            let version = frame.peek::<2>()?[0] >> 4;
            return Ok((version == 4).then_some(Layer::Ipv4));
        }
        SIX_IN_FOUR => {
            let version = frame.peek::<2>()?[0] >> 4;
            return Ok((version == 6).then_some(Layer::Ipv6));
        }
        GRE => return gre(frame),
        _ => rest_of_udp(frame)?,
    }
    match tunnel {
        VXLAN => vxlan(frame),
        VXLAN_GPE => vxlan_gpe(frame),
        GENEVE => geneve(frame),
        _ => gre(frame),
    }
}

/// UDP's length and checksum, behind the ports. What lies beyond the datagram is in no tunnel; 0 is a jumbogram's length
/// (RFC 2675 section 4).
#[inline(always)]
fn rest_of_udp<S: Source>(frame: &mut Cursor<'_, S>) -> Result<(), Reason> {
    const HEADER: usize = 8;
    let length = usize::from(be16::<0, _>(frame.take::<4>()?));
    if length != 0 {
        frame.limit(length.saturating_sub(HEADER));
    }
    Ok(())
}

/// RFC 2784 section 2: version 0, and no routing, which RFC 2890 does not have any more.
#[inline(always)]
fn gre<S: Source>(frame: &mut Cursor<'_, S>) -> Result<Option<Layer>, Reason> {
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
        ETHERNET_BRIDGING => Some(Layer::Ethernet),
        _ => None,
    }
}

/// Of VXLAN's flags: a network identifier is there (RFC 7348 section 5).
const VXLAN_IDENTIFIER: u8 = 0x08;

#[inline(always)]
fn vxlan<S: Source>(frame: &mut Cursor<'_, S>) -> Result<Option<Layer>, Reason> {
    let flags = frame.take::<8>()?[0];
    Ok((flags & VXLAN_IDENTIFIER != 0).then_some(Layer::Ethernet))
}

/// draft-ietf-nvo3-vxlan-gpe section 3: version 0, no operations message, and the next protocol's number where the flag
/// says that there is one. Without it, the packet is one of VXLAN.
#[inline(always)]
fn vxlan_gpe<S: Source>(frame: &mut Cursor<'_, S>) -> Result<Option<Layer>, Reason> {
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
        3 => Some(Layer::Ethernet),
        _ => None,
    })
}

/// RFC 8926 section 3.4: version 0, and no control packet, whose payload is nobody's to forward.
#[inline(always)]
fn geneve<S: Source>(frame: &mut Cursor<'_, S>) -> Result<Option<Layer>, Reason> {
    const VERSION: u8 = 0xc0;
    const OPTIONS: u8 = 0x3f;
    const CONTROL: u8 = 0x80;
    let header = frame.take::<8>()?;
    let options = usize::from(header[0] & OPTIONS) * 4;
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
