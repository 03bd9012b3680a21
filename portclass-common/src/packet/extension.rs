//! IPv6 extension headers (RFC 8200 section 4), and the Authentication Header in IPv4 (RFC 4302).

use super::{
    Apart, Reason, Source,
    cursor::{Cursor, be16},
    finding::Finding,
};

/// Extension headers that are followed; one more makes a frame [`Reason::TooDeep`].
pub const EXTENSION_MAX_CHAIN: usize = 8;

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
pub(super) const NO_NEXT_HEADER: u8 = 59;
const DESTINATION: u8 = 60;
const MOBILITY: u8 = 135;
const HIP: u8 = 139;
const SHIM6: u8 = 140;

/// The part that every extension header has, and that holds its length.
const SHORTEST: usize = 8;
const FRAGMENT_OFFSET: u16 = 0xfff8;

#[inline(always)]
const fn is_ipv6_extension(protocol: u8) -> bool {
    matches!(
        protocol,
        HOP_BY_HOP | ROUTING | FRAGMENT | AUTHENTICATION | DESTINATION | MOBILITY | HIP | SHIM6
    )
}

/// Which headers are extensions.
#[derive(Clone, Copy)]
pub(super) enum Of {
    /// IPv4 has the Authentication Header alone.
    Ipv4,
    /// IPv6 has all of them.
    Ipv6,
}

impl Of {
    #[inline(always)]
    const fn has(self, protocol: u8) -> bool {
        match self {
            Self::Ipv4 => protocol == AUTHENTICATION,
            Self::Ipv6 => is_ipv6_extension(protocol),
        }
    }
}

/// Leaves the extension headers behind and gives the protocol of what follows them.
#[inline(always)]
pub(super) fn skip<S: Source>(
    frame: &mut Cursor<'_, S>,
    of: Of,
    protocol: u8,
) -> Result<u8, Reason> {
    if !of.has(protocol) {
        return Ok(protocol);
    }
    let state = Apart::new(frame.place(), (of as u16) << 8 | u16::from(protocol));
    let state = frame.source().extensions(state);
    state.leave(frame).result()
}

/// What [`skip`] does apart.
#[inline(always)]
pub(super) fn apart<S: Source>(source: &mut S, state: Apart) -> Apart {
    let number = state.number();
    let of = if number >> 8 == Of::Ipv4 as u16 {
        Of::Ipv4
    } else {
        Of::Ipv6
    };
    let mut frame = Cursor::at(source, state.place());
    let result = walk(&mut frame, of, number as u8);
    Apart::found(&frame, Finding::of(result))
}

#[inline(always)]
fn walk<S: Source>(frame: &mut Cursor<'_, S>, of: Of, mut protocol: u8) -> Result<u8, Reason> {
    // Written out: without CAP_PERFMON the verifier follows branches that are never taken, and older ones (seen on Linux
    // 6.1) forget there how often they have gone through a loop.
    macro_rules! walk {
        ($($round:literal)*) => {
            const { assert!([$($round),*].len() == EXTENSION_MAX_CHAIN) };
            $(
                let _: u8 = $round;
                if !of.has(protocol) {
                    return Ok(protocol);
                }
                protocol = leave(frame, protocol)?;
            )*
        };
    }
    walk!(1 2 3 4 5 6 7 8);
    if of.has(protocol) {
        return Err(Reason::TooDeep);
    }
    Ok(protocol)
}

/// Leaves one extension header behind, and gives the protocol of what follows it.
#[inline(always)]
fn leave<S: Source>(frame: &mut Cursor<'_, S>, protocol: u8) -> Result<u8, Reason> {
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
    frame.settle();
    Ok(next)
}

/// Bytes of the extension header with that number and length field; 0 where the field is impossible.
#[inline(always)]
fn length(protocol: u8, field: u8) -> usize {
    let field = usize::from(field);
    match protocol {
        // The fixed fields alone are three words of four bytes, and the field leaves two of them out.
        AUTHENTICATION if field == 0 => 0,
        AUTHENTICATION => (field + 2) * 4,
        FRAGMENT => SHORTEST,
        _ => (field + 1) * 8,
    }
}
