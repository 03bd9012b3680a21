//! Whatever the frame, parsing it ends within it, a beginning of it gives nothing else than the whole, and it does not
//! matter where the bytes are read from.

#![no_main]

use portclass_common::packet::{
    LONGEST_HEADER, Linear, Link, Parsed, Reason, Source, Start, VLAN_MAX_DEPTH, parse, quick,
};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((&[choices, linear], frame)) = bytes.split_first_chunk() else {
        return;
    };
    let choices = usize::from(choices);
    let start = Start {
        link: [Link::Ethernet, Link::Ip][choices % 2],
        tags_taken: choices / 2 % (VLAN_MAX_DEPTH + 1),
    };
    let decapsulate = [false, true][choices / (2 * (VLAN_MAX_DEPTH + 1)) % 2];
    // An allocation of just this size lets the sanitizer see a read beyond the end.
    let frame: Box<[u8]> = frame.into();
    let whole = parse(Linear::new(&frame), start, decapsulate);
    check(&frame, start, decapsulate, &whole);
    if start.link == Link::Ethernet
        && !decapsulate
        && let Some(flow) = quick(&mut Linear::new(&frame))
    {
        assert_eq!(whole.outcome(), Ok(flow));
    }
    let copied = parse(Copying::new(&frame), start, decapsulate);
    assert_eq!(copied, whole);
    // Most of what a frame says, it says in its first bytes.
    let length = usize::from(linear).min(frame.len());
    let beginning: Box<[u8]> = frame[..length].into();
    let part = parse(Linear::beginning(&beginning), start, decapsulate);
    assert!(part.outcome() == Err(Reason::Truncated) || part == whole);
});

fn check(frame: &[u8], start: Start, decapsulate: bool, whole: &Parsed) {
    assert!(!matches!(
        whole.outcome(),
        Err(Reason::Dynamic(_) | Reason::Unassigned(_))
    ));
    let is_in_a_tunnel = whole.tunnels.iter().next().is_some();
    if decapsulate && !is_in_a_tunnel {
        assert_eq!(parse(Linear::new(frame), start, false), *whole);
    }
    assert!(decapsulate || !is_in_a_tunnel);
    if let Ok(flow) = whole.outcome() {
        let ports = [flow.source.to_be_bytes(), flow.destination.to_be_bytes()].concat();
        assert!(frame[..whole.offset].ends_with(&ports));
    }
}

/// Copies every header into the same few bytes, as a helper of the kernel does.
struct Copying<'frame> {
    frame: &'frame [u8],
    header: [u8; LONGEST_HEADER],
}

impl<'frame> Copying<'frame> {
    fn new(frame: &'frame [u8]) -> Self {
        Self {
            frame,
            header: [0; LONGEST_HEADER],
        }
    }
}

impl Source for Copying<'_> {
    fn read<const N: usize>(&mut self, offset: usize) -> Option<&[u8; N]> {
        // What was read before is gone.
        self.header.fill(0xa5);
        let bytes = self.frame.get(offset..offset.checked_add(N)?)?;
        let header = self.header.first_chunk_mut()?;
        header.copy_from_slice(bytes);
        Some(header)
    }

    fn reaches(&self, length: usize) -> bool {
        length <= self.frame.len()
    }

    fn is_whole(&self) -> bool {
        true
    }
}
