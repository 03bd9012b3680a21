//! A BPF file system of one's own, in a mount namespace that nothing but this process refers to.

use std::{fs::File, os::fd::OwnedFd, process::Command};

use anyhow::{Context as _, Result, ensure};
use rustix::{
    fd::AsFd as _,
    thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe},
};

use crate::netns::on_thread;

/// Where it is mounted, as on any host.
pub const MOUNT_POINT: &str = "/sys/fs/bpf";

/// A mount namespace with an empty BPF file system at [`MOUNT_POINT`]; pins in it end with this value.
#[derive(Debug)]
pub struct Bpffs {
    namespace: OwnedFd,
}

impl Bpffs {
    /// A new one.
    ///
    /// # Errors
    ///
    /// The process may not make one (it takes CAP_SYS_ADMIN), or the kernel has no BPF file system.
    pub fn new() -> Result<Self> {
        let namespace = on_thread(|| -> Result<OwnedFd> {
            // SAFETY: this thread ends here, and no other shares its view of the file systems.
            unsafe { unshare_unsafe(UnshareFlags::NEWNS) }
                .context("cannot make a mount namespace")?;
            mount(&["--make-rprivate", "/"])?;
            mount(&["-t", "bpf", "bpf", MOUNT_POINT])?;
            Ok(File::open("/proc/thread-self/ns/mnt")?.into())
        })?;
        Ok(Self { namespace })
    }

    /// Runs a closure inside, on a thread of its own, and gives back its result. Processes that it starts stay
    /// inside; a network namespace can be entered within.
    ///
    /// # Panics
    ///
    /// When the closure does, or when the process may not enter the namespace that it has made.
    pub fn enter<T: Send>(&self, run: impl FnOnce() -> T + Send) -> T {
        on_thread(|| {
            // SAFETY: a thread that shares its root and working directory may not change its mount namespace, and
            // this one's are nobody else's business.
            unsafe { unshare_unsafe(UnshareFlags::FS) }
                .expect("a thread may have a root of its own");
            move_into_link_name_space(self.namespace.as_fd(), Some(LinkNameSpaceType::Mount))
                .expect("a namespace can be entered by the process that made it");
            run()
        })
    }
}

fn mount(arguments: &[&str]) -> Result<()> {
    let output = Command::new("mount")
        .args(arguments)
        .output()
        .context("cannot start mount")?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "mount {}: {}",
        arguments.join(" "),
        error.trim()
    );
    Ok(())
}
