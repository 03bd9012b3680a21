//! Connections of the system's own SCTP and DCCP, which not every kernel speaks.

use std::{
    io,
    net::{SocketAddrV4, TcpListener, TcpStream},
    os::fd::{AsRawFd as _, OwnedFd},
};

use rustix::net::{AddressFamily, SocketType, bind, connect, ipproto, listen, socket};

use crate::kernel::skip;

/// Such a transport. Its sockets of streams are used as TCP's are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// sctp(7), one association a socket.
    Sctp,
    /// Documentation/networking/dccp.rst; gone from Linux 6.16 on.
    Dccp,
}

impl Stream {
    /// Whether this kernel speaks it; where it does not, says on standard error that `test` is skipped.
    pub fn is_spoken_or_skips(self, test: &str) -> bool {
        let is_spoken = self.socket().is_ok();
        if !is_spoken {
            let what = match self {
                Self::Sctp => "SCTP",
                Self::Dccp => "DCCP (removed in Linux 6.16, 2a63dd0edf38)",
            };
            skip(test, format_args!("this kernel speaks no {what}"));
        }
        is_spoken
    }

    fn socket(self) -> io::Result<OwnedFd> {
        const SOCK_DCCP: u32 = 6;
        let (kind, protocol) = match self {
            Self::Sctp => (SocketType::STREAM, ipproto::SCTP),
            Self::Dccp => (SocketType::from_raw(SOCK_DCCP), ipproto::DCCP),
        };
        let socket = socket(AddressFamily::INET, kind, Some(protocol))?;
        if self == Self::Dccp {
            name_service(&socket)?;
        }
        Ok(socket)
    }

    /// Waits for connections there.
    ///
    /// # Errors
    ///
    /// The kernel refuses.
    pub fn listen(self, address: SocketAddrV4) -> io::Result<TcpListener> {
        let socket = self.socket()?;
        bind(&socket, &address)?;
        listen(&socket, 1)?;
        Ok(socket.into())
    }

    /// Connects from one address to the other.
    ///
    /// # Errors
    ///
    /// The kernel refuses, or nobody listens.
    pub fn connect(self, from: SocketAddrV4, to: SocketAddrV4) -> io::Result<TcpStream> {
        let socket = self.socket()?;
        bind(&socket, &from)?;
        connect(&socket, &to)?;
        Ok(socket.into())
    }
}

/// Both ends have to name the same service (RFC 4340 section 8.1.2).
fn name_service(socket: &OwnedFd) -> io::Result<()> {
    const SOL_DCCP: i32 = 269;
    const DCCP_SOCKOPT_SERVICE: i32 = 2;
    let service = 42u32.to_be_bytes();
    // SAFETY: pointer and length are those of the array.
    let done = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            SOL_DCCP,
            DCCP_SOCKOPT_SERVICE,
            service.as_ptr().cast(),
            service.len() as libc::socklen_t,
        )
    };
    if done < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
