//! What is known of drivers beside what they tell: by the names that they give themselves, as the kernel's sources have it.

use portclass_common::packet::Link;

use crate::dataplane::{
    Obstacle,
    probe::{InterfaceFacts, xdp},
};

/// Drivers with native XDP on Linux 5.10, by the name they give themselves (`ndo_bpf` in drivers/net).
const NATIVE: [&str; 24] = [
    "veth",
    "virtio_net",
    "tun",
    "ixgbe",
    "ixgbevf",
    "i40e",
    "ice",
    "igb",
    "mlx4_en",
    "mlx5_core",
    "bnxt_en",
    "nfp",
    "qede",
    "sfc",
    "nicvf",
    "thunder-nicvf",
    "mvneta",
    "mvpp2",
    "ena",
    "hv_netvsc",
    "vif",
    "fsl_dpaa2_eth",
    "cpsw",
    "netdevsim",
];

/// Those that had none as long as drivers did not tell (Linux 6.3). Of these vmxnet3 has it since 6.6 (kernel commit
/// 54f00cce1178).
const NOT_NATIVE: [&str; 13] = [
    "bridge",
    "dummy",
    "ifb",
    "wireguard",
    "802.1Q VLAN Support",
    "macvlan",
    "ipvlan",
    "vxlan",
    "geneve",
    "e1000",
    "e1000e",
    "r8169",
    "vmxnet3",
];

/// Those that take metadata (`xdp_prepare_buff` with `true` in Linux 6.1 and 6.12).
const METADATA: [&str; 11] = [
    "veth",
    "virtio_net",
    "mlx5_core",
    "i40e",
    "ice",
    "igb",
    "igc",
    "ixgbe",
    "ixgbevf",
    "mvpp2",
    "nfp",
];

/// Those that refuse it (`xdp_prepare_buff` with `false` in both, as far as they have native XDP).
const NO_METADATA: [&str; 7] = [
    "ena",
    "hv_netvsc",
    "mvneta",
    "qede",
    "sfc",
    "vif",
    "vmxnet3",
];

/// A frame without multi-buffer support has to fit into a page of 4,096 bytes beside 256 bytes of headroom, an Ethernet
/// header and `struct skb_shared_info` (`veth_xdp_set` in drivers/net/veth.c).
const VETH_MAX_MTU: u32 = 3_506;

/// The least of what virtio_net's versions allow (`virtnet_xdp_set` in drivers/net/virtio_net.c).
const VIRTIO_MAX_MTU: u32 = 3_502;

/// The least of the limits that drivers are known to have (`igc_xdp_set_prog` in drivers/net/ethernet/intel/igc).
const LEAST_MAX_MTU: u32 = 1_500;

/// Whether the driver takes metadata in native mode, if that is known.
pub(super) fn takes_metadata(facts: &InterfaceFacts) -> Option<bool> {
    let driver = facts.driver.as_deref()?;
    if NO_METADATA.contains(&driver) {
        return Some(false);
    }
    METADATA.contains(&driver).then_some(true)
}

/// Whether frames in several buffers get through to the program. Where drivers do not tell, veth is the one that has let
/// them through from the beginning; virtio_net has since 6.3 (kernel commit 8d9bc36de5fc).
pub(super) fn takes_frags(facts: &InterfaceFacts, frags: bool) -> bool {
    let is_veth = facts.driver.as_deref() == Some("veth");
    frags
        && facts
            .xdp_features
            .map_or(is_veth, |features| features & xdp::RX_SG != 0)
}

/// Whether the driver has native XDP, if that is known.
pub(super) fn has_native(facts: &InterfaceFacts) -> Option<bool> {
    const LOOPBACK: u32 = 1;
    if let Some(features) = facts.xdp_features {
        return Some(features & xdp::BASIC != 0);
    }
    let driver = facts.driver.as_deref().unwrap_or_default();
    // Of the two that have this name only tap has it (`tap_netdev_ops` in drivers/net/tun.c).
    let is_tun = driver == "tun" && facts.interface.link == Some(Link::Ip);
    if facts.interface.index == LOOPBACK || is_tun || NOT_NATIVE.contains(&driver) {
        return Some(false);
    }
    NATIVE.contains(&driver).then_some(true)
}

/// What is in the way of native mode, with programs that take frames in several buffers or not.
pub(super) fn against_native(facts: &InterfaceFacts, frags: bool) -> Option<Obstacle> {
    let peer = facts.peer.as_ref();
    if has_native(facts) == Some(false) {
        // The only reason of a veth (`veth_set_xdp_features`, kernel commit fccca038f300).
        return Some(match facts.driver.as_deref() {
            Some("veth") => too_few_queues(facts),
            _ => Obstacle::NoNative,
        });
    }
    let mtu = peer.map_or(facts.interface.mtu, |peer| peer.mtu);
    let limit = match facts.driver.as_deref() {
        Some("veth") => peer.map(|_| VETH_MAX_MTU)?,
        Some("virtio_net") => {
            if facts.virtio.is_some_and(keeps_offloads) {
                return Some(Obstacle::ReceiveOffloads);
            }
            VIRTIO_MAX_MTU
        }
        _ => return None,
    };
    let frags = takes_frags(facts, frags);
    (mtu > limit && !frags).then(|| Obstacle::MtuTooLarge {
        mtu,
        peer: peer.map(|peer| peer.end.clone()),
        frags,
    })
}

/// Whether a driver whose limit is not known may refuse native mode for the interface's MTU.
pub(super) fn may_refuse_mtu(facts: &InterfaceFacts, frags: bool) -> bool {
    let is_known = matches!(facts.driver.as_deref(), Some("veth" | "virtio_net"));
    !is_known && facts.interface.mtu > LEAST_MAX_MTU && !takes_frags(facts, frags)
}

/// What it means that the driver has refused native mode, by what it has said and whether the program takes frames in
/// several buffers, if nothing better is known.
pub(super) fn refused(facts: &InterfaceFacts, said: &Obstacle, frags: bool) -> Option<Obstacle> {
    if has_native(facts) != Some(true) {
        return None;
    }
    let mtu = may_refuse_mtu(facts, frags).then_some(facts.interface.mtu);
    match (said, mtu) {
        (Obstacle::NoNative, None) => {
            let is_told = facts.xdp_features.is_some();
            is_told.then_some(Obstacle::Refused { mtu })
        }
        (Obstacle::NoNative, _) => Some(Obstacle::Refused { mtu }),
        (Obstacle::Other { mode, why }, Some(mtu)) => Some(Obstacle::Other {
            mode,
            why: format!("{why}; an MTU of {mtu} may be too large"),
        }),
        _ => None,
    }
}

pub(super) fn too_few_queues(facts: &InterfaceFacts) -> Obstacle {
    let peer = facts.peer.as_ref().map(|peer| peer.end.clone());
    Obstacle::TooFewQueues { peer }
}

/// Whether the features of a virtio device have receive offloads and no control over them (virtio 1.2, 5.1.3).
fn keeps_offloads(features: u64) -> bool {
    const CTRL_GUEST_OFFLOADS: u64 = 1 << 2;
    const GUEST_CSUM_TSO4_TSO6_ECN_UFO: u64 = 1 << 1 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10;
    features & CTRL_GUEST_OFFLOADS == 0 && features & GUEST_CSUM_TSO4_TSO6_ECN_UFO != 0
}
