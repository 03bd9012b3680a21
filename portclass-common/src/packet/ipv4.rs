//! IPv4 (RFC 791), options included.

use super::{
    Reason, Source,
    cursor::{Cursor, be16},
    extension,
};

const FIXED_LENGTH: usize = 20;
const FRAGMENT_OFFSET: u16 = 0x1fff;

/// Leaves the header behind and gives the protocol of what follows.
#[inline(always)]
pub(super) fn parse<S: Source>(frame: &mut Cursor<'_, S>) -> Result<u8, Reason> {
    let header = frame.take::<20>()?;
    if header[0] >> 4 != 4 {
        return Err(Reason::Malformed);
    }
    let length = usize::from(header[0] & 0x0f) * 4;
    if length < FIXED_LENGTH {
        return Err(Reason::Malformed);
    }
    let total = usize::from(be16::<2, _>(header));
    let is_later_fragment = be16::<6, _>(header) & FRAGMENT_OFFSET != 0;
    let protocol = header[9];
    if total != 0 {
        if total < length {
            return Err(Reason::Malformed);
        }
        frame.limit(total - FIXED_LENGTH);
    }
    if length > FIXED_LENGTH {
        frame.skip(length - FIXED_LENGTH)?;
        frame.settle();
    }
    if is_later_fragment {
        return Err(Reason::Fragment { protocol });
    }
    extension::skip(frame, extension::Of::Ipv4, protocol)
}
