//! What a list shows a row of: services, reasons or tunnels, which are the same to the eye.

use std::cmp::Ordering;

use crate::account::{Direction, PortRow, Rates, Snapshot};

/// What a list is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Subject {
    #[default]
    Services,
    Reasons,
    Tunnels,
}

/// The order of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Most bits a second first.
    #[default]
    Bits,
    /// Most packets a second first.
    PacketRate,
    /// Most bytes first.
    Bytes,
    /// Most packets first.
    Packets,
    /// By name.
    Name,
    /// By lowest port.
    Port,
}

impl Order {
    pub(super) const fn next(self) -> Self {
        match self {
            Self::Bits => Self::PacketRate,
            Self::PacketRate => Self::Bytes,
            Self::Bytes => Self::Packets,
            Self::Packets => Self::Name,
            Self::Name => Self::Port,
            Self::Port => Self::Bits,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Bits => "bits/s",
            Self::PacketRate => "packets/s",
            Self::Bytes => "bytes",
            Self::Packets => "packets",
            Self::Name => "name",
            Self::Port => "port",
        }
    }

    /// Which of two rows comes first. What does not tell them apart is left to bytes and names, so that rows without any
    /// traffic keep their places.
    pub(super) fn compare(self, one: &Row<'_>, other: &Row<'_>) -> Ordering {
        let by_name = || one.identity().cmp(&other.identity());
        let by_bytes = || other.bytes.cmp(&one.bytes);
        let by_rate = |rate: fn(Rates) -> f64| {
            let rate = |row: &Row<'_>| row.rates.map_or(0.0, rate);
            rate(other).total_cmp(&rate(one))
        };
        match self {
            Self::Bits => by_rate(|rates| rates.bits_per_second).then_with(by_bytes),
            Self::PacketRate => by_rate(|rates| rates.packets_per_second).then_with(by_bytes),
            Self::Bytes => by_bytes(),
            Self::Packets => other.packets.cmp(&one.packets),
            Self::Name => Ordering::Equal,
            Self::Port => one.port().cmp(&other.port()),
        }
        .then_with(by_name)
    }
}

/// Tells the rows of all lists apart, and finds one again in the next snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Id {
    pub(super) subject: Subject,
    pub(super) name: String,
    pub(super) detail: Option<String>,
    pub(super) direction: Direction,
    pub(super) interface: Option<String>,
}

/// A row of a list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'snapshot> {
    pub(super) subject: Subject,
    /// The service's, the reason's or the tunnel's.
    pub(super) name: &'snapshot str,
    /// The transport, or what else a reason carries.
    pub(super) detail: Option<&'snapshot str>,
    pub(super) direction: Direction,
    pub(super) interface: Option<&'snapshot str>,
    pub(super) ports: &'snapshot [PortRow],
    pub(super) packets: u64,
    pub(super) bytes: u64,
    pub(super) rates: Option<Rates>,
}

impl<'snapshot> Row<'snapshot> {
    /// The rows of a list, in the snapshot's order.
    pub(super) fn all(snapshot: &'snapshot Snapshot, subject: Subject) -> Vec<Self> {
        match subject {
            Subject::Services => snapshot.services.iter().map(Self::of_service).collect(),
            Subject::Reasons => {
                let reasons = snapshot.unlabelled.iter();
                reasons
                    .map(|row| Self {
                        subject,
                        name: row.class,
                        detail: row.transport.or(row.detail.as_deref()),
                        direction: row.direction,
                        interface: row.interface.as_deref(),
                        ports: &[],
                        packets: row.packets,
                        bytes: row.bytes,
                        rates: row.rates,
                    })
                    .collect()
            }
            Subject::Tunnels => {
                let tunnels = snapshot.tunnels.iter().flatten();
                tunnels
                    .map(|row| Self {
                        subject,
                        name: row.service,
                        detail: row.transport,
                        direction: row.direction,
                        interface: row.interface.as_deref(),
                        ports: &[],
                        packets: row.packets,
                        bytes: row.bytes,
                        rates: row.rates,
                    })
                    .collect()
            }
        }
    }

    fn of_service(row: &'snapshot crate::account::ServiceRow) -> Self {
        Self {
            subject: Subject::Services,
            name: &row.service,
            detail: Some(row.transport),
            direction: row.direction,
            interface: row.interface.as_deref(),
            ports: &row.ports,
            packets: row.packets,
            bytes: row.bytes,
            rates: row.rates,
        }
    }

    pub(super) fn bits(&self) -> f64 {
        self.rates.map_or(0.0, |rates| rates.bits_per_second)
    }

    pub(super) fn id(&self) -> Id {
        Id {
            subject: self.subject,
            name: self.name.to_owned(),
            detail: self.detail.map(str::to_owned),
            direction: self.direction,
            interface: self.interface.map(str::to_owned),
        }
    }

    pub(super) fn is(&self, id: &Id) -> bool {
        self.subject == id.subject
            && self.name == id.name
            && self.detail == id.detail.as_deref()
            && self.direction == id.direction
            && self.interface == id.interface.as_deref()
    }

    fn port(&self) -> Option<u16> {
        self.ports.first().map(|row| row.port)
    }

    fn identity(&self) -> (&str, Option<&str>, Direction, Option<&str>) {
        (self.name, self.detail, self.direction, self.interface)
    }
}
