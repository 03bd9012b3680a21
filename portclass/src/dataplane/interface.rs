//! The interfaces of this network namespace, its default route, and the XDP programs that are attached already.

use std::{fmt, io};

use aya::programs::{
    links::{LinkInfo, LinkType},
    loaded_links, loaded_programs,
};
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    link::{
        InfoKind, LinkAttribute, LinkFlags, LinkInfo as KindInfo, LinkLayerType, LinkMessage,
        LinkXdp, XdpAttached,
    },
    route::{RouteAttribute, RouteHeader, RouteMessage, RouteType},
};
use portclass_common::{names, packet::Link};

use super::netlink::dump;
use crate::text::shell_word;

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its number in this network namespace.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Whether it is administratively up.
    pub is_up: bool,
    /// What its frames begin with; `None` for kinds of hardware that are neither Ethernet nor IP alone.
    pub link: Option<Link>,
    /// Maximum transmission unit, in bytes without the link-layer header.
    pub mtu: u32,
    /// The interface that it lies upon, as a VLAN does upon its parent.
    pub lower: Option<u32>,
    /// Whether it is an IP tunnel, which names the interface that it leaves by, and which the kernel does not count among
    /// those that lie upon that one.
    pub is_tunnel: bool,
    /// The interface that holds it, as a bond or a bridge does.
    pub controller: Option<u32>,
    /// The id of the XDP program that is attached to it, and whether it is in generic mode.
    pub xdp: Option<(u32, bool)>,
}

impl Interface {
    /// Whether it lies directly upon the other one. The ends of a veth pair each name the other one, and neither lies upon
    /// it.
    pub fn lies_upon(&self, lower: &Self) -> bool {
        let is_pair = self.lower == Some(lower.index) && lower.lower == Some(self.index);
        self.index != lower.index
            && (self.lower == Some(lower.index) && !is_pair || lower.controller == Some(self.index))
    }
}

/// All interfaces of this network namespace, by index.
///
/// # Errors
///
/// What the kernel says when it refuses a netlink socket or request.
pub fn interfaces() -> io::Result<Vec<Interface>> {
    let answers = dump(RouteNetlinkMessage::GetLink(LinkMessage::default()))?;
    let mut interfaces: Vec<_> = answers
        .into_iter()
        .filter_map(|answer| match answer {
            RouteNetlinkMessage::NewLink(link) => Some(of_link(&link)),
            _ => None,
        })
        .collect();
    interfaces.sort_by_key(|interface| interface.index);
    Ok(interfaces)
}

/// By the kernel's ARPHRD numbers (linux/if_arp.h).
fn begins_with(kind: LinkLayerType) -> Option<Link> {
    use LinkLayerType::{
        Ether, Ip6gre, Ipgre, Loopback, None as NoHeader, Ppp, Rawip, Sit, Tunnel, Tunnel6,
    };
    match kind {
        Ether | Loopback => Some(Link::Ethernet),
        NoHeader | Rawip | Ppp | Tunnel | Tunnel6 | Sit | Ipgre | Ip6gre => Some(Link::Ip),
        _ => None,
    }
}

fn of_link(link: &LinkMessage) -> Interface {
    let mut interface = Interface {
        index: link.header.index,
        name: String::new(),
        is_up: link.header.flags.contains(LinkFlags::Up),
        link: begins_with(link.header.link_layer_type),
        mtu: 0,
        lower: None,
        is_tunnel: false,
        controller: None,
        xdp: None,
    };
    let mut is_elsewhere = false;
    for attribute in &link.attributes {
        match attribute {
            LinkAttribute::IfName(name) => interface.name.clone_from(name),
            LinkAttribute::Mtu(mtu) => interface.mtu = *mtu,
            LinkAttribute::Link(lower) => interface.lower = Some(*lower),
            // A veth's peer lies in another namespace, where the number may be that of another interface here.
            LinkAttribute::LinkNetNsId(_) => is_elsewhere = true,
            LinkAttribute::LinkInfo(infos) => interface.is_tunnel = infos.iter().any(is_tunnel),
            LinkAttribute::Controller(controller) => interface.controller = Some(*controller),
            LinkAttribute::Xdp(xdp) => {
                let generic = xdp.contains(&LinkXdp::Attached(XdpAttached::SocketBuffer));
                interface.xdp = xdp.iter().find_map(|attribute| match attribute {
                    LinkXdp::ProgId(id) => Some((*id, generic)),
                    _ => None,
                });
            }
            _ => {}
        }
    }
    interface.lower = interface.lower.filter(|_| !is_elsewhere);
    interface
}

fn is_tunnel(info: &KindInfo) -> bool {
    use InfoKind::{
        ErSpan, GreTap, GreTap6, GreTun, GreTun6, Ip6ErSpan, Ip6Tnl, IpIp, SitTun, Vti, Vti6, Xfrm,
    };
    matches!(
        info,
        KindInfo::Kind(
            ErSpan
                | GreTap
                | GreTap6
                | GreTun
                | GreTun6
                | Ip6ErSpan
                | Ip6Tnl
                | IpIp
                | SitTun
                | Vti
                | Vti6
                | Xfrm
        )
    )
}

/// The index of the interface that the default route leaves by: of several the one with the lowest metric, IPv4
/// before IPv6. `None` without a default route in the main table.
///
/// # Errors
///
/// What the kernel says when it refuses a netlink socket or request.
pub fn default_route() -> io::Result<Option<u32>> {
    for family in [AddressFamily::Inet, AddressFamily::Inet6] {
        let mut request = RouteMessage::default();
        request.header.address_family = family;
        let routes = dump(RouteNetlinkMessage::GetRoute(request))?;
        let best = routes
            .iter()
            .filter_map(|answer| match answer {
                RouteNetlinkMessage::NewRoute(route) if is_default(route, family) => {
                    leaves_by(route)
                }
                _ => None,
            })
            .min();
        if let Some((_, index)) = best {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

fn is_default(route: &RouteMessage, family: AddressFamily) -> bool {
    let RouteHeader {
        address_family,
        destination_prefix_length,
        table,
        kind,
        ..
    } = route.header;
    address_family == family
        && destination_prefix_length == 0
        && table == RouteHeader::RT_TABLE_MAIN
        && kind == RouteType::Unicast
}

/// The metric of a route and the interface it leaves by, its first one if it has several.
fn leaves_by(route: &RouteMessage) -> Option<(u32, u32)> {
    let mut metric = 0;
    let mut interface = None;
    for attribute in &route.attributes {
        match attribute {
            RouteAttribute::Priority(priority) => metric = *priority,
            RouteAttribute::Oif(index) => interface = Some(*index),
            RouteAttribute::MultiPath(hops) => {
                interface = hops.first().map(|hop| hop.interface_index)
            }
            _ => {}
        }
    }
    Some((metric, interface?))
}

/// An XDP program that is attached to an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachedProgram {
    /// The program's id.
    pub id: u32,
    /// Its name, as the kernel keeps it (15 bytes at most); `None` where this process may not ask for it.
    pub name: Option<String>,
    /// What keeps it attached.
    pub holder: Holder,
}

/// What keeps an XDP program attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A BPF link of that id, which goes with whoever holds it.
    Link(u32),
    /// One of several BPF links of the same program.
    Links,
    /// The interface itself, in generic mode or not, until it is taken off.
    Interface {
        /// The interface's name.
        name: String,
        /// Whether the mode is generic.
        generic: bool,
    },
    /// This process may not ask.
    Unknown,
}

/// The XDP program on the interface with that index, if there is one.
pub fn program_on(index: u32) -> Option<AttachedProgram> {
    let interface = interfaces()
        .ok()?
        .into_iter()
        .find(|interface| interface.index == index)?;
    let (id, generic) = interface.xdp?;
    // An error means that this process may not list programs, which takes CAP_SYS_ADMIN.
    let programs: Option<Vec<_>> = loaded_programs().map(Result::ok).collect();
    let name = programs
        .iter()
        .flatten()
        .find(|program| program.id() == id)
        .and_then(|program| program.name_as_str().map(str::to_owned));
    let links: Option<Vec<_>> = loaded_links().map(Result::ok).collect();
    let holder = links.map_or(Holder::Unknown, |links| {
        let is_its = |link: &&LinkInfo| {
            link.program_id() == id && link.link_type().is_ok_and(|kind| kind == LinkType::Xdp)
        };
        let mut links = links.iter().filter(is_its);
        match (links.next(), links.next()) {
            (Some(link), None) => Holder::Link(link.id()),
            (Some(_), Some(_)) => Holder::Links,
            (None, _) => Holder::Interface {
                name: interface.name,
                generic,
            },
        }
    });
    Some(AttachedProgram { id, name, holder })
}

impl AttachedProgram {
    /// Whether a portclass has attached it, as far as its name tells.
    pub fn is_ours(&self) -> bool {
        let name = self.name.as_deref();
        name.is_some_and(|name| names::PROGRAMS.contains(&name))
    }

    /// How to remove it.
    pub fn removal(&self) -> String {
        match &self.holder {
            Holder::Link(id) => format!("bpftool link detach id {id}"),
            // Only bpftool says which link belongs to which interface.
            Holder::Links => "bpftool link show, then bpftool link detach id ID".to_owned(),
            Holder::Interface { name, generic } => {
                let keyword = if *generic { "xdpgeneric" } else { "xdp" };
                format!("ip link set dev {} {keyword} off", shell_word(name))
            }
            Holder::Unknown => "run portclass status as root to see how".to_owned(),
        }
    }
}

impl fmt::Display for AttachedProgram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "XDP program {name:?} (id {})", self.id),
            None => write!(f, "an XDP program (id {})", self.id),
        }
    }
}

#[cfg(test)]
mod tests {
    use netlink_packet_route::link::LinkLayerType;
    use portclass_common::packet::Link;

    use super::begins_with;

    #[test]
    fn the_kind_of_hardware_says_what_frames_begin_with() {
        use LinkLayerType::{Can, Ether, Infiniband, None as NoHeader, Ppp, Sit};
        assert_eq!(begins_with(Ether), Some(Link::Ethernet));
        for kind in [NoHeader, Ppp, Sit] {
            assert_eq!(begins_with(kind), Some(Link::Ip));
        }
        for kind in [Can, Infiniband] {
            assert_eq!(begins_with(kind), None);
        }
    }
}
