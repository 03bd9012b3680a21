//! Whatever the bytes, reading them ends, and what was read can be written and read again.

#![no_main]

mod read;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| read::read(bytes, portclass::registry::Format::Csv));
