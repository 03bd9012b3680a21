//! The order of service rows.

use std::cmp::Reverse;

use super::ServiceRow;

/// The order of service rows; ties go by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// Most bytes first.
    #[default]
    Bytes,
    /// Most packets first.
    Packets,
    /// Most bits a second first; without rates, most bytes first.
    Rate,
    /// By name.
    Name,
    /// By lowest port.
    Port,
}

impl Sort {
    /// `services` come by name, transport, direction and interface, and sorting is stable.
    pub(super) fn apply(self, services: &mut [ServiceRow]) {
        match self {
            Self::Bytes => services.sort_by_key(|row| Reverse(row.bytes)),
            Self::Packets => services.sort_by_key(|row| Reverse(row.packets)),
            Self::Rate => {
                services.sort_by_key(|row| Reverse(row.bytes));
                let rate = |row: &ServiceRow| row.rates.map_or(0.0, |rates| rates.bits_per_second);
                services.sort_by(|one, other| rate(other).total_cmp(&rate(one)));
            }
            Self::Name => {}
            Self::Port => services.sort_by_key(|row| row.ports.first().map(|row| row.port)),
        }
    }
}
