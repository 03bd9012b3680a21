//! A veth pair that live frames go over, from a core of our choice to a core of our choice.

use std::{io::Write as _, process::Command, thread::sleep, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::{
    fs::{Mode, OFlags},
    mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen},
    process::{Pid, setpriority_process},
    thread::{CpuSet, sched_setaffinity},
};
use testbed::{
    veth::{End, Veth},
    xdp::{Verdict, XdpProgram},
};

/// One run of frames.
pub struct Run {
    /// Frames sent.
    pub sent: u64,
    /// Frames that the driver has received.
    pub received: u64,
    took: Duration,
}

impl Run {
    /// Nanoseconds for each packet received.
    pub fn nanoseconds(&self) -> f64 {
        self.took.as_nanos() as f64 / self.received as f64
    }
}

/// A pair whose receiving end takes XDP frames.
pub struct Line<'veth> {
    veth: &'veth Veth<'veth>,
    transmit: XdpProgram,
    sender: u32,
    cpus: Vec<usize>,
    frame: &'veth [u8],
    batch: u32,
}

impl<'veth> Line<'veth> {
    /// Brings the pair up. Both ends run on one core: the receiving one is polled where the sending one has filled its
    /// queue.
    pub fn new(veth: &'veth Veth<'veth>, frame: &'veth [u8], batch: u32) -> Result<Self> {
        // With it the driver takes XDP frames, whether a program is attached or not.
        receive_offload(&veth.server)?;
        for end in [&veth.client, &veth.server] {
            // Without addresses, so that nothing else passes.
            end.set("up")?;
        }
        Ok(Self {
            veth,
            transmit: XdpProgram::load("transmit", Verdict::Transmit, false)?,
            sender: veth.client.index()?,
            cpus: crate::cpu::allowed()?,
            frame,
            batch,
        })
    }

    /// From now on a kernel thread on another core receives.
    pub fn spread(&mut self) -> Result<()> {
        let &[_, other, ..] = self.cpus.as_slice() else {
            bail!("there is one core alone");
        };
        let end = &self.veth.server;
        end.netns.enter(|| poll_in_thread(&end.name))?;
        bind(Some(polling_thread(&end.name)?), other)
            .context("cannot bind the driver's thread to a core")
    }

    /// Sends `count` frames and waits until the last one has been received or lost.
    pub fn send(&self, count: u32) -> Result<Run> {
        let Veth { client, server } = self.veth;
        let before = server.received()?;
        let took = client.netns.enter(|| -> Result<Duration> {
            bind(None, self.cpus[0])?;
            self.transmit
                .run_live(self.sender, self.frame, count, self.batch)
        })?;
        let received = settled(server, before + u64::from(count))? - before;
        ensure!(received > 0, "no frame has arrived");
        Ok(Run {
            sent: count.into(),
            received,
            took,
        })
    }
}

/// What the driver has received once it has `all`, or receives no more.
fn settled(end: &End<'_>, all: u64) -> Result<u64> {
    const PAUSE: Duration = Duration::from_millis(5);
    let mut last = end.received()?;
    while last < all {
        sleep(PAUSE);
        let now = end.received()?;
        if now == last {
            break;
        }
        last = now;
    }
    Ok(last)
}

fn receive_offload(end: &End<'_>) -> Result<()> {
    let mut command = Command::new("ethtool");
    command.args(["-K", &end.name, "gro", "on"]);
    let output = end
        .netns
        .output(&mut command)
        .context("cannot start ethtool (package ethtool)")?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "ethtool -K: {}", error.trim());
    Ok(())
}

/// Has a thread poll this interface of the caller's network namespace, by a sysfs of that namespace, which needs no place
/// in the tree of files.
fn poll_in_thread(interface: &str) -> Result<()> {
    let sysfs = fsopen("sysfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_create(&sysfs)?;
    let root = fsmount(
        &sysfs,
        FsMountFlags::FSMOUNT_CLOEXEC,
        MountAttrFlags::empty(),
    )?;
    let path = format!("class/net/{interface}/threaded");
    let file = rustix::fs::openat(root, path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())
        .context("this kernel polls in no thread (before Linux 5.12)")?;
    std::fs::File::from(file).write_all(b"1")?;
    Ok(())
}

/// The kernel's thread that polls this interface, which is named after it.
fn polling_thread(interface: &str) -> Result<Pid> {
    let prefix = format!("napi/{interface}-");
    for process in std::fs::read_dir("/proc")? {
        let process = process?;
        let Some(id) = process.file_name().to_str().and_then(|id| id.parse().ok()) else {
            continue;
        };
        // One that has ended meanwhile is not it.
        let Ok(name) = std::fs::read_to_string(process.path().join("comm")) else {
            continue;
        };
        if name.starts_with(&prefix) {
            return Pid::from_raw(id).context("a thread with the number 0");
        }
    }
    bail!("the driver's thread is not to be seen from here")
}

/// Binds a thread, or this one, to a core, ahead of whatever else wants it there.
fn bind(thread: Option<Pid>, cpu: usize) -> rustix::io::Result<()> {
    const FIRST: i32 = -20;
    let mut only = CpuSet::new();
    only.set(cpu);
    sched_setaffinity(thread, &only)?;
    setpriority_process(thread, FIRST)
}
