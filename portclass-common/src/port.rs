//! Port numbers and the key under which the kernel looks a service up.

use crate::transport::Transport;

/// The first User port; those below are System ports (RFC 6335 section 6).
pub const FIRST_USER: u16 = 1_024;

/// The first Dynamic port; from here up IANA assigns nothing (RFC 6335 section 6).
pub const FIRST_DYNAMIC: u16 = 49_152;

/// The key of the `registry` map: a port and a transport, in host byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(C)]
pub struct PortKey {
    port: u16,
    transport: u8,
    pad: u8,
}

const _: () = assert!(size_of::<PortKey>() == 4 && align_of::<PortKey>() == 2);

impl PortKey {
    /// The key of `port` (host byte order) on `transport`.
    #[inline(always)]
    pub const fn new(port: u16, transport: Transport) -> Self {
        Self {
            port,
            transport: transport.protocol(),
            pad: 0,
        }
    }

    /// The port, in host byte order.
    #[inline(always)]
    pub const fn port(self) -> u16 {
        self.port
    }

    /// The transport, or `None` for a number that no transport of the registry has.
    pub const fn transport(self) -> Option<Transport> {
        Transport::of_protocol(self.transport)
    }
}
