//! IPv6 (RFC 8200).

use super::{
    IpPayload, LENGTH_OF_FRAME, Reason,
    cursor::{Cursor, be16},
    extension,
};

#[inline(always)]
pub(super) fn parse(frame: &mut Cursor<'_>) -> Result<IpPayload, Reason> {
    let header = frame.take::<40>()?;
    if header[0] >> 4 != 6 {
        return Err(Reason::Malformed);
    }
    let protocol = header[6];
    let left = match u32::from(be16::<4, _>(header)) {
        0 if protocol != extension::NO_NEXT_HEADER => LENGTH_OF_FRAME,
        length => length,
    };
    let payload = IpPayload { protocol, left };
    if extension::is_ipv6_extension(protocol) {
        return extension::walk(frame, payload, extension::is_ipv6_extension);
    }
    Ok(payload)
}
