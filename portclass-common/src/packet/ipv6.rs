//! IPv6 (RFC 8200).

use super::{
    Reason, Source,
    cursor::{Cursor, be16},
    extension,
};

/// Leaves the header and its extensions behind and gives the protocol of what follows.
#[inline(always)]
pub(super) fn parse<S: Source>(frame: &mut Cursor<'_, S>) -> Result<u8, Reason> {
    let header = frame.take::<40>()?;
    if header[0] >> 4 != 6 {
        return Err(Reason::Malformed);
    }
    let protocol = header[6];
    let length = usize::from(be16::<4, _>(header));
    if length != 0 || protocol == extension::NO_NEXT_HEADER {
        frame.limit(length);
    }
    extension::skip(frame, extension::Of::Ipv6, protocol)
}
