//! The way of most frames, in a few comparisons.

use super::{Flow, Source, cursor::be16, ethernet};
use crate::transport::Transport;

const ETHERNET: usize = 14;
const TAG: usize = 4;
const IPV4: usize = 20;
const IPV6: usize = 40;
const PORTS: usize = 4;

/// Version 4 and five words of header, above the type of service (RFC 791 section 3.1).
const WITHOUT_OPTIONS: u16 = 0x4500;
const FRAGMENT_OFFSET: u16 = 0x1fff;
/// Above the traffic class and the flow label (RFC 8200 section 3).
const VERSION_6: u16 = 0x6000;

/// The transport and ports of an Ethernet frame with two VLAN tags at most that has TCP or UDP right behind an IPv4 header
/// without options or an IPv6 header. There [`parse`](super::parse) gives the same, as long as no tunnels are looked into.
/// `None` says nothing of a frame.
#[inline(always)]
pub fn quick(source: &mut impl Source) -> Option<Flow> {
    let (ether_type, network) = link(source.read(0)?);
    let (protocol, source, destination) = match ether_type {
        ethernet::IPV4 => {
            let packet = source.read::<{ IPV4 + PORTS }>(network)?;
            let has_ports = be16::<0, _>(packet) & 0xff00 == WITHOUT_OPTIONS
                && be16::<2, _>(packet) >= (IPV4 + PORTS) as u16
                && be16::<6, _>(packet) & FRAGMENT_OFFSET == 0;
            if !has_ports {
                return None;
            }
            (
                packet[9],
                be16::<IPV4, _>(packet),
                be16::<{ IPV4 + 2 }, _>(packet),
            )
        }
        ethernet::IPV6 => {
            let header = source.read::<IPV6>(network)?;
            let has_ports =
                be16::<0, _>(header) & 0xf000 == VERSION_6 && be16::<4, _>(header) >= PORTS as u16;
            if !has_ports {
                return None;
            }
            let protocol = header[6];
            let ports = source.read::<PORTS>(network + IPV6)?;
            (protocol, be16::<0, _>(ports), be16::<2, _>(ports))
        }
        _ => return None,
    };
    const TCP: u8 = Transport::Tcp.protocol();
    const UDP: u8 = Transport::Udp.protocol();
    let transport = match protocol {
        TCP => Transport::Tcp,
        UDP => Transport::Udp,
        _ => return None,
    };
    Some(Flow {
        protocol,
        transport,
        source,
        destination,
    })
}

/// The EtherType behind two tags at most, and the bytes that it ends at. `frame` is the beginning that the shortest frame
/// has which this is for.
#[inline(always)]
fn link(frame: &[u8; ETHERNET + IPV4 + PORTS]) -> (u16, usize) {
    let ether_type = be16::<12, _>(frame);
    if !ethernet::is_vlan(ether_type) {
        return (ether_type, ETHERNET);
    }
    let inner = be16::<{ ETHERNET + 2 }, _>(frame);
    if !ethernet::is_vlan(inner) {
        return (inner, ETHERNET + TAG);
    }
    (be16::<{ ETHERNET + TAG + 2 }, _>(frame), ETHERNET + 2 * TAG)
}
