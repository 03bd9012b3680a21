//! Kernels that can be had, and the cache of those that have been.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};

use super::{apt::Apt, version::Version};
use crate::{
    exec::{exec, find},
    interrupt::Interrupt,
};

/// What the names of the packages begin and end with. The kernels for clouds have all drivers that a virtual machine needs,
/// and are a quarter as large as the others.
const PREFIX: &str = "linux-image-";
const SUFFIX: &str = "-cloud-amd64";

/// The folder for kernels in the cache, and what the names of those begin with that are not complete.
const KERNELS: &str = "kernels";
const PARTIAL: &str = "partial-";

/// The oldest series that portclass is for.
pub const OLDEST: [u64; 2] = [5, 10];

/// What can be had, for one process at a time.
pub struct Kernels {
    apt: Apt,
    cache: PathBuf,
    /// Oldest first.
    versions: Vec<Version>,
    /// Versions that mirrors have a part of.
    partial: Vec<Version>,
    _lock: File,
}

impl Kernels {
    /// Asks apt, and keeps everything in `cache`. Waits as long as another process has such a list.
    ///
    /// # Errors
    ///
    /// apt fails, or knows no kernels, or this process is interrupted.
    pub fn list(cache: &Path, interrupt: &Interrupt) -> Result<Self> {
        let lock = lock(cache, interrupt)?;
        remove_partial(&cache.join(KERNELS))?;
        let apt = Apt::open(cache.join("apt"))?;
        let packages = apt.packages(PREFIX)?;
        // Collections have the series alone: linux-image-6.12-cloud-amd64.
        let of_package = |package: &String| {
            let text = package.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
            Version::new(text)
                .filter(|version| text.matches('.').count() > 1 && *version.series() >= OLDEST[..])
        };
        let mut versions: Vec<Version> = packages.iter().filter_map(of_package).collect();
        versions.sort();
        ensure!(
            !versions.is_empty(),
            "apt knows no kernels: is there a network?"
        );
        let depends = apt.dependencies(&versions.iter().map(package).collect::<Vec<_>>())?;
        let is_whole = |depends: &Vec<String>| !depends.iter().any(|name| is_missing_part(name));
        let mut whole = depends.iter().map(is_whole);
        let (versions, partial): (Vec<_>, Vec<_>) = versions
            .into_iter()
            .partition(|_| whole.next().unwrap_or_default());
        ensure!(
            !versions.is_empty(),
            "mirrors lack a part of every kernel that apt knows"
        );
        Ok(Self {
            apt,
            cache: cache.join(KERNELS),
            versions,
            partial,
            _lock: lock,
        })
    }

    /// Every version, oldest first, and whether it is in the cache.
    pub fn all(&self) -> impl Iterator<Item = (&Version, bool)> {
        let is_cached = |version: &Version| self.folder(version).exists();
        self.versions
            .iter()
            .map(move |version| (version, is_cached(version)))
    }

    /// Versions whose packages are not all to be had.
    pub fn partial(&self) -> &[Version] {
        &self.partial
    }

    /// The newest version of each series, oldest first.
    pub fn newest_of_each_series(&self) -> Vec<Version> {
        let chunks = self
            .versions
            .chunk_by(|one, other| one.series() == other.series());
        chunks.filter_map(|series| series.last().cloned()).collect()
    }

    /// The newest version that `name` is the beginning of.
    ///
    /// # Errors
    ///
    /// There is none; the message lists what there is.
    pub fn named(&self, name: &str) -> Result<Version> {
        let found = self.versions.iter().rev().find(|version| version.is(name));
        found.cloned().with_context(|| {
            let newest: Vec<String> = self
                .newest_of_each_series()
                .iter()
                .map(Version::to_string)
                .collect();
            format!(
                "no kernel {name:?}; the newest ones are {} (all of them: cargo xtask vm --list)",
                newest.join(", ")
            )
        })
    }

    fn folder(&self, version: &Version) -> PathBuf {
        self.cache.join(version.to_string())
    }

    /// The kernel, fetched unless it is in the cache.
    ///
    /// # Errors
    ///
    /// It cannot be fetched or unpacked.
    pub fn fetch(&self, version: &Version) -> Result<Kernel> {
        let folder = self.folder(version);
        if !folder.exists() {
            fs::create_dir_all(&self.cache)
                .with_context(|| format!("cannot make {}", self.cache.display()))?;
            // It gets its name once it is complete, and one that never is goes.
            let partial = tempfile::Builder::new()
                .prefix(PARTIAL)
                .tempdir_in(&self.cache)?;
            self.unpack(version, partial.path())?;
            fs::rename(partial.path(), &folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
        }
        Kernel::in_folder(&folder)
    }

    fn unpack(&self, version: &Version, folder: &Path) -> Result<()> {
        let mut packages = vec![package(version)];
        let parts = self.apt.dependencies(&packages)?.concat();
        packages.extend(parts.into_iter().filter(|name| is_part(name)));
        self.apt.unpack(&packages, folder)?;
        let kernel = Kernel::in_folder(folder)?;
        exec(
            Command::new(find("depmod").context("depmod is missing (package kmod)")?)
                .arg("--basedir")
                .arg(&kernel.base)
                .arg(&kernel.release),
        )
    }
}

/// apt and the folders below `cache` are for one process at a time.
fn lock(cache: &Path, interrupt: &Interrupt) -> Result<File> {
    /// Between two attempts.
    const PAUSE: Duration = Duration::from_millis(100);
    let path = cache.join("lock");
    let cannot = || format!("cannot lock {}", path.display());
    let file = File::create(&path).with_context(cannot)?;
    let mut is_waiting = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(why)) => return Err(why).with_context(cannot),
        }
        if !is_waiting {
            eprintln!("xtask: waiting for another process to fetch its kernels");
            is_waiting = true;
        }
        interrupt.check()?;
        thread::sleep(PAUSE);
    }
}

/// Removes what processes that were killed have left of the kernels they were unpacking.
fn remove_partial(kernels: &Path) -> io::Result<()> {
    let Ok(folders) = fs::read_dir(kernels) else {
        return Ok(());
    };
    for folder in folders.flatten() {
        if folder
            .file_name()
            .as_encoded_bytes()
            .starts_with(PARTIAL.as_bytes())
        {
            fs::remove_dir_all(folder.path())?;
        }
    }
    Ok(())
}

fn package(version: &Version) -> String {
    format!("{PREFIX}{version}{SUFFIX}")
}

/// Whether a package is a part of a kernel's: newer ones are divided.
fn is_part(name: &str) -> bool {
    let parts = ["linux-binary-", "linux-modules-"];
    parts.iter().any(|part| name.starts_with(part))
}

/// Whether it is one that no list has.
fn is_missing_part(name: &str) -> bool {
    name.strip_prefix('<').is_some_and(is_part)
}

/// An unpacked kernel.
pub struct Kernel {
    /// What `uname -r` says.
    pub release: String,
    /// The file that is booted.
    pub image: PathBuf,
    /// The folder that has `lib/modules`.
    base: PathBuf,
}

impl Kernel {
    fn in_folder(folder: &Path) -> Result<Self> {
        let bases = [folder.to_owned(), folder.join("usr")];
        for base in bases {
            let Ok(releases) = fs::read_dir(base.join("lib/modules")) else {
                continue;
            };
            let Some(release) = releases.flatten().next() else {
                continue;
            };
            let release = release.file_name().to_string_lossy().into_owned();
            let images = [
                folder.join(format!("boot/vmlinuz-{release}")),
                base.join(format!("lib/modules/{release}/vmlinuz")),
            ];
            if let Some(image) = images.into_iter().find(|image| image.exists()) {
                return Ok(Self {
                    release,
                    image,
                    base,
                });
            }
        }
        bail!(
            "{}: there is no kernel in this folder; remove it",
            folder.display()
        );
    }

    /// The folder of its modules, and those of its files that these modules and all that they need lie in, relative to it.
    /// Modules that the kernel does not have, or has inside, are left out.
    ///
    /// # Errors
    ///
    /// `depmod`'s list cannot be read.
    pub fn modules(&self, names: &[&str]) -> Result<(PathBuf, Vec<PathBuf>)> {
        let folder = self.base.join("lib/modules").join(&self.release);
        let list = folder.join("modules.dep");
        let list = fs::read_to_string(&list)
            .with_context(|| format!("{}; remove its folder", list.display()))?;
        let mut files: Vec<PathBuf> = names
            .iter()
            .flat_map(|name| with_dependencies(&list, name))
            .map(PathBuf::from)
            .collect();
        files.sort();
        files.dedup();
        Ok((folder, files))
    }
}

/// A module's file and those of the modules it depends on, all in one line of `modules.dep` (modules.dep(5)).
fn with_dependencies<'list>(list: &'list str, name: &str) -> Vec<&'list str> {
    let is_of = |file: &str| {
        let stem = file
            .rsplit('/')
            .next()
            .and_then(|file| file.split('.').next());
        stem.is_some_and(|stem| stem.replace('-', "_") == name.replace('-', "_"))
    };
    let found = list.lines().find_map(|line| {
        let (file, others) = line.split_once(':')?;
        is_of(file).then(|| std::iter::once(file).chain(others.split_ascii_whitespace()))
    });
    found.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::with_dependencies;

    #[test]
    fn a_module_brings_those_it_depends_on() {
        let list = "kernel/net/veth.ko:\nkernel/net/cls_bpf.ko.xz: kernel/net/a.ko.xz kernel/b-c.ko\nkernel/b-c.ko:\n";
        assert_eq!(
            with_dependencies(list, "cls_bpf"),
            [
                "kernel/net/cls_bpf.ko.xz",
                "kernel/net/a.ko.xz",
                "kernel/b-c.ko"
            ]
        );
        assert_eq!(with_dependencies(list, "b_c"), ["kernel/b-c.ko"]);
        assert!(with_dependencies(list, "eth").is_empty());
    }
}
