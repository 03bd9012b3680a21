//! Where frames are counted: one row of counters a CPU, the reasons first, then the slots.

use crate::{
    label::Class,
    packet::{NonIp, Reason, Tunnel},
    transport::Transport,
};

/// Packets and bytes of one reason or slot on one CPU, both counting up from 0 and wrapping at 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[repr(C)]
pub struct Counter {
    packets: u64,
    bytes: u64,
}

const _: () = assert!(size_of::<Counter>() == 16 && align_of::<Counter>() == 8);

impl Counter {
    /// A counter that stands at these numbers.
    pub const fn new(packets: u64, bytes: u64) -> Self {
        Self { packets, bytes }
    }

    /// Frames counted.
    pub const fn packets(self) -> u64 {
        self.packets
    }

    /// Bytes of those frames, link-layer header included, FCS not.
    pub const fn bytes(self) -> u64 {
        self.bytes
    }

    /// Counts `packets` frames of `bytes` bytes together.
    #[inline(always)]
    pub const fn count(&mut self, packets: u64, bytes: u64) {
        self.packets = self.packets.wrapping_add(packets);
        self.bytes = self.bytes.wrapping_add(bytes);
    }

    /// The sum of two counters.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            packets: self.packets.wrapping_add(other.packets),
            bytes: self.bytes.wrapping_add(other.bytes),
        }
    }

    /// What was counted since `earlier`.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Self {
        Self {
            packets: self.packets.wrapping_sub(earlier.packets),
            bytes: self.bytes.wrapping_sub(earlier.bytes),
        }
    }
}

const TRANSPORTS: u32 = Transport::ALL.len() as u32;
const DYNAMIC: u32 = 0;
const UNASSIGNED: u32 = DYNAMIC + TRANSPORTS;
const TRUNCATED: u32 = UNASSIGNED + TRANSPORTS;
const MALFORMED: u32 = TRUNCATED + 1;
const TOO_DEEP: u32 = MALFORMED + 1;
const NON_IP: u32 = 32;
/// From here up to [`PROTOCOL`] stand counters of frames that another counter has, too.
const ASIDE: u32 = 128;
const TUNNEL: u32 = ASIDE;
const PROTOCOL: u32 = 256;
const FRAGMENT: u32 = PROTOCOL + 256;

/// The counter of slot 0; the counters below it belong to reasons.
pub const FIRST_SLOT: u32 = FRAGMENT + 256;

/// The counter of frames that got a metadata tag.
pub const TAGGED: u32 = TUNNEL + 16;

/// The counter of frames whose driver had no room for a metadata tag.
pub const UNTAGGED: u32 = TAGGED + 1;

const _: () = assert!(TOO_DEEP < NON_IP && NON_IP + NonIp::ALL.len() as u32 <= ASIDE);
const _: () = assert!(TUNNEL + Tunnel::ALL.len() as u32 <= TAGGED && UNTAGGED < PROTOCOL);

/// Whether the counter at `index` takes part in the totals, of which each frame is a part once.
pub const fn is_of_totals(index: u32) -> bool {
    index < ASIDE || index >= PROTOCOL
}

impl Tunnel {
    /// The position of this tunnel's counter, which takes no part in the totals.
    pub const fn counter_index(self) -> u32 {
        tunnel_counter_index(self as u32)
    }
}

/// The position of the counter of the tunnel at this position of [`Tunnel::ALL`].
#[inline(always)]
pub const fn tunnel_counter_index(position: u32) -> u32 {
    TUNNEL + position
}

impl Reason {
    /// The position of this reason's counter, below [`FIRST_SLOT`].
    #[inline(always)]
    pub const fn counter_index(self) -> u32 {
        match self {
            Self::Dynamic(transport) => DYNAMIC + transport.index(),
            Self::Unassigned(transport) => UNASSIGNED + transport.index(),
            Self::Fragment { protocol } => FRAGMENT + protocol as u32,
            Self::Protocol { protocol } => PROTOCOL + protocol as u32,
            Self::NonIp(kind) => NON_IP + kind as u32,
            Self::Truncated => TRUNCATED,
            Self::Malformed => MALFORMED,
            Self::TooDeep => TOO_DEEP,
        }
    }

    /// The reason whose counter stands at `index`, if one's does.
    pub fn at_counter(index: u32) -> Option<Self> {
        let transport = |first: u32| {
            let position = index.checked_sub(first)?;
            Transport::ALL.get(position as usize).copied()
        };
        if let Some(transport) = transport(DYNAMIC) {
            return Some(Self::Dynamic(transport));
        }
        if let Some(transport) = transport(UNASSIGNED) {
            return Some(Self::Unassigned(transport));
        }
        match index {
            TRUNCATED => Some(Self::Truncated),
            MALFORMED => Some(Self::Malformed),
            TOO_DEEP => Some(Self::TooDeep),
            NON_IP..ASIDE => NonIp::ALL
                .get((index - NON_IP) as usize)
                .map(|&kind| Self::NonIp(kind)),
            PROTOCOL..FRAGMENT => Some(Self::Protocol {
                protocol: (index - PROTOCOL) as u8,
            }),
            FRAGMENT..FIRST_SLOT => Some(Self::Fragment {
                protocol: (index - FRAGMENT) as u8,
            }),
            _ => None,
        }
    }

    /// The class that reports and tags give this reason.
    pub const fn class(self) -> Class {
        match self {
            Self::Dynamic(_) => Class::Dynamic,
            Self::Unassigned(_) => Class::Unassigned,
            Self::Fragment { .. } => Class::Fragment,
            Self::Protocol { .. } => Class::Protocol,
            Self::NonIp(_) => Class::NonIp,
            Self::Truncated => Class::Truncated,
            Self::Malformed => Class::Malformed,
            Self::TooDeep => Class::TooDeep,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ASIDE, Counter, FIRST_SLOT, NON_IP, PROTOCOL, TAGGED, UNTAGGED, is_of_totals};
    use crate::packet::{NonIp, Reason, Tunnel};

    #[test]
    fn reasons_and_slots_make_up_the_totals_and_nothing_else() {
        for index in 0..FIRST_SLOT + 10 {
            if Reason::at_counter(index).is_some() || index >= FIRST_SLOT {
                assert!(is_of_totals(index), "{index}");
            }
        }
        let aside = Tunnel::ALL.map(Tunnel::counter_index);
        for index in aside.into_iter().chain([TAGGED, UNTAGGED]) {
            assert!(
                !is_of_totals(index) && Reason::at_counter(index).is_none(),
                "{index}"
            );
        }
        for (tunnel, position) in Tunnel::ALL.into_iter().zip(ASIDE..) {
            assert_eq!(tunnel.counter_index(), position);
        }
    }

    #[test]
    fn every_reason_has_a_counter_of_its_own() {
        let known = (0..FIRST_SLOT)
            .filter_map(|index| Reason::at_counter(index).map(|reason| (index, reason)));
        let mut count = 0;
        for (index, reason) in known {
            assert_eq!(reason.counter_index(), index, "{reason:?}");
            count += 1;
        }
        assert_eq!(count, 4 + 4 + 3 + NonIp::ALL.len() + 256 + 256);
        assert_eq!(Reason::at_counter(FIRST_SLOT), None);
        assert_eq!(Reason::at_counter(NON_IP - 1), None);
        assert_eq!(Reason::at_counter(ASIDE), None);
        assert_eq!(Reason::at_counter(PROTOCOL - 1), None);
    }

    #[test]
    fn counters_add_and_subtract_across_the_wrap() {
        let mut counter = Counter::new(u64::MAX, u64::MAX - 59);
        let earlier = counter;
        counter.count(1, 60);
        assert_eq!(counter, Counter::new(0, 0));
        assert_eq!(counter.since(earlier), Counter::new(1, 60));
        assert_eq!(earlier.plus(Counter::new(1, 60)), counter);
    }
}
