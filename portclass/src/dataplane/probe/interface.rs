//! Facts about an interface, read without attaching anything.

use std::fs;

use netlink_packet_route::{
    RouteNetlinkMessage,
    link::{LinkAttribute, LinkMessage},
};

use super::{
    Tried,
    ethtool::{self, Channels},
    generic::xdp_features,
};
use crate::dataplane::{
    Interface, Obstacle, OtherEnd, counters::possible_cpus, netlink::get, obstacle::occupied,
    tc::has_ingress_qdisc,
};

/// What an interface is, and what stands in the way on it.
#[derive(Debug)]
pub struct InterfaceFacts {
    /// Its name, number, MTU, and what its frames begin with.
    pub interface: Interface,
    /// The other end of a veth pair, where this process may see it.
    pub peer: Option<Peer>,
    /// Its driver's name; `None` where it does not tell.
    pub driver: Option<String>,
    /// What its driver can do with XDP, in bits of [`xdp`]; `None` before Linux 6.3.
    pub xdp_features: Option<u64>,
    /// Its queues; `None` where its driver does not tell.
    pub channels: Option<Channels>,
    /// CPUs that may be there.
    pub cpus: u32,
    /// What a virtio device and its driver have agreed on, a bit a feature (virtio 1.2, 5.1.3); `None` on others.
    pub virtio: Option<u64>,
    /// The XDP program that keeps the place.
    pub occupied: Option<Obstacle>,
    /// Whether an ingress qdisc sits where a clsact one would.
    pub has_ingress_qdisc: bool,
    /// What attaching came to, where that was tried.
    pub tried: Option<Tried>,
}

/// The other end of a veth pair, whose MTU is what the driver compares (`veth_xdp_set`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Which one it is.
    pub end: OtherEnd,
    /// Its MTU.
    pub mtu: u32,
}

/// Bits of what a driver can do with XDP (`enum netdev_xdp_act` in linux/netdev.h).
pub mod xdp {
    /// Native mode.
    pub const BASIC: u64 = 1;
    /// Frames in several buffers.
    pub const RX_SG: u64 = 32;
}

impl InterfaceFacts {
    /// Reads them.
    pub fn read(interface: &Interface) -> Self {
        let driver = ethtool::driver(&interface.name);
        let virtio = driver
            .as_ref()
            .filter(|driver| driver.name == "virtio_net")
            .and_then(|driver| virtio(&driver.bus));
        Self {
            interface: interface.clone(),
            peer: driver
                .as_ref()
                .filter(|driver| driver.name == "veth")
                .and_then(|_| peer(interface.index)),
            driver: driver.map(|driver| driver.name),
            xdp_features: xdp_features(interface.index),
            channels: ethtool::channels(&interface.name),
            cpus: possible_cpus().unwrap_or(1),
            virtio,
            occupied: occupied(interface),
            has_ingress_qdisc: has_ingress_qdisc(interface),
            tried: None,
        }
    }
}

/// The other end of the veth with this index. To see one in another network namespace takes CAP_NET_ADMIN there.
fn peer(index: u32) -> Option<Peer> {
    let get = |index, attributes| {
        let mut request = LinkMessage::default();
        request.header.index = index;
        request.attributes = attributes;
        match get(RouteNetlinkMessage::GetLink(request)).ok()? {
            RouteNetlinkMessage::NewLink(link) => Some(link.attributes),
            _ => None,
        }
    };
    let (mut peer, mut namespace) = (None, None);
    for attribute in get(index, Vec::new())? {
        match attribute {
            LinkAttribute::Link(index) => peer = Some(index),
            LinkAttribute::LinkNetNsId(id) => namespace = Some(LinkAttribute::IfNetnsId(id)),
            _ => {}
        }
    }
    let (mut name, mut mtu) = (None, None);
    let is_elsewhere = namespace.is_some();
    for attribute in get(peer?, namespace.into_iter().collect())? {
        match attribute {
            LinkAttribute::IfName(found) => name = Some(found),
            LinkAttribute::Mtu(found) => mtu = Some(found),
            _ => {}
        }
    }
    Some(Peer {
        end: OtherEnd {
            name: name?,
            is_elsewhere,
        },
        mtu: mtu?,
    })
}

/// The features of the virtio device at this place of its bus. The device's own folder is the same in every network
/// namespace.
fn virtio(bus: &str) -> Option<u64> {
    // A name of one part, never a way to elsewhere.
    if bus.is_empty() || bus.contains('/') || bus.starts_with('.') {
        return None;
    }
    ["pci", "platform", "ccw"].iter().find_map(|kind| {
        let device = fs::read_dir(format!("/sys/bus/{kind}/devices/{bus}")).ok()?;
        device.filter_map(Result::ok).find_map(|entry| {
            let is_virtio = entry.file_name().as_encoded_bytes().starts_with(b"virtio");
            let path = entry.path().join("features");
            fs::read_to_string(path)
                .ok()
                .filter(|_| is_virtio)
                .map(|text| bits(&text))
        })
    })
}

/// The kernel writes a digit a bit, the lowest one first (`features_show` in drivers/virtio/virtio.c).
fn bits(digits: &str) -> u64 {
    let digits = digits.trim().bytes().take(64).enumerate();
    digits
        .filter(|&(_, digit)| digit == b'1')
        .fold(0, |bits, (at, _)| bits | 1 << at)
}

#[cfg(test)]
mod tests {
    use super::bits;

    #[test]
    fn the_lowest_bit_comes_first() {
        assert_eq!(bits("1010\n"), 0b101);
        assert_eq!(bits(""), 0);
        assert_eq!(bits(&"1".repeat(128)), u64::MAX);
    }
}
