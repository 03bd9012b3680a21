//! Ethernet II, its VLAN tags, and PPPoE sessions.

use super::{
    Layer, Reason, Source,
    cursor::{Cursor, be16},
};

/// Tags that are followed; one more makes a frame [`Reason::TooDeep`].
pub const VLAN_MAX_DEPTH: usize = 4;

/// EtherTypes below this number are 802.3 lengths (IEEE 802.3 clause 3.2.6).
const FIRST_ETHER_TYPE: u16 = 0x0600;

pub(super) const IPV4: u16 = 0x0800;
pub(super) const IPV6: u16 = 0x86dd;
const VLAN: u16 = 0x8100;
const SERVICE_VLAN: u16 = 0x88a8;
const OLD_SERVICE_VLAN: u16 = 0x9100;
const PPPOE_SESSION: u16 = 0x8864;

/// RFC 2516 section 4: version 1, type 1, and code 0 for session data.
const PPPOE_SESSION_DATA: u16 = 0x1100;
const PPP_IPV4: u16 = 0x0021;
const PPP_IPV6: u16 = 0x0057;

#[inline(always)]
pub(super) fn parse<S: Source>(
    frame: &mut Cursor<'_, S>,
    tags_taken: usize,
) -> Result<Layer, Reason> {
    let mut ether_type = be16::<12, _>(frame.take::<14>()?);
    if is_vlan(ether_type) {
        // As many rounds as there may be, known to the compiler: the verifier sees no loop.
        for round in 0..VLAN_MAX_DEPTH {
            if !is_vlan(ether_type) || tags_taken + round >= VLAN_MAX_DEPTH {
                break;
            }
            ether_type = be16::<2, _>(frame.take::<4>()?);
        }
        frame.settle();
    }
    match ether_type {
        IPV4 => Ok(Layer::Ipv4),
        IPV6 => Ok(Layer::Ipv6),
        PPPOE_SESSION => pppoe(frame),
        tag if is_vlan(tag) => Err(Reason::TooDeep),
        other => Err(Reason::NonIp(NonIp::of_ether_type(other))),
    }
}

#[inline(always)]
pub(super) const fn is_vlan(ether_type: u16) -> bool {
    matches!(ether_type, VLAN | SERVICE_VLAN | OLD_SERVICE_VLAN)
}

#[inline(always)]
fn pppoe<S: Source>(frame: &mut Cursor<'_, S>) -> Result<Layer, Reason> {
    let header = frame.take::<8>()?;
    if be16::<0, _>(header) != PPPOE_SESSION_DATA {
        return Err(Reason::Malformed);
    }
    let protocol = be16::<6, _>(header);
    frame.settle();
    match protocol {
        PPP_IPV4 => Ok(Layer::Ipv4),
        PPP_IPV6 => Ok(Layer::Ipv6),
        _ => Err(Reason::NonIp(NonIp::Ppp)),
    }
}

macro_rules! non_ip {
    ($($(#[$doc:meta])* $kind:ident $name:literal $($ether_type:literal)*;)*) => {
        /// Kinds of frames without an IP packet that are told apart (IEEE 802 Numbers, IANA).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum NonIp {
            $($(#[$doc])* $kind,)*
        }

        impl NonIp {
            /// All kinds, each at the position of its discriminant.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// The name that reports use.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }

            /// The kind with that discriminant.
            #[inline(always)]
            pub(super) const fn of_number(number: u8) -> Self {
                $(if number == Self::$kind as u8 { return Self::$kind; })*
                Self::Other
            }

            #[inline(always)]
            const fn of_ether_type(ether_type: u16) -> Self {
                match ether_type {
                    ..FIRST_ETHER_TYPE => Self::Llc,
                    $($($ether_type => Self::$kind,)*)*
                    _ => Self::Other,
                }
            }
        }
    };
}

non_ip! {
    /// An EtherType that is not on this list.
    Other "other";
    /// An 802.3 length: LLC, as spanning tree and IS-IS use it.
    Llc "llc";
    /// A PPPoE session frame that carries neither IPv4 nor IPv6 (RFC 2516).
    Ppp "ppp";
    /// Address Resolution Protocol (RFC 826).
    Arp "arp" 0x0806;
    /// Reverse ARP (RFC 903).
    Rarp "rarp" 0x8035;
    /// Wake-on-LAN.
    WakeOnLan "wake-on-lan" 0x0842;
    /// TRILL (RFC 6325).
    Trill "trill" 0x22f3;
    /// B.A.T.M.A.N. Advanced.
    BatmanAdv "batman-adv" 0x4305;
    /// Slow protocols: LACP, marker, OAM (IEEE 802.3 annex 57A).
    Slow "slow" 0x8809;
    /// MPLS, unicast and upstream-assigned (RFC 3032, RFC 5332).
    Mpls "mpls" 0x8847 0x8848;
    /// PPPoE discovery (RFC 2516).
    PppoeDiscovery "pppoe-discovery" 0x8863;
    /// EAP over LAN (IEEE 802.1X).
    Eapol "eapol" 0x888e;
    /// PROFINET.
    Profinet "profinet" 0x8892;
    /// ATA over Ethernet.
    Aoe "aoe" 0x88a2;
    /// EtherCAT.
    Ethercat "ethercat" 0x88a4;
    /// IEC 61850 GOOSE.
    Goose "goose" 0x88b8;
    /// TIPC.
    Tipc "tipc" 0x88ca;
    /// Link Layer Discovery Protocol (IEEE 802.1AB).
    Lldp "lldp" 0x88cc;
    /// MACsec (IEEE 802.1AE).
    Macsec "macsec" 0x88e5;
    /// Multiple VLAN Registration Protocol (IEEE 802.1Q).
    Mvrp "mvrp" 0x88f5;
    /// Precision Time Protocol over Ethernet (IEEE 1588).
    Ptp "ptp" 0x88f7;
    /// Parallel Redundancy Protocol (IEC 62439-3).
    Prp "prp" 0x88fb;
    /// Connectivity Fault Management (IEEE 802.1ag).
    Cfm "cfm" 0x8902;
    /// Fibre Channel over Ethernet.
    Fcoe "fcoe" 0x8906 0x8914;
    /// RDMA over Converged Ethernet, version 1.
    Roce "roce" 0x8915;
    /// High-availability Seamless Redundancy (IEC 62439-3).
    Hsr "hsr" 0x892f;
    /// Configuration Testing Protocol (loopback).
    Loopback "loopback" 0x9000;
}
