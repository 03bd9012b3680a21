//! The four bytes that hold both ports, at the start of TCP, UDP, UDP-Lite, DCCP and SCTP alike.

use super::{
    Source,
    cursor::{Cursor, be16},
    finding::{Finding, Ports},
};
use crate::transport::Transport;

/// Reads the ports of what was found, if its protocol has any.
#[inline(always)]
pub(super) fn parse<S: Source>(frame: &mut Cursor<'_, S>, finding: Finding) -> (Finding, Ports) {
    let protocol = match finding.protocol() {
        Some(protocol) if Transport::of_protocol(protocol).is_some() => protocol,
        _ => return (finding, Ports::default()),
    };
    match frame.take::<4>() {
        Ok(ports) => {
            let ports = Ports::new(be16::<0, _>(ports), be16::<2, _>(ports));
            (Finding::flow(protocol), ports)
        }
        Err(_) => (Finding::TRUNCATED, Ports::default()),
    }
}
