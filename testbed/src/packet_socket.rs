//! Raw access to an interface: packet sockets (packet(7)).

use std::{
    io, mem,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
};

use anyhow::{Context as _, Result};

use crate::veth::End;

/// A socket that sends whole frames out of one interface.
#[derive(Debug)]
pub struct PacketSocket {
    socket: OwnedFd,
}

impl PacketSocket {
    /// A socket bound to this end of a pair. It receives nothing.
    ///
    /// # Errors
    ///
    /// The process may not have such a socket, or the interface is gone.
    pub fn open(end: &End<'_>) -> Result<Self> {
        Ok(Self {
            socket: bound(end, 0)?,
        })
    }

    /// Sends a frame, from its Ethernet header to its last byte.
    ///
    /// # Errors
    ///
    /// The interface is down, or the frame is longer than its MTU allows or shorter than an Ethernet header.
    pub fn send(&self, frame: &[u8]) -> io::Result<()> {
        // SAFETY: pointer and length are those of a slice that lives during the call.
        let sent = unsafe {
            libc::send(
                self.socket.as_raw_fd(),
                frame.as_ptr().cast(),
                frame.len(),
                0,
            )
        };
        if sent < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }
}

/// A non-blocking packet socket of the namespace and interface of `end`, for frames of `ether_type`.
pub(crate) fn bound(end: &End<'_>, ether_type: i32) -> Result<OwnedFd> {
    let index = i32::try_from(end.index()?)?;
    let protocol = (ether_type as u16).to_be();
    let kind = libc::SOCK_RAW | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // Unbound it would receive from every interface of the namespace: the protocol comes with the binding.
    // SAFETY: no pointer is passed.
    let socket = end
        .netns
        .enter(|| owned(unsafe { libc::socket(libc::AF_PACKET, kind, 0) }));
    let socket = socket.context("cannot open a packet socket")?;
    // SAFETY: the address is plain numbers, for which zero is valid.
    let mut address: libc::sockaddr_ll = unsafe { mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = protocol;
    address.sll_ifindex = index;
    // SAFETY: pointer and length are those of the address.
    let done = unsafe {
        libc::bind(
            socket.as_raw_fd(),
            (&raw const address).cast(),
            size_of_val(&address) as libc::socklen_t,
        )
    };
    checked(done).with_context(|| format!("cannot bind a packet socket to {}", end.name))?;
    Ok(socket)
}

fn owned(descriptor: i32) -> io::Result<OwnedFd> {
    checked(descriptor)?;
    // SAFETY: the descriptor has just been opened, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

pub(crate) fn checked(result: i32) -> io::Result<()> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
