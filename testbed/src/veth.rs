//! A veth pair between two namespaces, silent until somebody sends through it.

use anyhow::{Context as _, Result};

use crate::{
    frame::{CLIENT_MAC, SERVER_MAC},
    ip::Hosts,
    netns::Netns,
};

/// Packets and bytes; bytes include the Ethernet header, but no FCS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Count {
    /// Frames.
    pub packets: u64,
    /// Bytes of those frames.
    pub bytes: u64,
}

impl Count {
    /// Counts one frame of `bytes` bytes.
    pub const fn add(&mut self, bytes: u64) {
        self.packets += 1;
        self.bytes += bytes;
    }
}

/// A veth pair; the addresses of its ends are those of [`Hosts::V4`] and [`Hosts::V6`].
///
/// ARP and neighbour discovery are off and both ends know each other's address, so that no frame passes but those
/// that a test sends. Both ends start down: what is attached to the server's end sees the very first frame.
#[derive(Debug)]
pub struct Veth<'ns> {
    /// The end that frames are sent from.
    pub client: End<'ns>,
    /// The end that frames arrive at.
    pub server: End<'ns>,
}

impl<'ns> Veth<'ns> {
    /// A pair with these interface names, each end in its namespace.
    ///
    /// # Errors
    ///
    /// `ip` refuses: a name is taken, or this kernel has no veth.
    pub fn new(client: (&'ns Netns, &str), server: (&'ns Netns, &str)) -> Result<Self> {
        let (netns, name) = client;
        netns.ip(&format!(
            "link add name {name} type veth peer name {} netns {}",
            server.1,
            server.0.path().display()
        ))?;
        let own = [Hosts::V4.source, Hosts::V6.source].map(|address| address.to_string());
        let others =
            [Hosts::V4.destination, Hosts::V6.destination].map(|address| address.to_string());
        Ok(Self {
            client: End::new(
                client,
                (CLIENT_MAC, own.clone()),
                (SERVER_MAC, others.clone()),
            )?,
            server: End::new(server, (SERVER_MAC, others), (CLIENT_MAC, own))?,
        })
    }

    /// Sets the MTU of both ends, in bytes without the Ethernet header.
    ///
    /// # Errors
    ///
    /// The kernel refuses the number.
    pub fn set_mtu(&self, mtu: u32) -> Result<()> {
        self.client.set(&format!("mtu {mtu}"))?;
        self.server.set(&format!("mtu {mtu}"))
    }
}

/// An Ethernet address, an IPv4 and an IPv6 address.
pub(crate) type Addresses = ([u8; 6], [String; 2]);

/// One end of a veth pair.
#[derive(Debug)]
pub struct End<'ns> {
    /// The namespace it lies in.
    pub netns: &'ns Netns,
    /// The interface's name there.
    pub name: String,
    own_ips: [String; 2],
    peer_mac: String,
    peer_ips: [String; 2],
}

impl<'ns> End<'ns> {
    pub(crate) fn new(
        (netns, name): (&'ns Netns, &str),
        own: Addresses,
        peer: Addresses,
    ) -> Result<Self> {
        let end = Self {
            netns,
            name: name.to_owned(),
            own_ips: own.1,
            peer_mac: mac(peer.0),
            peer_ips: peer.1,
        };
        // Without ARP there is no neighbour discovery either, and without it no multicast listener report.
        end.set(&format!("address {} arp off addrgenmode none", mac(own.0)))?;
        Ok(end)
    }

    /// Brings this end up; frames pass when the other one is up, too.
    ///
    /// # Errors
    ///
    /// `ip` refuses.
    pub fn up(&self) -> Result<()> {
        self.set("up")?;
        // An interface that goes down forgets its IPv6 addresses and its neighbours.
        for (ip, prefix) in self.own_ips.iter().zip([24, 64]) {
            self.netns.ip(&format!(
                "address replace {ip}/{prefix} dev {} nodad",
                self.name
            ))?;
        }
        for ip in &self.peer_ips {
            let (mac, name) = (&self.peer_mac, &self.name);
            self.netns.ip(&format!(
                "neighbour replace {ip} lladdr {mac} dev {name} nud permanent"
            ))?;
        }
        Ok(())
    }

    /// Brings this end down.
    ///
    /// # Errors
    ///
    /// `ip` refuses.
    pub fn down(&self) -> Result<()> {
        self.set("down")
    }

    /// Changes the interface, in the words of `ip link set`.
    ///
    /// # Errors
    ///
    /// `ip` refuses.
    pub fn set(&self, change: &str) -> Result<()> {
        self.netns
            .ip(&format!("link set dev {} {change}", self.name))?;
        Ok(())
    }

    /// The interface's index in its namespace.
    ///
    /// # Errors
    ///
    /// The interface is gone.
    pub fn index(&self) -> Result<u32> {
        let index = self.netns.enter(|| {
            let socket = rustix::net::socket(
                rustix::net::AddressFamily::UNIX,
                rustix::net::SocketType::DGRAM,
                None,
            )?;
            rustix::net::netdevice::name_to_index(socket, &self.name)
        });
        index.with_context(|| format!("no interface {}", self.name))
    }

    /// Frames that the driver has received: with a native XDP program, those that the program has seen.
    ///
    /// # Errors
    ///
    /// The interface is gone.
    pub fn received(&self) -> Result<u64> {
        let table = self
            .netns
            .enter(|| std::fs::read_to_string("/proc/thread-self/net/dev"))?;
        let columns = table
            .lines()
            .find_map(|line| {
                line.trim_start()
                    .strip_prefix(&self.name)?
                    .strip_prefix(':')
            })
            .with_context(|| format!("no interface {}", self.name))?;
        // The bytes before it leave out the Ethernet header or not, as a program is attached or not.
        let packets = columns.split_ascii_whitespace().nth(1);
        Ok(packets.context("too few columns in net/dev")?.parse()?)
    }
}

pub(crate) fn mac(address: [u8; 6]) -> String {
    address.map(|byte| format!("{byte:02x}")).join(":")
}
