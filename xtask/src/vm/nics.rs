//! Network cards for a machine. Their other ends are taps in a network namespace that ends with this process and the
//! machine.

use anyhow::Result;
use testbed::{card::Card, netns::Netns};

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
        for card in Card::ALL {
            let tap = card.tap();
            let queues = if queues(card) > 1 { " multi_queue" } else { "" };
            let [own, ours] = card.ethernet().map(address);
            let hosts = card.hosts();
            for command in [
                format!("tuntap add dev {tap} mode tap vnet_hdr{queues}"),
                format!("link set dev {tap} address {ours} addrgenmode none up"),
                format!("address add {}/24 dev {tap}", hosts.destination),
                format!(
                    "neighbour add {} lladdr {own} dev {tap} nud permanent",
                    hosts.source
                ),
            ] {
                netns.ip(&command)?;
            }
        }
        Ok(Self { netns })
    }

    /// Where QEMU has to run.
    pub const fn netns(&self) -> &Netns {
        &self.netns
    }

    /// What QEMU is told.
    pub fn options(&self) -> Vec<String> {
        let options = Card::ALL.into_iter().flat_map(|card| {
            let (tap, queues) = (card.tap(), queues(card));
            let [own, _] = card.ethernet().map(address);
            // An interrupt for each queue in each direction, and two for the device.
            let several = match queues {
                1 => String::new(),
                _ => format!(",mq=on,vectors={}", 2 * queues + 2),
            };
            let device = match card {
                Card::FixedOffloads => "virtio-net-pci,ctrl_guest_offloads=off",
                Card::ManyQueues | Card::OneQueue => "virtio-net-pci",
                Card::Vmxnet3 => "vmxnet3",
            };
            [
                "-netdev".to_owned(),
                format!(
                    "tap,id={tap},ifname={tap},script=no,downscript=no,queues={queues},vhost=off"
                ),
                "-device".to_owned(),
                format!("{device},netdev={tap},mac={own},romfile={several}"),
            ]
        });
        options.collect()
    }
}

/// Queues in each direction, for a machine with two CPUs.
const fn queues(card: Card) -> u32 {
    match card {
        Card::OneQueue | Card::Vmxnet3 => 1,
        Card::ManyQueues | Card::FixedOffloads => 4,
    }
}

fn address(bytes: [u8; 6]) -> String {
    bytes.map(|byte| format!("{byte:02x}")).join(":")
}
