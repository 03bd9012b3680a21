//! Network cards that a virtual machine lends to its tests: virtio_net with different queues and offloads, and VMware's,
//! each linked to a tap of the host, whose kernel answers. See `xtask/src/vm/nics.rs`, which makes the other ends.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    ip::Hosts,
    kernel::skip,
    machine::is_in_machine,
    netns::Netns,
    veth::{End, mac},
};

/// A card, by what is special about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Card {
    /// As many queues as XDP likes to have: one more for each CPU.
    ManyQueues = 1,
    /// One queue in each direction.
    OneQueue = 2,
    /// It may receive several packets in one, and nobody can change that.
    FixedOffloads = 3,
    /// VMware's, whose driver has native XDP from Linux 6.6 on, without metadata and without frames in several buffers.
    Vmxnet3 = 4,
}

impl Card {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::ManyQueues,
        Self::OneQueue,
        Self::FixedOffloads,
        Self::Vmxnet3,
    ];

    /// Its tap's name.
    pub const fn tap(self) -> &'static str {
        match self {
            Self::ManyQueues => "many",
            Self::OneQueue => "one",
            Self::FixedOffloads => "fixed",
            Self::Vmxnet3 => "vmxnet3",
        }
    }

    const fn number(self) -> u8 {
        self as u8
    }

    /// Its Ethernet address, and that of its tap.
    pub const fn ethernet(self) -> [[u8; 6]; 2] {
        let last = self.number();
        [
            [0x52, 0x54, 0x00, 0x70, 0x63, last],
            [0x52, 0x54, 0x00, 0x70, 0x64, last],
        ]
    }

    /// From the card to its tap, over IPv4.
    pub const fn hosts(self) -> Hosts {
        let network = self.number();
        Hosts {
            source: IpAddr::V4(Ipv4Addr::new(10, 70, network, 1)),
            destination: IpAddr::V4(Ipv4Addr::new(10, 70, network, 2)),
        }
    }

    /// Lends the card to `test`; `None`, and a line on standard error, where there is none.
    ///
    /// # Errors
    ///
    /// The interfaces cannot be listed.
    pub fn lend_or_skips(self, test: &str) -> Result<Option<Lent>> {
        static LENT: Mutex<()> = Mutex::new(());
        // Whoever has failed has given its card back.
        let turn = LENT.lock().unwrap_or_else(PoisonError::into_inner);
        // Other computers' cards are not for tests.
        let name = if is_in_machine() { self.name()? } else { None };
        let Some(name) = name else {
            skip(test, "it takes the cards of cargo xtask vm's machines");
            return Ok(None);
        };
        let netns = Netns::new()?;
        let status = Command::new("ip")
            .args(["link", "set", "dev", &name, "netns"])
            .arg(netns.path())
            .status()
            .context("cannot start ip (package iproute2)")?;
        ensure!(status.success(), "ip: {status}");
        Ok(Some(Lent {
            card: self,
            name,
            netns,
            _turn: turn,
        }))
    }

    /// The interface with its address, in this namespace.
    fn name(self) -> Result<Option<String>> {
        let [own, _] = self.ethernet();
        for interface in std::fs::read_dir("/sys/class/net")? {
            let interface = interface?;
            // Some of what lies there is no interface.
            let address = std::fs::read_to_string(interface.path().join("address"));
            if address.is_ok_and(|address| address.trim() == mac(own)) {
                return Ok(interface.file_name().into_string().ok());
            }
        }
        Ok(None)
    }
}

/// A card in a namespace of its own, which ends with this value.
#[derive(Debug)]
pub struct Lent {
    card: Card,
    /// The interface's name.
    pub name: String,
    /// Where it is.
    pub netns: Netns,
    _turn: MutexGuard<'static, ()>,
}

impl Drop for Lent {
    fn drop(&mut self) {
        // By itself it would be back only some time after the namespace has gone.
        let _ = self
            .netns
            .ip(&format!("link set dev {} netns 1", self.name));
    }
}

impl Lent {
    /// The interface, silent and down.
    ///
    /// # Errors
    ///
    /// `ip` refuses.
    pub fn end(&self) -> Result<End<'_>> {
        let [own, peer] = self.card.ethernet();
        let Hosts {
            source,
            destination,
        } = self.card.hosts();
        let v6 = |last| {
            let network = self.card.number().into();
            Ipv6Addr::new(0xfd70, network, 0, 0, 0, 0, 0, last).to_string()
        };
        End::new(
            (&self.netns, &self.name),
            (own, [source.to_string(), v6(1)]),
            (peer, [destination.to_string(), v6(2)]),
        )
    }
}
