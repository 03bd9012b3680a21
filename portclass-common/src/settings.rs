//! What the pinned maps say of themselves, and limits that both sides keep.

/// Version of the pinned maps' layout; a writer or reader of another version leaves them alone.
pub const LAYOUT_VERSION: u32 = 1;

/// Lines that the log of unlabelled frames may have per second and CPU.
pub const LOG_LINES_PER_SECOND: u32 = 10;

/// Bits of the load-time setting [`SWITCHES`](crate::names::SWITCHES).
pub mod switch {
    /// Unlabelled frames are logged.
    pub const LOG_UNLABELLED: u32 = 1;
    /// Tunnels are looked into.
    pub const DECAPSULATE: u32 = 1 << 1;
    /// A [`Tag`](crate::tag::Tag) is put in front of frames.
    pub const TAG_METADATA: u32 = 1 << 2;
    /// Eight bytes of metadata hold the frame's original length, in native byte order.
    pub const ORIGINAL_LENGTH: u32 = 1 << 3;
    /// From this bit on stands a [`Matching`](crate::labelling::Matching).
    pub const MATCHING_SHIFT: u32 = 8;
}

/// The one value of the `state` map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[repr(C)]
pub struct State {
    layout_version: u32,
    generation: u32,
    registry_date: u32,
    slots: u32,
    entries: u32,
    named_pairs: u32,
    layers: u32,
    pad: u32,
}

const _: () = assert!(size_of::<State>() == 32 && align_of::<State>() == 4);

/// What a [`State`] counts and remembers of the registry it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Contents {
    /// The registry's date as the decimal number `yyyymmdd`, 0 where unknown.
    pub registry_date: u32,
    /// Slots in use; the next new meaning gets this number.
    pub slots: u32,
    /// Entries of the `registry` map.
    pub entries: u32,
    /// Named (port, transport) pairs among them, any-transport ports left out.
    pub named_pairs: u32,
    /// Bits of the registry's layers, as user space numbers them.
    pub layers: u32,
}

impl State {
    /// A state of this layout version.
    pub const fn new(generation: u32, contents: Contents) -> Self {
        Self {
            layout_version: LAYOUT_VERSION,
            generation,
            registry_date: contents.registry_date,
            slots: contents.slots,
            entries: contents.entries,
            named_pairs: contents.named_pairs,
            layers: contents.layers,
            pad: 0,
        }
    }

    /// The layout version of whoever wrote the maps; 0 before anybody has filled them.
    pub const fn layout_version(&self) -> u32 {
        self.layout_version
    }

    /// Grows by one, wrapping, with every change of the `registry` map.
    pub const fn generation(&self) -> u32 {
        self.generation
    }

    /// Where the generation of a state stands, which others may write to at any moment.
    #[inline(always)]
    pub const fn generation_of(state: *const Self) -> *const u32 {
        state
            .wrapping_byte_add(core::mem::offset_of!(Self, generation))
            .cast()
    }

    /// Where the padding of a state stands, which is 0.
    #[inline(always)]
    pub const fn padding_of(state: *const Self) -> *const u32 {
        state
            .wrapping_byte_add(core::mem::offset_of!(Self, pad))
            .cast()
    }

    /// Counts and origin of the registry.
    pub const fn contents(&self) -> Contents {
        Contents {
            registry_date: self.registry_date,
            slots: self.slots,
            entries: self.entries,
            named_pairs: self.named_pairs,
            layers: self.layers,
        }
    }
}
