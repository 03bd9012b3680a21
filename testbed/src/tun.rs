//! A tun interface: what is written to it arrives as an IP packet, and what leaves through it can be read.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::{fd::AsRawFd as _, unix::fs::OpenOptionsExt as _},
};

use crate::{kernel::skip, netns::Netns};

/// `TUNSETIFF` of linux/if_tun.h.
const TUNSETIFF: libc::c_ulong = 0x4004_54ca;

/// A tun interface, which goes with this value.
#[derive(Debug)]
pub struct Tun {
    device: File,
}

impl Tun {
    /// A tun interface of this name in a namespace, down.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    pub fn new(netns: &Netns, name: &str) -> io::Result<Self> {
        netns.enter(|| {
            let device = OpenOptions::new()
                .read(true)
                .write(true)
                .custom_flags(libc::O_NONBLOCK)
                .open("/dev/net/tun")?;
            // SAFETY: the request is plain numbers, for which zero is valid.
            let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
            for (to, from) in request.ifr_name.iter_mut().zip(name.bytes().take(15)) {
                *to = from as libc::c_char;
            }
            request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as i16;
            // SAFETY: the request lives during the call.
            let done = unsafe { libc::ioctl(device.as_raw_fd(), TUNSETIFF, &raw const request) };
            if done < 0 {
                return Err(io::Error::last_os_error());
            }
            Ok(Self { device })
        })
    }

    /// The same, or `None` where this kernel has no such interfaces, which is said on standard error.
    ///
    /// # Panics
    ///
    /// The kernel refuses for another reason.
    pub fn new_or_skips(netns: &Netns, name: &str, test: &str) -> Option<Self> {
        match Self::new(netns, name) {
            Ok(tun) => Some(tun),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                skip(test, "there is no /dev/net/tun");
                None
            }
            Err(error) => panic!("no tun interface: {error}"),
        }
    }

    /// Lets a packet arrive, from its IP header on.
    ///
    /// # Errors
    ///
    /// The interface is down, or these bytes are no IP packet.
    pub fn write(&self, packet: &[u8]) -> io::Result<()> {
        (&self.device).write_all(packet)
    }

    /// A packet that has left, if there is one.
    pub fn read(&self) -> Option<Vec<u8>> {
        let mut packet = vec![0; 1 << 16];
        let length = (&self.device).read(&mut packet).ok()?;
        packet.truncate(length);
        Some(packet)
    }
}
