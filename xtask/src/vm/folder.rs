//! A run's own folder in the cache.

use std::{
    fs::{self, File},
    path::Path,
};

use anyhow::Result;
use tempfile::TempDir;

/// What the names of such folders begin with, and the file in each that its process holds locked.
const PREFIX: &str = "run-";
const LOCK: &str = "lock";

/// A folder that goes with this value; after a process that was killed, with the next run.
pub struct RunFolder {
    folder: TempDir,
    _lock: File,
}

impl RunFolder {
    /// Makes one in `cache`, and removes those that nobody holds any more.
    ///
    /// # Errors
    ///
    /// The system refuses.
    pub fn new(cache: &Path) -> Result<Self> {
        remove_left(cache)?;
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(cache)?;
        let lock = File::create(folder.path().join(LOCK))?;
        lock.lock()?;
        Ok(Self {
            folder,
            _lock: lock,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

fn remove_left(cache: &Path) -> Result<()> {
    for folder in fs::read_dir(cache)?.flatten() {
        let name = folder.file_name();
        if !name.as_encoded_bytes().starts_with(PREFIX.as_bytes()) {
            continue;
        }
        // One without the file is just being made.
        let lock = File::open(folder.path().join(LOCK));
        if lock.is_ok_and(|lock| lock.try_lock().is_ok()) {
            fs::remove_dir_all(folder.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::RunFolder;

    #[test]
    fn the_next_run_removes_what_one_that_was_killed_has_left_and_no_other() {
        let cache = tempfile::tempdir().expect("a folder");
        let left = cache.path().join("run-killed");
        fs::create_dir(&left).expect("a folder");
        fs::write(left.join("lock"), "").expect("a file");
        let kernels = cache.path().join("kernels");
        fs::create_dir(&kernels).expect("a folder");
        let running = RunFolder::new(cache.path()).expect("a folder");
        assert!(!left.exists() && kernels.exists());
        let next = RunFolder::new(cache.path()).expect("a folder");
        assert!(running.path().exists() && next.path() != running.path());
        let path = next.path().to_owned();
        drop(next);
        assert!(!path.exists() && running.path().exists());
    }
}
