//! Network cards for a machine: virtio_net with different numbers of queues and different offloads. Their other ends are
//! taps in a network namespace that ends with this process, whose kernel forwards from one to the other.

use anyhow::Result;
use testbed::netns::Netns;

/// A card.
struct Card {
    /// Its tap's name.
    tap: &'static str,
    /// Queues in each direction.
    queues: u8,
    /// What QEMU is told of it besides.
    options: &'static str,
}

/// The last number of a card's address (52:54:00:70:63:0N) and of its network (10.70.N.0/24) is its place here, from 1 on.
/// Tests tell the cards apart by it.
const CARDS: [Card; 3] = [
    // As many for each CPU as XDP wants for itself.
    Card {
        tap: "enough",
        queues: 4,
        options: "mq=on,vectors=10",
    },
    Card {
        tap: "few",
        queues: 1,
        options: "mq=off",
    },
    // What it receives may be several packets in one, and nobody can change that.
    Card {
        tap: "offloads",
        queues: 4,
        options: "mq=on,vectors=10,ctrl_guest_offloads=off",
    },
];

/// A machine's cards, all there as long as this value lives.
pub struct Nics {
    netns: Netns,
}

impl Nics {
    /// Makes the ends of the cards that the machine does not see.
    ///
    /// # Errors
    ///
    /// This process may make no network namespace, or the kernel has no taps.
    pub fn new() -> Result<Self> {
        let netns = Netns::new()?;
        for (number, card) in (1..).zip(&CARDS) {
            let Card { tap, queues, .. } = card;
            let several = if *queues > 1 { " multi_queue" } else { "" };
            netns.ip(&format!("tuntap add dev {tap} mode tap vnet_hdr{several}"))?;
            netns.ip(&format!("address add 10.70.{number}.1/24 dev {tap}"))?;
            netns.ip(&format!("link set dev {tap} up"))?;
            netns.ip(&format!(
                "neighbour add 10.70.{number}.2 lladdr {} dev {tap} nud permanent",
                address(number)
            ))?;
        }
        netns.enter(|| {
            // Of the namespace that this thread is in.
            std::fs::write("/proc/sys/net/ipv4/ip_forward", "1")
        })?;
        Ok(Self { netns })
    }

    /// Where QEMU has to run.
    pub const fn netns(&self) -> &Netns {
        &self.netns
    }

    /// What QEMU is told.
    pub fn options(&self) -> Vec<String> {
        let options = (1..).zip(&CARDS).flat_map(|(number, card)| {
            let Card {
                tap,
                queues,
                options,
            } = card;
            let address = address(number);
            [
                "-netdev".to_owned(),
                format!(
                    "tap,id={tap},ifname={tap},script=no,downscript=no,queues={queues},vhost=off"
                ),
                "-device".to_owned(),
                format!("virtio-net-pci,netdev={tap},mac={address},romfile=,{options}"),
            ]
        });
        options.collect()
    }
}

fn address(number: u8) -> String {
    format!("52:54:00:70:63:{number:02x}")
}
