//! What was found in a frame, as plain numbers: the verifier refuses what the compiler makes of the unused parts of enums.

use super::{Flow, NonIp, Reason};
use crate::transport::Transport;

/// The protocol of an IP packet's payload, or the reason why none was found: a kind above a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Finding(pub(super) u16);

const PROTOCOL: u16 = 0;
const FLOW: u16 = 1 << 8;
const FRAGMENT: u16 = 2 << 8;
const NON_IP: u16 = 3 << 8;
const MALFORMED: u16 = 4 << 8;
const TOO_DEEP: u16 = 5 << 8;
const TRUNCATED: u16 = 6 << 8;
const KIND: u16 = 0xff00;

impl Finding {
    pub(super) const TRUNCATED: Self = Self(TRUNCATED);

    #[inline(always)]
    pub(super) const fn of(result: Result<u8, Reason>) -> Self {
        Self(match result {
            Ok(protocol) => PROTOCOL | protocol as u16,
            Err(Reason::Fragment { protocol }) => FRAGMENT | protocol as u16,
            Err(Reason::NonIp(kind)) => NON_IP | kind as u16,
            Err(Reason::Malformed) => MALFORMED,
            Err(Reason::TooDeep) => TOO_DEEP,
            // No other one is found before the ports.
            Err(_) => TRUNCATED,
        })
    }

    /// A packet of this protocol whose ports were found.
    #[inline(always)]
    pub(super) const fn flow(protocol: u8) -> Self {
        Self(FLOW | protocol as u16)
    }

    /// The protocol of a packet that was found.
    #[inline(always)]
    pub(super) const fn protocol(self) -> Option<u8> {
        match self.0 & KIND {
            PROTOCOL => Some(self.0 as u8),
            _ => None,
        }
    }

    /// The protocol of a packet whose ports were found.
    #[inline(always)]
    pub(super) const fn protocol_of_flow(self) -> Option<u8> {
        match self.0 & KIND {
            FLOW => Some(self.0 as u8),
            _ => None,
        }
    }

    /// With the ports, as a parser's outcome.
    #[inline(always)]
    pub(super) const fn outcome(self, ports: Ports) -> Result<Flow, Reason> {
        let byte = self.0 as u8;
        match self.0 & KIND {
            FLOW => match Transport::of_protocol(byte) {
                Some(transport) => Ok(Flow {
                    protocol: byte,
                    transport,
                    source: ports.source(),
                    destination: ports.destination(),
                }),
                None => Err(Reason::Protocol { protocol: byte }),
            },
            PROTOCOL => Err(Reason::Protocol { protocol: byte }),
            FRAGMENT => Err(Reason::Fragment { protocol: byte }),
            NON_IP => Err(Reason::NonIp(NonIp::of_number(byte))),
            MALFORMED => Err(Reason::Malformed),
            TOO_DEEP => Err(Reason::TooDeep),
            _ => Err(Reason::Truncated),
        }
    }

    /// With nothing else, as a part's result.
    #[inline(always)]
    pub(super) const fn result(self) -> Result<u8, Reason> {
        match self.outcome(Ports(0)) {
            Err(Reason::Protocol { protocol }) => Ok(protocol),
            Err(reason) => Err(reason),
            Ok(flow) => Ok(flow.protocol),
        }
    }
}

/// The source port above the destination port, in host byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Ports(pub(super) u32);

impl Ports {
    #[inline(always)]
    pub(super) const fn new(source: u16, destination: u16) -> Self {
        Self((source as u32) << 16 | destination as u32)
    }

    #[inline(always)]
    pub(super) const fn source(self) -> u16 {
        (self.0 >> 16) as u16
    }

    #[inline(always)]
    pub(super) const fn destination(self) -> u16 {
        self.0 as u16
    }
}
