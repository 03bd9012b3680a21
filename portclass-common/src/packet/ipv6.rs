//! IPv6 (RFC 8200).

use super::{
    Reason, Source,
    cursor::{Cursor, be16},
    extension,
};

/// Leaves the header and its extensions behind and gives the protocol of what follows.
#[inline(always)]
pub(super) fn parse<S: Source>(frame: &mut Cursor<S>) -> Result<u8, Reason> {
    let header = frame.take::<40>()?;
    if header[0] >> 4 != 6 {
        return Err(Reason::Malformed);
    }
    let protocol = header[6];
    let length = u32::from(be16::<4, _>(header));
    if length != 0 || protocol == extension::NO_NEXT_HEADER {
        frame.limit(length);
    }
    if extension::is_ipv6_extension(protocol) {
        return extension::walk(frame, protocol, extension::is_ipv6_extension);
    }
    Ok(protocol)
}
