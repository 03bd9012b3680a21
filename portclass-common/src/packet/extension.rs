//! IPv6 extension headers (RFC 8200 section 4), and the Authentication Header in IPv4 (RFC 4302).

use super::{
    IpPayload, Reason,
    cursor::{Cursor, be16},
};

/// Extension headers that are followed; one more makes a frame [`Reason::TooDeep`].
pub const EXTENSION_MAX_CHAIN: usize = 8;

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
pub(super) const AUTHENTICATION: u8 = 51;
pub(super) const NO_NEXT_HEADER: u8 = 59;
const DESTINATION: u8 = 60;
const MOBILITY: u8 = 135;
const HIP: u8 = 139;
const SHIM6: u8 = 140;

/// The part that every extension header has, and that holds its length.
const SHORTEST: u32 = 8;
const FRAGMENT_OFFSET: u16 = 0xfff8;

#[inline(always)]
pub(super) const fn is_ipv6_extension(protocol: u8) -> bool {
    matches!(
        protocol,
        HOP_BY_HOP | ROUTING | FRAGMENT | AUTHENTICATION | DESTINATION | MOBILITY | HIP | SHIM6
    )
}

/// Leaves the extension headers behind, as long as `is_extension` says that the next one is one.
#[inline(always)]
pub(super) fn walk(
    frame: &mut Cursor<'_>,
    mut payload: IpPayload,
    is_extension: impl Fn(u8) -> bool,
) -> Result<IpPayload, Reason> {
    for _ in 0..EXTENSION_MAX_CHAIN {
        if !is_extension(payload.protocol) {
            return Ok(payload);
        }
        let header = frame.take::<8>()?;
        let length = length(payload.protocol, header[1]);
        if length < SHORTEST {
            return Err(Reason::Malformed);
        }
        if length > payload.left {
            return Err(Reason::Truncated);
        }
        frame.skip((length - SHORTEST) as usize)?;
        if payload.protocol == FRAGMENT && be16::<2, _>(header) & FRAGMENT_OFFSET != 0 {
            return Err(Reason::Fragment {
                protocol: header[0],
            });
        }
        payload = IpPayload {
            protocol: header[0],
            left: payload.left - length,
        };
    }
    if is_extension(payload.protocol) {
        return Err(Reason::TooDeep);
    }
    Ok(payload)
}

/// Bytes of the extension header with that number and length field; 0 where the field is impossible.
#[inline(always)]
fn length(protocol: u8, field: u8) -> u32 {
    let field = u32::from(field);
    match protocol {
        // The fixed fields alone are three words of four bytes, and the field leaves two of them out.
        AUTHENTICATION if field == 0 => 0,
        AUTHENTICATION => (field + 2) * 4,
        FRAGMENT => SHORTEST,
        _ => (field + 1) * 8,
    }
}
