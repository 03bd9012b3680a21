//! The flow that etherparse sees.

use etherparse::{Ipv6ExtensionSlice, NetSlice, SlicedPacket};
use portclass_common::{packet::Flow, transport::Transport};

pub(crate) fn ethernet(frame: &[u8]) -> Option<Flow> {
    flow(&SlicedPacket::from_ethernet(frame).ok()?)
}

pub(crate) fn ip(packet: &[u8]) -> Option<Flow> {
    flow(&SlicedPacket::from_ip(packet).ok()?)
}

fn flow(packet: &SlicedPacket<'_>) -> Option<Flow> {
    let payload = packet.ip_payload()?;
    let protocol = payload.ip_number.0;
    // etherparse knows neither the ports of all transports nor those of first fragments; all of them come first.
    let &[source_high, source_low, high, low] = payload.payload.first_chunk()?;
    if is_later_fragment(packet.net.as_ref()?) {
        return None;
    }
    Some(Flow {
        protocol,
        transport: Transport::of_protocol(protocol)?,
        source: u16::from_be_bytes([source_high, source_low]),
        destination: u16::from_be_bytes([high, low]),
    })
}

fn is_later_fragment(network: &NetSlice<'_>) -> bool {
    match network {
        NetSlice::Ipv4(packet) => packet.header().fragments_offset().value() != 0,
        NetSlice::Ipv6(packet) => packet.extensions().clone().into_iter().any(|extension| {
            matches!(extension, Ipv6ExtensionSlice::Fragment(header) if header.fragment_offset().value() != 0)
        }),
        NetSlice::Arp(_) => false,
    }
}
