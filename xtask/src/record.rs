//! The text file beside the checked-in kernel object: what it was built from, and with what.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

/// What the kernel object is compiled from, apart from the packages of the lock file.
const SOURCES: [&str; 7] = [
    "portclass-common/Cargo.toml",
    "portclass-common/src",
    "portclass-ebpf/Cargo.toml",
    "portclass-ebpf/src",
    "xtask/src/btf.rs",
    "xtask/src/build_ebpf.rs",
    "xtask/src/finish.rs",
];
/// The packages of the lock file that the kernel object is compiled from.
const PACKAGES: [&str; 3] = ["aya-ebpf", "aya-log-common", "aya-log-ebpf"];

/// The value of `key` in a file of `key: value` lines.
pub fn value<'text>(record: &'text str, key: &str) -> Option<&'text str> {
    record
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find_map(|(name, value)| (name == key).then_some(value))
}

/// The SHA-256 of some bytes, in hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

/// The SHA-256 of everything in the workspace at `root` that decides about the kernel object.
///
/// # Errors
///
/// A file cannot be read.
pub fn source_digest(root: &Path) -> Result<String> {
    let mut files = Vec::new();
    for source in SOURCES {
        collect(&root.join(source), &mut files)?;
    }
    files.sort();
    let mut digest = Sha256::new();
    for file in files {
        let content = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let name = file.strip_prefix(root)?.to_string_lossy();
        digest.update(format!("{name} {}\n", content.len()));
        digest.update(content);
    }
    let lock = fs::read_to_string(root.join("Cargo.lock")).context("cannot read Cargo.lock")?;
    for package in locked_packages(&lock) {
        digest.update(package);
    }
    Ok(format!("{:x}", digest.finalize()))
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            collect(&entry?.path(), files)?;
        }
    } else {
        files.push(path.to_owned());
    }
    Ok(())
}

/// The lock file's paragraphs about the packages that the object is compiled from.
fn locked_packages(lock: &str) -> impl Iterator<Item = &str> {
    lock.split("[[package]]").filter(|paragraph| {
        let name = paragraph
            .lines()
            .find_map(|line| line.strip_prefix("name = "));
        name.is_some_and(|name| {
            PACKAGES
                .iter()
                .any(|package| name.trim_matches('"').starts_with(package))
        })
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{locked_packages, source_digest, value};

    #[test]
    fn a_value_is_found_by_its_whole_key() {
        let record = "sources: 12\nobject: 34\nrustc: rustc 1.96.0 (abc: def)\n";
        assert_eq!(value(record, "object"), Some("34"));
        assert_eq!(value(record, "rustc"), Some("rustc 1.96.0 (abc: def)"));
        assert_eq!(value(record, "obj"), None);
    }

    #[test]
    fn only_kernel_side_packages_of_the_lock_file_count() {
        let lock = "version = 4\n\n[[package]]\nname = \"aya\"\n\n[[package]]\nname = \"aya-ebpf-macros\"\nversion = \"0.2\"\n";
        let packages: Vec<&str> = locked_packages(lock).collect();
        assert_eq!(
            packages,
            ["\nname = \"aya-ebpf-macros\"\nversion = \"0.2\"\n"]
        );
    }

    #[test]
    fn a_renamed_file_a_changed_byte_and_another_version_change_the_digest() {
        let root = tempfile::tempdir().expect("a directory");
        let root = root.path();
        for source in ["portclass-common/src", "portclass-ebpf/src", "xtask/src"] {
            fs::create_dir_all(root.join(source)).expect("a directory");
        }
        let write =
            |name: &str, content: &str| fs::write(root.join(name), content).expect("a file");
        write("portclass-common/Cargo.toml", "");
        write("portclass-ebpf/Cargo.toml", "");
        for tool in ["btf", "build_ebpf", "finish"] {
            write(&format!("xtask/src/{tool}.rs"), "");
        }
        write("portclass-ebpf/src/main.rs", "1");
        write(
            "Cargo.lock",
            "[[package]]\nname = \"aya-ebpf\"\nversion = \"1\"\n",
        );
        let digest = || source_digest(root).expect("a digest");
        let mut digests = vec![digest()];
        assert_eq!(digest(), digests[0]);
        write("portclass-ebpf/src/main.rs", "2");
        digests.push(digest());
        fs::rename(
            root.join("portclass-ebpf/src/main.rs"),
            root.join("portclass-ebpf/src/lib.rs"),
        )
        .expect("a file");
        digests.push(digest());
        write(
            "Cargo.lock",
            "[[package]]\nname = \"aya-ebpf\"\nversion = \"2\"\n",
        );
        digests.push(digest());
        digests.sort();
        digests.dedup();
        assert_eq!(digests.len(), 4);
    }
}
