//! Writing a file in one piece: whoever reads it sees the old one or the new one, and a failure leaves the old one.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown},
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
    let Some(path) = followed(path)? else {
        return OpenOptions::new().append(true).open(path)?.write_all(bytes);
    };
    let before = fs::metadata(&path).ok();
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    // Nobody may read on the way what they may not read in the end.
    let mode = if before.is_some() { 0o600 } else { 0o666 };
    let make = |path: &Path| {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(mode).open(path)
    };
    let mut file = tempfile::Builder::new()
        .prefix(".portclass-")
        .make_in(directory, make)?;
    file.write_all(bytes)?;
    if let Some(before) = before {
        // Only root may give a file away, others to groups of theirs; where that is refused, the file is the writer's.
        let keeps_group = fchown(file.as_file(), None, Some(before.gid())).is_ok();
        let _kept = fchown(file.as_file(), Some(before.uid()), None);
        let rights = if keeps_group { 0o777 } else { 0o707 };
        let permissions = Permissions::from_mode(before.mode() & rights);
        file.as_file().set_permissions(permissions)?;
    }
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|error| error.error)?;
    // The file is in its place; not every directory can be told to remember that at once.
    let _synced = File::open(directory).and_then(|directory| directory.sync_all());
    Ok(())
}

/// The file that symbolic links lead to: that is replaced, not the link. `None` for what is no file, and for what is open
/// already, such as `/dev/stdout`.
fn followed(path: &Path) -> io::Result<Option<PathBuf>> {
    const MAX_LINKS: usize = 40;
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return Ok(None);
    }
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        if path.starts_with("/proc") || path.starts_with("/dev/fd") {
            return Ok(None);
        }
        match fs::read_link(&path) {
            Ok(target) => path = path.parent().unwrap_or(Path::new("")).join(target),
            Err(_) => return Ok(Some(path)),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}
