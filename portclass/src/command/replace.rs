//! Writing a file in one piece: whoever reads it sees the old one or the new one, and a failure leaves the old one.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, fchown},
    path::{Path, PathBuf},
};

use super::Failure;

/// Puts `bytes` in the place of the file at `path`, and keeps that file's owner and permissions where it may. What is no
/// file, such as a pipe or a terminal, is written to as it is.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    try_replace(path, bytes).map_err(|error| {
        // Its text may have the name of the file beside it that was to become this one.
        let why = match error.raw_os_error() {
            None if error.kind() != io::ErrorKind::Other => error.kind().into(),
            _ => error,
        };
        Failure::new(format!("{}: cannot write: {why}", path.display()))
    })
}

fn try_replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let path = followed(path)?;
    let before = fs::metadata(&path).ok();
    if before.as_ref().is_some_and(|before| !before.is_file()) {
        return OpenOptions::new().write(true).open(&path)?.write_all(bytes);
    }
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let make = |path: &Path| {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o666).open(path)
    };
    let mut file = tempfile::Builder::new()
        .prefix(".portclass-")
        .make_in(directory, make)?;
    file.write_all(bytes)?;
    if let Some(before) = before {
        // Only root may give a file away, and whoever may not keeps it.
        let _kept = fchown(file.as_file(), Some(before.uid()), Some(before.gid()));
        file.as_file().set_permissions(before.permissions())?;
    }
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|error| error.error)?;
    File::open(directory)?.sync_all()
}

/// What symbolic links lead to: that is replaced, not the link.
fn followed(path: &Path) -> io::Result<PathBuf> {
    const MAX_LINKS: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&path) {
            Ok(target) => path = path.parent().unwrap_or(Path::new("")).join(target),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}
