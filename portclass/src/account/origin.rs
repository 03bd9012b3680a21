//! Where counters come from.

use serde::Serialize;

use super::InterfaceInfo;

/// Which way frames go, as the observed interface sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Frames that come in.
    Ingress,
    /// Frames that go out.
    Egress,
}

impl Direction {
    /// The name that reports use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }
}

/// Where a set of counters comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The number of the observed interface whose name the rows carry; `None` where they carry none.
    pub interface: Option<u32>,
    /// Which way the frames go.
    pub direction: Direction,
}

/// An origin by the name that its interface has now, in the order of rows that have all else in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place<'a> {
    direction: Direction,
    /// The number tells interfaces apart whose names are the same, in two network namespaces.
    interface: Option<(&'a str, u32)>,
}

impl<'a> Place<'a> {
    pub(super) fn new(origin: Origin, interfaces: &'a [InterfaceInfo]) -> Self {
        let interface = origin.interface.and_then(|index| {
            let info = interfaces.iter().find(|info| info.index == index)?;
            Some((info.name.as_str(), index))
        });
        Self {
            direction: origin.direction,
            interface,
        }
    }

    pub(super) const fn direction(self) -> Direction {
        self.direction
    }

    /// The interface's name, for a row.
    pub(super) fn interface(self) -> Option<String> {
        self.interface.map(|(name, _)| name.to_owned())
    }

    /// The interface's number, for a row.
    pub(super) fn interface_index(self) -> Option<u32> {
        self.interface.map(|(_, index)| index)
    }
}
