//! What the registry says of a port.

use portclass_common::{label::Class, port::FIRST_DYNAMIC};
use serde::Serialize;

/// The standing of a port (RFC 6335 section 6, and what the registry's rows say in words).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It has a service name.
    Assigned,
    /// Not to be assigned.
    Reserved,
    /// Free to be assigned.
    Unassigned,
    /// Set aside for "any private" service of a kind.
    PrivateUse,
    /// Assigned once, and taken back.
    Withdrawn,
    /// Below the Dynamic ports, and without a row.
    NotListed,
    /// A Dynamic port without a row.
    Dynamic,
}

impl Status {
    /// The status that the description of a row without a name gives.
    pub(super) fn of_description(description: &str) -> Self {
        let description = description.to_ascii_lowercase();
        let starts_with = |words: &[&str]| words.iter().any(|word| description.starts_with(word));
        if starts_with(&["reserved", "iana reserved"]) {
            Self::Reserved
        } else if starts_with(&["unassigned", "(unassigned)"]) {
            Self::Unassigned
        } else if starts_with(&["any private"]) {
            Self::PrivateUse
        } else {
            Self::Withdrawn
        }
    }

    /// The status of a port without any row.
    pub(super) const fn of_unlisted(port: u16) -> Self {
        if port >= FIRST_DYNAMIC {
            Self::Dynamic
        } else {
            Self::NotListed
        }
    }

    /// The class of frames to such a port, where the kernel needs an entry to know it.
    pub(super) const fn class(self) -> Option<Class> {
        match self {
            Self::Assigned => Some(Class::Labelled),
            Self::Reserved => Some(Class::Reserved),
            Self::PrivateUse => Some(Class::PrivateUse),
            Self::Withdrawn => Some(Class::Withdrawn),
            Self::Unassigned | Self::NotListed | Self::Dynamic => None,
        }
    }

    /// The name that reports use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Assigned => "assigned",
            Self::Reserved => "reserved",
            Self::Unassigned => "unassigned",
            Self::PrivateUse => "private-use",
            Self::Withdrawn => "withdrawn",
            Self::NotListed => "not-listed",
            Self::Dynamic => "dynamic",
        }
    }
}
