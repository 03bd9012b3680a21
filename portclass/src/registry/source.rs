//! Where the bytes of a registry come from: a file, a pipe, or the copy inside the binary.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::Path,
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use super::{RegistryError, format::TELLING};

/// A file larger than this is refused.
pub const MAX_FILE_BYTES: u64 = 64 << 20;

/// A file with more records than this is refused.
pub const MAX_RECORDS: usize = 1_000_000;

/// The shipped registry, byte for byte as IANA published it.
pub(super) const SHIPPED: &[u8] = include_bytes!("../../data/service-names-port-numbers.csv");

/// The day that IANA published the shipped registry; the file itself bears no date.
pub(super) const SHIPPED_DATE: &str = "2024-06-12";

/// The name of the shipped registry in messages and answers.
pub const SHIPPED_NAME: &str = "the shipped registry";

/// The bytes of the file at `path`. A pipe or device whose start does not look `promising` is read no further.
pub(super) fn read(
    path: &Path,
    promising: impl Fn(&[u8]) -> bool,
) -> Result<Vec<u8>, RegistryError> {
    let unreadable = |why| RegistryError::Unreadable {
        path: path.to_owned(),
        why,
    };
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(unreadable(io::ErrorKind::IsADirectory.into()));
    }
    let too_large = || RegistryError::TooLarge {
        file: path.display().to_string(),
    };
    if metadata.len() > MAX_FILE_BYTES {
        return Err(too_large());
    }
    let bytes = if metadata.is_file() {
        let mut bytes = Vec::with_capacity(metadata.len() as usize);
        let file = File::open(path).map_err(unreadable)?;
        file.take(MAX_FILE_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
        bytes
    } else {
        read_stream(path, promising)?
    };
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(too_large());
    }
    Ok(bytes)
}

/// Reads a pipe or a device. Opening one may last as long as nobody writes to it, and so may reading, so a thread does
/// both, and is left alone when nothing comes.
fn read_stream(path: &Path, promising: impl Fn(&[u8]) -> bool) -> Result<Vec<u8>, RegistryError> {
    const PATIENCE: Duration = Duration::from_secs(5);
    const WHOLE: Duration = Duration::from_secs(60);
    let end = Instant::now() + WHOLE;
    let (send, chunks) = mpsc::sync_channel::<io::Result<Vec<u8>>>(1);
    let named = path.to_owned();
    thread::spawn(move || {
        let mut file = match File::open(named) {
            Ok(file) => file,
            Err(why) => return drop(send.send(Err(why))),
        };
        loop {
            let mut chunk = vec![0; TELLING];
            let read = file.read(&mut chunk);
            let is_last = !matches!(read, Ok(1..));
            let sent = send.send(read.map(|length| {
                chunk.truncate(length);
                chunk
            }));
            if sent.is_err() || is_last {
                return;
            }
        }
    });
    let mut bytes = Vec::new();
    loop {
        let left = end.saturating_duration_since(Instant::now());
        match chunks.recv_timeout(PATIENCE.min(left)) {
            Ok(Ok(chunk)) => {
                let told_before = bytes.len() >= TELLING;
                bytes.extend_from_slice(&chunk);
                let tells_now = !told_before && bytes.len() >= TELLING;
                if tells_now && !promising(&bytes) || bytes.len() as u64 > MAX_FILE_BYTES {
                    return Ok(bytes);
                }
            }
            Ok(Err(why)) => {
                return Err(RegistryError::Unreadable {
                    path: path.to_owned(),
                    why,
                });
            }
            Err(RecvTimeoutError::Timeout) => {
                return Err(RegistryError::Stalled {
                    path: path.to_owned(),
                    patience: PATIENCE,
                });
            }
            Err(RecvTimeoutError::Disconnected) => return Ok(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::{SHIPPED, SHIPPED_DATE};

    #[test]
    fn the_shipped_registry_is_byte_for_byte_what_iana_published() {
        assert_eq!(SHIPPED.len(), 1_145_585);
        let digest: String = Sha256::digest(SHIPPED)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(
            digest,
            "a86d10128fad2451b1a19e1924c94d21c5843535d9730bf5240f7eab78c5ec4b"
        );
    }

    #[test]
    fn the_shipped_registry_has_the_date_that_stands_beside_it() {
        let readme = include_str!("../../data/README.md");
        assert!(readme.contains(&format!("Published by IANA on **{SHIPPED_DATE}**")));
    }
}
