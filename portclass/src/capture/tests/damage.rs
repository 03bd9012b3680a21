//! Files that were cut or spoiled: always an end or an error with its offset, whatever the bytes.

use proptest::{collection::vec, prelude::*, sample::Index};

use super::{
    CaptureError, Kept, MICROSECONDS, ORDERS, Order, PcapFile, PcapngFile, Slow, data, frames, read,
};
use crate::capture::MAX_RECORD_BYTES;

/// Small files with everything in them.
fn files() -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    for order in ORDERS {
        for link_type in [0, 1, 101, 108, 113, 276, 0x2400_0001] {
            let file = PcapFile::new(order, MICROSECONDS, link_type)
                .record(1514, &data(33))
                .record(0, &[])
                .record(3, &data(3));
            files.push(file.bytes);
        }
        let file = PcapngFile::new(order)
            .interface(1, 40)
            .enhanced(0, 1514, &data(33))
            .interface(276, 0)
            .block(5, &[&data(14)])
            .enhanced(1, 1514, &data(22))
            .simple(70, &data(40))
            .section(Order::Big)
            .interface(0, 0)
            .obsolete(0, 30, &data(30));
        let options = file.option(2, &[0, 0, 0, 0x82]);
        let file = file.enhanced_with(0, 60, &data(19), &options);
        files.push(file.bytes);
    }
    files
}

/// Offsets at which a whole record or block of the file ends, found without the reader.
fn boundaries(file: &[u8]) -> Vec<usize> {
    let number = |at: usize, is_big: bool| {
        let bytes = file[at..][..4].try_into().expect("four bytes");
        match is_big {
            true => u32::from_be_bytes(bytes),
            false => u32::from_le_bytes(bytes),
        }
    };
    let mut boundaries = Vec::new();
    if file.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]) {
        let (mut at, mut is_big) = (0, false);
        while at < file.len() {
            if number(at, true) == 0x0a0d_0d0a {
                is_big = file[at + 8] == 0x1a;
            }
            at += number(at + 4, is_big) as usize;
            boundaries.push(at);
        }
        return boundaries;
    }
    let is_big = file[0] == 0xa1;
    let mut at = 24;
    boundaries.push(at);
    while at < file.len() {
        at += 16 + number(at + 8, is_big) as usize;
        boundaries.push(at);
    }
    boundaries
}

#[test]
fn a_file_that_is_cut_anywhere_gives_what_was_whole_and_says_where_it_was_cut() {
    for file in files() {
        let whole = frames(&file);
        let boundaries = boundaries(&file);
        assert_eq!(boundaries.last(), Some(&file.len()));
        for length in 0..file.len() {
            let (frames, position, end) = read(&file[..length]);
            let whole: &[Kept] = &whole[..frames.len()];
            assert_eq!(frames, whole);
            let before = boundaries.iter().rev().find(|&&at| at <= length);
            let start = before.copied().unwrap_or_default();
            match end {
                Ok(()) => assert_eq!(start, length),
                Err(CaptureError::Empty) => assert_eq!(length, 0),
                Err(CaptureError::Cut {
                    offset,
                    claimed,
                    there,
                    ..
                }) => {
                    assert_eq!(offset, start as u64);
                    assert_eq!(there, (length - start) as u64);
                    assert!(claimed > there);
                    let next = boundaries.iter().find(|&&at| at > length);
                    let next = next.expect("the rest of the file") - start;
                    assert!(claimed <= next as u64);
                }
                Err(error) => panic!("{length}: {error}"),
            }
            assert!(position >= start as u64 || start == 0);
        }
    }
}

#[test]
fn a_cut_is_told_with_both_lengths() {
    let file = PcapFile::new(Order::Little, MICROSECONDS, 1)
        .record(60, &data(60))
        .bytes;
    for (length, message) in [
        (
            99,
            "byte 24: the file ends after 75 of the 76 bytes of this record; it was cut, or is still being written",
        ),
        (
            30,
            "byte 24: the file ends after 6 of the 16 bytes of this record header; it was cut, or is still being written",
        ),
        (
            5,
            "byte 0: the file ends after 5 of the 24 bytes of this file header; it was cut, or is still being written",
        ),
    ] {
        assert_eq!(super::error(&file[..length]), message);
    }
    let file = PcapngFile::new(Order::Little).block(9, &[&[0; 100]]).bytes;
    for length in [41, 137, 139] {
        let there = length - 28;
        let expected = format!(
            "byte 28: the file ends after {there} of the 112 bytes of this block; it was cut, or is still being written"
        );
        assert_eq!(super::error(&file[..length]), expected);
    }
}

/// Reads a file, and checks what holds for every file.
fn check(file: &[u8]) {
    let (frames, position, end) = read(file);
    let mut before = 0;
    for frame in &frames {
        assert!(frame.position > before && frame.position <= file.len() as u64);
        assert!(frame.bytes.len() <= MAX_RECORD_BYTES);
        before = frame.position;
    }
    match &end {
        Ok(()) => assert_eq!(position, file.len() as u64),
        Err(error) => assert!(error.offset() <= file.len() as u64, "{error}"),
    }
    let (slowly, _, slow_end) = read(Slow::new(file, 7));
    assert_eq!(slowly, frames);
    let shown = |end: Result<(), CaptureError>| end.map_err(|error| error.to_string());
    assert_eq!(shown(slow_end), shown(end));
}

proptest! {
    #[test]
    fn random_bytes_end(bytes in vec(any::<u8>(), 0..600), start in 0..6_usize) {
        let files = files();
        let header = [&[][..], &files[0][..24], &files[1][..24], &files[7][..48], &files[15][..28], &files[8][..24]];
        check(&[header[start], &bytes].concat());
    }

    #[test]
    fn spoiled_files_end(
        file in any::<Index>(),
        spoiled in vec((any::<Index>(), prop_oneof![any::<u8>(), Just(0), Just(0xff), Just(4)]), 1..6),
        cut in any::<Index>(),
    ) {
        let mut file = file.get(&files()).clone();
        for (at, value) in spoiled {
            let at = at.index(file.len());
            file[at] = value;
        }
        check(&file);
        file.remove(cut.index(file.len()));
        check(&file);
    }
}
