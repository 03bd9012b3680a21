//! Where the bytes of a registry come from: a file, or the copy inside the binary.

use std::{borrow::Cow, fs::File, io::Read as _, path::Path};

use super::RegistryError;

/// A file larger than this is refused.
pub const MAX_FILE_BYTES: u64 = 64 << 20;

/// A file with more records than this is refused.
pub const MAX_RECORDS: usize = 1_000_000;

/// The shipped registry, byte for byte as IANA published it.
const SHIPPED: &[u8] = include_bytes!("../../data/service-names-port-numbers.csv");

/// The day that IANA published the shipped registry; the file itself bears no date.
pub(super) const SHIPPED_DATE: &str = "2024-06-12";

/// The bytes of the file at `path`, or of the shipped registry, and a name for messages.
pub(super) fn read(path: Option<&Path>) -> Result<(String, Cow<'static, [u8]>), RegistryError> {
    let Some(path) = path else {
        return Ok(("the shipped registry".to_owned(), Cow::Borrowed(SHIPPED)));
    };
    let unreadable = |why| RegistryError::Unreadable {
        path: path.to_owned(),
        why,
    };
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::with_capacity(
        file.metadata()
            .map_or(0, |metadata| metadata.len().min(MAX_FILE_BYTES)) as usize,
    );
    file.take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    let name = path.display().to_string();
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(RegistryError::TooLarge { file: name });
    }
    Ok((name, Cow::Owned(bytes)))
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::SHIPPED;

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
}
