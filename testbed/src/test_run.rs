//! Contexts for `BPF_PROG_TEST_RUN`, as bytes of the kernel's structs (linux/bpf.h).

/// A `struct __sk_buff`: what a tc program is told of a packet beside its bytes.
#[derive(Clone, Copy, Debug)]
pub struct SkBuff {
    words: [u32; Self::SIZE / 4],
}

impl SkBuff {
    /// Bytes of the struct.
    pub const SIZE: usize = 192;
    const MARK: usize = 8;
    const WIRE_LENGTH: usize = 160;
    const SEGMENTS: usize = 164;
    const SEGMENT_SIZE: usize = 176;

    /// A packet with this many bytes on the wire. Without that number a test run tells 14 too few.
    pub const fn new(wire_length: u32) -> Self {
        Self {
            words: [0; Self::SIZE / 4],
        }
        .with(Self::WIRE_LENGTH, wire_length)
    }

    /// The same with that mark.
    #[must_use]
    pub const fn marked(self, mark: u32) -> Self {
        self.with(Self::MARK, mark)
    }

    /// The same, to be cut into `count` segments of `size` bytes each.
    #[must_use]
    pub const fn segmented(self, count: u32, size: u32) -> Self {
        self.with(Self::SEGMENTS, count)
            .with(Self::SEGMENT_SIZE, size)
    }

    /// The mark.
    pub const fn mark(&self) -> u32 {
        self.words[Self::MARK / 4]
    }

    /// As bytes.
    pub fn to_bytes(self) -> Vec<u8> {
        self.words.into_iter().flat_map(u32::to_ne_bytes).collect()
    }

    /// The struct that these bytes are.
    pub fn from_bytes(bytes: &[u8; Self::SIZE]) -> Self {
        let mut words = [0; Self::SIZE / 4];
        for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
            *word = u32::from_ne_bytes(*bytes);
        }
        Self { words }
    }

    const fn with(mut self, offset: usize, value: u32) -> Self {
        self.words[offset / 4] = value;
        self
    }
}

/// A `struct xdp_md` whose frame lies behind `metadata` bytes of metadata, `length` bytes in all.
pub fn xdp_md(metadata: u32, length: u32) -> Vec<u8> {
    xdp_md_words(metadata, length, 0)
}

/// A `struct xdp_md` of a frame of `length` bytes that the interface with that index has received.
pub fn xdp_md_of(interface: u32, length: u32) -> Vec<u8> {
    xdp_md_words(0, length, interface)
}

fn xdp_md_words(metadata: u32, length: u32, interface: u32) -> Vec<u8> {
    // data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex
    let words = [metadata, length, 0, interface, 0, 0];
    words.into_iter().flat_map(u32::to_ne_bytes).collect()
}
