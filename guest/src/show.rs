//! `show`: runs portclass beside an interface with traffic, that of the default route.

use std::{
    io,
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result};
use testbed::{
    frame::{arp_request, ether_type, ethernet, tagged},
    ip::{Hosts, ipv4, ipv6, protocol},
    netns::Netns,
    packet_socket::PacketSocket,
    segment::{dccp, echo_request, sctp, tcp, udp},
    veth::Veth,
};

const INTERFACE: &str = "eth0";
/// The time between two rounds of frames.
const PAUSE: Duration = Duration::from_millis(20);

/// Runs portclass with these arguments, and gives its status. What it writes is for a screen, or for a file.
pub fn run(arguments: &[&str], is_screen: bool) -> Result<i32> {
    let (client, server) = (Netns::new()?, Netns::new()?);
    let veth = Veth::new((&client, INTERFACE), (&server, INTERFACE))?;
    veth.server.up()?;
    veth.client.up()?;
    let gateway = Hosts::V4.source;
    server.ip(&format!("route add default via {gateway} dev {INTERFACE}"))?;

    let socket = PacketSocket::open(&veth.client)?;
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let frames = frames();
            while !is_over.load(Ordering::Relaxed) {
                for frame in &frames {
                    // A full queue loses a frame, as any network may.
                    let _ = socket.send(frame);
                }
                thread::sleep(PAUSE);
            }
        });
        let mut command = Command::new("portclass");
        command.args(arguments);
        if !is_screen {
            // A serial line is a terminal to whoever writes to it.
            command.stdout(Stdio::piped());
        }
        let child = server.spawn(&mut command);
        let status = child.and_then(|mut child| {
            if let Some(mut output) = child.stdout.take() {
                io::copy(&mut output, &mut io::stdout())?;
            }
            child.wait()
        });
        is_over.store(true, Ordering::Relaxed);
        let status = status.context("cannot run portclass")?;
        Ok(status.code().unwrap_or(1))
    })
}

/// One round: all four transports, IPv4 and IPv6, with and without a tag, and what has no label.
fn frames() -> Vec<Vec<u8>> {
    const SOURCE: u16 = 40_000;
    const PAYLOAD: &[u8] = &[0; 200];
    let v4 = |protocol, payload: Vec<u8>| ethernet(ether_type::IPV4, &ipv4(protocol, &payload));
    let v6 = |protocol, payload: Vec<u8>| ethernet(ether_type::IPV6, &ipv6(protocol, &payload));
    let tcp4 = |port| v4(protocol::TCP, tcp(&Hosts::V4, SOURCE, port, PAYLOAD));
    let udp4 = |port| v4(protocol::UDP, udp(&Hosts::V4, SOURCE, port, PAYLOAD));
    let in_vlan = ipv4(protocol::UDP, &udp(&Hosts::V4, SOURCE, 514, PAYLOAD));
    vec![
        tcp4(443),
        tcp4(443),
        tcp4(22),
        tcp4(4_846),
        udp4(53),
        udp4(4_789),
        udp4(60_000),
        v6(protocol::TCP, tcp(&Hosts::V6, SOURCE, 443, PAYLOAD)),
        v6(protocol::UDP, udp(&Hosts::V6, SOURCE, 123, PAYLOAD)),
        v4(protocol::SCTP, sctp(SOURCE, 3_868, PAYLOAD)),
        v6(protocol::DCCP, dccp(&Hosts::V6, SOURCE, 5_004, PAYLOAD)),
        tagged(&[ether_type::VLAN], ether_type::IPV4, &in_vlan),
        v4(protocol::ICMP, echo_request(&Hosts::V4, PAYLOAD)),
        arp_request(),
    ]
}
