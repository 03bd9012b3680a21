//! The four transports that the IANA registry assigns ports for.

/// A transport protocol of the registry.
///
/// The discriminant is the IP protocol number (IANA "Assigned Internet Protocol Numbers").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Transport {
    /// RFC 9293.
    Tcp = 6,
    /// RFC 768; also stands for UDP-Lite, which shares UDP's numbers (RFC 3828 section 6).
    Udp = 17,
    /// RFC 4340.
    Dccp = 33,
    /// RFC 9260.
    Sctp = 132,
}

/// The IP protocol number of UDP-Lite (RFC 3828).
const UDP_LITE: u8 = 136;

impl Transport {
    /// All transports, in the order of their IP protocol numbers.
    pub const ALL: [Self; 4] = [Self::Tcp, Self::Udp, Self::Dccp, Self::Sctp];

    /// The transport that carries registry ports in IP packets of this `protocol` number, if one does.
    #[inline(always)]
    pub const fn of_protocol(protocol: u8) -> Option<Self> {
        const TCP: u8 = Transport::Tcp.protocol();
        const UDP: u8 = Transport::Udp.protocol();
        const DCCP: u8 = Transport::Dccp.protocol();
        const SCTP: u8 = Transport::Sctp.protocol();
        match protocol {
            TCP => Some(Self::Tcp),
            UDP | UDP_LITE => Some(Self::Udp),
            DCCP => Some(Self::Dccp),
            SCTP => Some(Self::Sctp),
            _ => None,
        }
    }

    /// The IP protocol number.
    #[inline(always)]
    pub const fn protocol(self) -> u8 {
        self as u8
    }

    /// The position in [`Transport::ALL`].
    #[inline(always)]
    pub const fn index(self) -> u32 {
        match self {
            Self::Tcp => 0,
            Self::Udp => 1,
            Self::Dccp => 2,
            Self::Sctp => 3,
        }
    }

    /// The registry's name of the transport, in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Dccp => "dccp",
            Self::Sctp => "sctp",
        }
    }

    /// The transport of that name, whatever its case.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|transport| transport.name().eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::Transport;

    #[test]
    fn every_transport_is_found_by_its_protocol_number_and_by_its_name() {
        for (position, transport) in Transport::ALL.into_iter().enumerate() {
            assert_eq!(
                Transport::of_protocol(transport.protocol()),
                Some(transport)
            );
            assert_eq!(Transport::of_name(transport.name()), Some(transport));
            assert_eq!(transport.index() as usize, position);
        }
        assert_eq!(Transport::of_name("SCTP"), Some(Transport::Sctp));
        assert_eq!(Transport::of_name("quic"), None);
    }

    #[test]
    fn udp_lite_shares_the_numbers_of_udp_and_no_other_protocol_has_any() {
        assert_eq!(Transport::of_protocol(136), Some(Transport::Udp));
        let with_ports =
            (0..=u8::MAX).filter(|&protocol| Transport::of_protocol(protocol).is_some());
        assert_eq!(with_ports.count(), 5);
    }
}
