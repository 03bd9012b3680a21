//! IPv6 extension headers (RFC 8200 section 4), and the Authentication Header in IPv4 (RFC 4302).

use super::{
    Reason, Source,
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

/// Leaves the extension headers behind, as long as `is_extension` says that the next one is one, and gives the protocol
/// of what follows them.
#[inline(always)]
pub(super) fn walk<S: Source>(
    frame: &mut Cursor<S>,
    mut protocol: u8,
    is_extension: impl Fn(u8) -> bool,
) -> Result<u8, Reason> {
    for _ in 0..EXTENSION_MAX_CHAIN {
        if !is_extension(protocol) {
            return Ok(protocol);
        }
        let header = frame.take::<8>()?;
        let next = header[0];
        let length = length(protocol, header[1]);
        let is_later_fragment = protocol == FRAGMENT && be16::<2, _>(header) & FRAGMENT_OFFSET != 0;
        if length < SHORTEST {
            return Err(Reason::Malformed);
        }
        frame.skip(length - SHORTEST)?;
        if is_later_fragment {
            return Err(Reason::Fragment { protocol: next });
        }
        protocol = next;
    }
    if is_extension(protocol) {
        return Err(Reason::TooDeep);
    }
    Ok(protocol)
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
