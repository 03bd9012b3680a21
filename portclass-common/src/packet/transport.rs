//! The four bytes that hold both ports, at the start of TCP, UDP, UDP-Lite, DCCP and SCTP alike.

use super::{
    Flow, IpPayload, Reason,
    cursor::{Cursor, be16},
};
use crate::transport::Transport;

const PORTS_LENGTH: u32 = 4;

#[inline(always)]
pub(super) fn parse(frame: &mut Cursor<'_>, payload: IpPayload) -> Result<Flow, Reason> {
    let IpPayload { protocol, left } = payload;
    let Some(transport) = Transport::of_protocol(protocol) else {
        return Err(Reason::Protocol { protocol });
    };
    if left < PORTS_LENGTH {
        return Err(Reason::Truncated);
    }
    let ports = frame.take::<4>()?;
    Ok(Flow {
        transport,
        source: be16::<0, _>(ports),
        destination: be16::<2, _>(ports),
    })
}
