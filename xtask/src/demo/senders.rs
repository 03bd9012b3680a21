//! The client's senders, and the server's sockets that take what they send.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use rustix::io::retry_on_intr;
use testbed::{ip::Hosts, packet_socket::PacketSocket, veth::Veth};

use super::plan::How;

/// How often each frame of our own making is sent, and how many connections each TCP service gets.
const REPETITIONS: usize = 3;
/// Sizes of the writes to a connection and of the datagrams to a service, in bytes.
const SIZES: [usize; 5] = [1, 64, 200, 333, 700];
/// How long a peer on the same machine may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What sends through a veth pair.
pub struct Senders<'veth> {
    veth: &'veth Veth<'veth>,
    frames: PacketSocket,
}

impl<'veth> Senders<'veth> {
    /// Senders on the pair's client end.
    ///
    /// # Errors
    ///
    /// The kernel refuses.
    pub fn new(veth: &'veth Veth<'veth>) -> Result<Self> {
        let frames = PacketSocket::open(&veth.client)?;
        Ok(Self { veth, frames })
    }

    /// Sends, and waits until the server has all of it where sockets tell.
    ///
    /// # Errors
    ///
    /// The kernel refuses, or something gets lost on the way.
    pub fn send(&self, how: &How) -> Result<()> {
        match how {
            How::Tcp(hosts, port) => self
                .connections(hosts, *port)
                .with_context(|| format!("TCP to port {port}")),
            How::Udp(hosts, port) => self
                .datagrams(hosts, *port)
                .with_context(|| format!("UDP to port {port}")),
            How::Frame(frame) => {
                for _ in 0..REPETITIONS {
                    self.frames.send(frame).context("cannot send a frame")?;
                }
                Ok(())
            }
        }
    }

    fn connections(&self, hosts: &Hosts, port: u16) -> Result<()> {
        let address = SocketAddr::new(hosts.destination, port);
        let listener = self
            .veth
            .server
            .netns
            .enter(|| TcpListener::bind(address))?;
        for _ in 0..REPETITIONS {
            let client = self.veth.client.netns;
            let mut stream = client.enter(|| TcpStream::connect_timeout(&address, PATIENCE))?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            for size in SIZES {
                stream.write_all(&vec![0; size])?;
            }
            stream.shutdown(Shutdown::Write)?;
            let (mut served, _) = listener.accept()?;
            served.set_read_timeout(Some(PATIENCE))?;
            let received = served.read_to_end(&mut Vec::new())?;
            ensure!(
                received == SIZES.iter().sum::<usize>(),
                "{received} bytes arrived"
            );
            drop(served);
            // Once the server's end of the stream is read, the client has nothing left to send.
            stream.read_to_end(&mut Vec::new())?;
        }
        Ok(())
    }

    fn datagrams(&self, hosts: &Hosts, port: u16) -> Result<()> {
        let address = SocketAddr::new(hosts.destination, port);
        let server = self.veth.server.netns.enter(|| UdpSocket::bind(address))?;
        server.set_read_timeout(Some(PATIENCE))?;
        let client = self
            .veth
            .client
            .netns
            .enter(|| UdpSocket::bind((hosts.source, 0)))?;
        for size in SIZES {
            client.send_to(&vec![0; size], address)?;
            let mut datagram = [0; 1_500];
            // Waiting with a limit ends when this process is stopped or frozen, too (signal(7)).
            let received = retry_on_intr(|| rustix::io::read(&server, &mut datagram))?;
            ensure!(received == size, "{received} of {size} bytes arrived");
        }
        Ok(())
    }
}
