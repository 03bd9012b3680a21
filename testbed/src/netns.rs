//! Network namespaces without a name: nothing refers to them but this process, so nothing of them outlives it.

use std::{
    fs::File,
    io,
    os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd},
    panic::resume_unwind,
    path::PathBuf,
    process::{Child, Command, Output},
    thread,
};

use anyhow::{Context as _, Result, ensure};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe};

/// A network namespace of its own; it ends with the last process, socket or descriptor in it.
#[derive(Debug)]
pub struct Netns {
    namespace: OwnedFd,
}

impl Netns {
    /// A new namespace, whose loopback interface is up.
    ///
    /// # Errors
    ///
    /// The process may not make one (it takes CAP_SYS_ADMIN), or `ip` is missing.
    pub fn new() -> Result<Self> {
        let namespace = on_thread(|| -> Result<OwnedFd> {
            // SAFETY: this thread ends here, no other shares its network namespace, and no file is concerned.
            unsafe { unshare_unsafe(UnshareFlags::NEWNET) }
                .context("cannot make a network namespace")?;
            Ok(File::open("/proc/thread-self/ns/net")?.into())
        })?;
        let netns = Self { namespace };
        netns.ip("link set lo up")?;
        Ok(netns)
    }

    /// Runs a closure inside, on a thread of its own, and gives back its result.
    ///
    /// Sockets that it opens and processes that it starts stay inside.
    ///
    /// # Panics
    ///
    /// When the closure does, or when the process may not enter the namespace that it has made.
    pub fn enter<T: Send>(&self, run: impl FnOnce() -> T + Send) -> T {
        on_thread(|| {
            move_into_link_name_space(self.namespace.as_fd(), Some(LinkNameSpaceType::Network))
                .expect("a namespace can be entered by the process that made it");
            run()
        })
    }

    /// Starts a process inside.
    ///
    /// # Errors
    ///
    /// Those of [`Command::spawn`].
    pub fn spawn(&self, command: &mut Command) -> io::Result<Child> {
        self.enter(|| command.spawn())
    }

    /// Runs a process inside to its end and gives back what it wrote.
    ///
    /// # Errors
    ///
    /// Those of [`Command::output`].
    pub fn output(&self, command: &mut Command) -> io::Result<Output> {
        self.enter(|| command.output())
    }

    /// Runs `ip` inside with these arguments, separated by blanks, and gives back its standard output.
    ///
    /// # Errors
    ///
    /// `ip` is missing or does not exit with status 0.
    pub fn ip(&self, arguments: &str) -> Result<String> {
        let output = self
            .output(Command::new("ip").args(arguments.split_ascii_whitespace()))
            .context("cannot start ip (package iproute2)")?;
        ensure!(
            output.status.success(),
            "ip {arguments}: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(String::from_utf8(output.stdout)?)
    }

    /// A path for `nsenter --net=PATH` and `ip link set X netns PATH`, valid as long as this value lives.
    pub fn path(&self) -> PathBuf {
        format!(
            "/proc/{}/fd/{}",
            std::process::id(),
            self.namespace.as_raw_fd()
        )
        .into()
    }
}

impl AsFd for Netns {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.namespace.as_fd()
    }
}

pub(crate) fn on_thread<T: Send>(run: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let result = scope.spawn(run).join();
        result.unwrap_or_else(|panic| resume_unwind(panic))
    })
}
