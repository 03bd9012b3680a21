//! The four bytes that hold both ports, at the start of TCP, UDP, UDP-Lite, DCCP and SCTP alike.

use super::{
    Flow, Reason, Source,
    cursor::{Cursor, be16},
};
use crate::transport::Transport;

#[inline(always)]
pub(super) fn parse<S: Source>(frame: &mut Cursor<S>, protocol: u8) -> Result<Flow, Reason> {
    let Some(transport) = Transport::of_protocol(protocol) else {
        return Err(Reason::Protocol { protocol });
    };
    let ports = frame.take::<4>()?;
    Ok(Flow {
        protocol,
        transport,
        source: be16::<0, _>(ports),
        destination: be16::<2, _>(ports),
    })
}
