//! Whatever the bytes, reading them ends, at the end or at an error, and no frame is more than what the file holds.

#![no_main]

use portclass::capture::{Capture, CaptureError};

/// The longest header that a frame gets in place of a shorter one.
const REBUILT: usize = 14;

fn read(bytes: &[u8]) -> Result<(), CaptureError> {
    let mut capture = Capture::open(bytes)?;
    let mut before = 0;
    let end = loop {
        match capture.next() {
            Ok(Some(frame)) => {
                let held = frame.bytes.len();
                assert!(frame.original_length + REBUILT as u64 >= held as u64);
                let position = capture.position();
                assert!((held as u64) < position - before + REBUILT as u64);
                before = position;
                assert!(before <= bytes.len() as u64);
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    assert!(capture.next().is_ok_and(|frame| frame.is_none()));
    if end.is_ok() {
        assert_eq!(capture.position(), bytes.len() as u64);
    }
    end
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Err(error) = read(bytes) {
        assert!(error.offset() <= bytes.len() as u64, "{error}");
        assert!(error.to_string().starts_with("byte "));
    }
});
