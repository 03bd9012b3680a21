//! IPv4 (RFC 791), options included.

use super::{
    IpPayload, LENGTH_OF_FRAME, Reason,
    cursor::{Cursor, be16},
    extension,
};

const FIXED_LENGTH: u32 = 20;
const FRAGMENT_OFFSET: u16 = 0x1fff;

#[inline(always)]
pub(super) fn parse(frame: &mut Cursor<'_>) -> Result<IpPayload, Reason> {
    let header = frame.take::<20>()?;
    if header[0] >> 4 != 4 {
        return Err(Reason::Malformed);
    }
    let length = u32::from(header[0] & 0x0f) * 4;
    if length < FIXED_LENGTH {
        return Err(Reason::Malformed);
    }
    let left = match u32::from(be16::<2, _>(header)) {
        0 => LENGTH_OF_FRAME,
        total if total < length => return Err(Reason::Malformed),
        total => total - length,
    };
    if length > FIXED_LENGTH {
        frame.skip((length - FIXED_LENGTH) as usize)?;
    }
    let protocol = header[9];
    if be16::<6, _>(header) & FRAGMENT_OFFSET != 0 {
        return Err(Reason::Fragment { protocol });
    }
    let payload = IpPayload { protocol, left };
    if protocol == extension::AUTHENTICATION {
        return extension::walk(frame, payload, |protocol| {
            protocol == extension::AUTHENTICATION
        });
    }
    Ok(payload)
}
