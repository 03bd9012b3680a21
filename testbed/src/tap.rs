//! The independent witness: every frame that leaves through an interface, as the kernel hands it to the driver.

use std::{
    io, mem,
    os::fd::{AsRawFd as _, OwnedFd},
};

use anyhow::{Context as _, Result, ensure};
use rustix::net::sockopt::set_socket_recv_buffer_size_force;

use crate::{
    packet_socket::{bound, checked},
    veth::End,
};

/// Kernel memory for frames that have not been read yet: enough for tens of thousands of small ones.
const BUFFER: usize = 128 << 20;
/// The longest frame: a super-packet and its link-layer header.
const LONGEST_FRAME: usize = (1 << 16) + 64;

/// A capture of the frames that an interface sends.
#[derive(Debug)]
pub struct Tap {
    socket: OwnedFd,
}

impl Tap {
    /// Captures from now on.
    ///
    /// # Errors
    ///
    /// The process may not have such a socket, or the interface is gone.
    pub fn open(end: &End<'_>) -> Result<Self> {
        let socket = bound(end, libc::ETH_P_ALL)?;
        set_socket_recv_buffer_size_force(&socket, BUFFER)
            .context("cannot make room for the capture")?;
        Ok(Self { socket })
    }

    /// The frames sent since the capture began, or since the last call.
    ///
    /// # Errors
    ///
    /// The kernel had no room for a frame: the capture is worth nothing.
    pub fn frames(&self) -> Result<Vec<Vec<u8>>> {
        let mut frames = Vec::new();
        let mut buffer = vec![0; LONGEST_FRAME];
        while let Some(captured) = self.receive(&mut buffer)? {
            if captured.outgoing {
                frames.push(captured.frame);
            }
        }
        ensure!(self.lost()? == 0, "the capture has lost frames");
        Ok(frames)
    }

    fn receive(&self, buffer: &mut [u8]) -> Result<Option<Captured>> {
        // SAFETY: the address is plain numbers, for which zero is valid.
        let mut interface: libc::sockaddr_ll = unsafe { mem::zeroed() };
        let mut address_length = size_of_val(&interface) as libc::socklen_t;
        // With MSG_TRUNC the length is the frame's own, whatever the buffer holds of it.
        // SAFETY: the pointers and lengths are those of the buffer and of the address.
        let length = unsafe {
            libc::recvfrom(
                self.socket.as_raw_fd(),
                buffer.as_mut_ptr().cast(),
                buffer.len(),
                libc::MSG_TRUNC,
                (&raw mut interface).cast(),
                &raw mut address_length,
            )
        };
        let Ok(length) = usize::try_from(length) else {
            let error = io::Error::last_os_error();
            return match error.kind() {
                io::ErrorKind::WouldBlock => Ok(None),
                // Told once after the interface has gone down; what was captured before is still there.
                io::ErrorKind::NetworkDown => self.receive(buffer),
                _ => Err(error).context("cannot read the capture"),
            };
        };
        let frame = buffer.get(..length);
        let frame =
            frame.with_context(|| format!("a frame of {length} bytes does not fit the capture"))?;
        Ok(Some(Captured {
            frame: frame.to_vec(),
            outgoing: interface.sll_pkttype == libc::PACKET_OUTGOING,
        }))
    }

    /// Frames for which there was no room since the last call.
    fn lost(&self) -> Result<u32> {
        let mut statistics = libc::tpacket_stats {
            tp_packets: 0,
            tp_drops: 0,
        };
        let mut length = size_of_val(&statistics) as libc::socklen_t;
        // SAFETY: pointer and length are those of the statistics.
        let done = unsafe {
            libc::getsockopt(
                self.socket.as_raw_fd(),
                libc::SOL_PACKET,
                libc::PACKET_STATISTICS,
                (&raw mut statistics).cast(),
                &raw mut length,
            )
        };
        checked(done).context("cannot read the capture's statistics")?;
        Ok(statistics.tp_drops)
    }
}

struct Captured {
    frame: Vec<u8>,
    outgoing: bool,
}
