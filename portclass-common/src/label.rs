//! What a frame is labelled with: a slot and its class.

use crate::{port::PortKey, transport::Transport};

/// Number of slots at most: a slot travels as a `u16`, and one value stays free for "none".
pub const MAX_SLOTS: u32 = 65_535;

/// Bytes of a service name in the `services` map, NUL padding included.
pub const NAME_CAPACITY: usize = 60;

/// The class of a frame: labelled, or the reason why it is not.
///
/// The discriminants are the class codes of tags and of the `registry` map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Class {
    /// The frame carries a service's name.
    Labelled = 0,
    /// A port from [`FIRST_DYNAMIC`](crate::port::FIRST_DYNAMIC) up that is not in the registry.
    Dynamic = 1,
    /// A port below the Dynamic ones without a named row.
    Unassigned = 2,
    /// A port that the registry calls reserved.
    Reserved = 3,
    /// A port that the registry sets aside for private use.
    PrivateUse = 4,
    /// A port whose assignment was taken back.
    Withdrawn = 5,
    /// A non-first fragment: its ports are in another frame.
    Fragment = 6,
    /// An IP protocol without ports.
    Protocol = 7,
    /// A frame that carries no IP packet.
    NonIp = 8,
    /// A header that does not fit in the frame or in the IP length.
    Truncated = 9,
    /// A field contradicts its protocol.
    Malformed = 10,
    /// More tags or extension headers than the parser follows.
    TooDeep = 11,
}

impl Class {
    /// All classes, each at the position of its code.
    pub const ALL: [Self; 12] = [
        Self::Labelled,
        Self::Dynamic,
        Self::Unassigned,
        Self::Reserved,
        Self::PrivateUse,
        Self::Withdrawn,
        Self::Fragment,
        Self::Protocol,
        Self::NonIp,
        Self::Truncated,
        Self::Malformed,
        Self::TooDeep,
    ];

    /// The class with that code.
    pub fn of_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// The name that reports use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Labelled => "labelled",
            Self::Dynamic => "dynamic",
            Self::Unassigned => "unassigned",
            Self::Reserved => "reserved",
            Self::PrivateUse => "private-use",
            Self::Withdrawn => "withdrawn",
            Self::Fragment => "fragment",
            Self::Protocol => "protocol",
            Self::NonIp => "non-ip",
            Self::Truncated => "truncated",
            Self::Malformed => "malformed",
            Self::TooDeep => "too-deep",
        }
    }
}

/// A value of the `registry` map: the slot that counts the frames of a key, and the slot's class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Label {
    slot: u16,
    class: u8,
    pad: u8,
}

const _: () = assert!(size_of::<Label>() == 4 && align_of::<Label>() == 2);

impl Label {
    /// The label of `slot`, which is below [`MAX_SLOTS`].
    pub const fn new(slot: u16, class: Class) -> Self {
        Self {
            slot,
            class: class as u8,
            pad: 0,
        }
    }

    /// The label that these bytes are, in native byte order: a value of the map that was read in one piece.
    #[inline(always)]
    pub const fn of_bytes([low, high, class, pad]: [u8; 4]) -> Self {
        Self {
            slot: u16::from_ne_bytes([low, high]),
            class,
            pad,
        }
    }

    /// Position in the `services` map.
    #[inline(always)]
    pub const fn slot(self) -> u16 {
        self.slot
    }

    /// The code of a [`Class`].
    #[inline(always)]
    pub const fn class_code(self) -> u8 {
        self.class
    }
}

/// A value of the `services` map: what a slot means. It never changes for the life of the map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct Service {
    name: [u8; NAME_CAPACITY],
    port: u16,
    transport: u8,
    class: u8,
}

const _: () = assert!(size_of::<Service>() == 64 && align_of::<Service>() == 2);

impl Service {
    /// The meaning of a slot; `None` when `name` holds a NUL or leaves no room for one.
    pub fn new(name: &str, port: u16, transport: Transport, class: Class) -> Option<Self> {
        if name.len() >= NAME_CAPACITY || name.contains('\0') {
            return None;
        }
        let mut padded = [0; NAME_CAPACITY];
        padded[..name.len()].copy_from_slice(name.as_bytes());
        Some(Self {
            name: padded,
            port,
            transport: transport.protocol(),
            class: class as u8,
        })
    }

    /// The service's canonical name; empty for reserved, private-use and withdrawn ports, and for bytes that are no
    /// UTF-8.
    pub fn name(&self) -> &str {
        let length = self
            .name
            .iter()
            .position(|&byte| byte == 0)
            .unwrap_or(NAME_CAPACITY);
        core::str::from_utf8(&self.name[..length]).unwrap_or_default()
    }

    /// The port, in host byte order.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The transport, or `None` for a slot that was never filled.
    pub const fn transport(&self) -> Option<Transport> {
        Transport::of_protocol(self.transport)
    }

    /// The class, or `None` for a code that this version does not know.
    pub fn class(&self) -> Option<Class> {
        Class::of_code(self.class)
    }

    /// The key under which the `registry` map holds this service, or `None` for a slot that was never filled.
    pub fn key(&self) -> Option<PortKey> {
        Some(PortKey::new(self.port, self.transport()?))
    }
}

#[cfg(test)]
mod tests {
    use super::{Class, NAME_CAPACITY, Service};
    use crate::transport::Transport;

    #[test]
    fn every_class_is_found_by_its_code() {
        for class in Class::ALL {
            assert_eq!(Class::of_code(class as u8), Some(class));
        }
        assert_eq!(Class::of_code(12), None);
    }

    #[test]
    fn a_service_gives_back_what_it_was_made_of() {
        let service =
            Service::new("domain", 53, Transport::Udp, Class::Labelled).expect("the name is short");
        assert_eq!(service.name(), "domain");
        assert_eq!(service.port(), 53);
        assert_eq!(service.transport(), Some(Transport::Udp));
        assert_eq!(service.class(), Some(Class::Labelled));
    }

    #[test]
    fn a_name_without_room_for_its_nul_is_refused() {
        let longest = [b'a'; NAME_CAPACITY - 1];
        let longest = core::str::from_utf8(&longest).expect("letters");
        let service = Service::new(longest, 1, Transport::Tcp, Class::Labelled).expect("fits");
        assert_eq!(service.name(), longest);
        let too_long = [b'a'; NAME_CAPACITY];
        let too_long = core::str::from_utf8(&too_long).expect("letters");
        assert_eq!(
            Service::new(too_long, 1, Transport::Tcp, Class::Labelled),
            None
        );
        assert_eq!(
            Service::new("a\0b", 1, Transport::Tcp, Class::Labelled),
            None
        );
    }
}
