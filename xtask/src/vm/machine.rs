//! A virtual machine, from its start to its end.

use std::{
    fmt, fs, io,
    os::{
        fd::{AsFd as _, AsRawFd as _, BorrowedFd},
        unix::process::CommandExt as _,
    },
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use rustix::{
    process::{Signal, getpid, getppid, set_parent_process_death_signal},
    thread::{LinkNameSpaceType, move_into_link_name_space},
};

use super::nics::Nics;
use crate::interrupt::Interrupt;

/// QEMU's emulator of such machines.
const QEMU: &str = "qemu-system-x86_64";

/// The status that QEMU ends with when the machine's first process says 0, and 2 more for each more that it says
/// (`guest/src/power.rs`); a machine that panics ends with 0, and one that cannot be made with 1.
const SUCCESS: i32 = 33;

const POLL: Duration = Duration::from_millis(20);

/// How instructions are carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accelerator {
    /// One after the other, in software. Several threads would be faster, but a few of a hundred kernels panic then.
    Emulation,
    /// By the processor.
    Kvm,
}

impl fmt::Display for Accelerator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Emulation => "emulation",
            Self::Kvm => "KVM",
        })
    }
}

impl Accelerator {
    const fn options(self) -> [&'static str; 4] {
        match self {
            // What newer processors have beyond this one is slow where it is emulated.
            Self::Emulation => ["-accel", "tcg,thread=single", "-cpu", "Nehalem"],
            Self::Kvm => ["-accel", "kvm", "-cpu", "host"],
        }
    }
}

/// What a machine is started with.
pub struct Machine<'a> {
    pub accelerator: Accelerator,
    /// The kernel's image.
    pub kernel: &'a Path,
    /// The archive of its first file system.
    pub root: &'a Path,
    pub nics: Option<&'a Nics>,
    /// How long it may take.
    pub limit: Duration,
}

/// How a machine has ended.
#[derive(Debug)]
pub enum End {
    /// It has done its task, well.
    Well,
    /// It has done its task, with this status.
    Badly(i32),
    /// It has not come to its task's end: what happened.
    Broken(String),
}

impl Machine<'_> {
    /// Runs it to its end. The kernel's words go to `console`, those of the programs to `stdout` and `stderr`.
    ///
    /// # Errors
    ///
    /// It cannot be started, or this process is interrupted.
    pub fn run(
        &self,
        console: &Path,
        stdout: impl Into<Stdio>,
        stderr: impl Into<Stdio>,
        interrupt: &Interrupt,
    ) -> Result<End> {
        let mut command = self.command(console);
        command.stdin(Stdio::null()).stdout(stdout).stderr(stderr);
        let parent = getpid();
        let netns = self.nics.map(|nics| nics.netns().as_fd().as_raw_fd());
        // SAFETY: three system calls, which allocate nothing, on a descriptor that is open until the machine has ended.
        unsafe {
            command.pre_exec(move || {
                // Not even SIGKILL leaves a machine behind.
                set_parent_process_death_signal(Some(Signal::KILL))?;
                if getppid() != Some(parent) {
                    return Err(io::ErrorKind::BrokenPipe.into());
                }
                if let Some(netns) = netns {
                    let netns = BorrowedFd::borrow_raw(netns);
                    move_into_link_name_space(netns, Some(LinkNameSpaceType::Network))?;
                }
                Ok(())
            });
        }
        let child = command.spawn();
        let mut machine = Running(child.with_context(|| format!("cannot start {QEMU}"))?);
        let start = Instant::now();
        let status = loop {
            let status = machine.0.try_wait()?;
            // What ends this process by a key has ended QEMU as well.
            interrupt.check()?;
            if let Some(status) = status {
                break status;
            }
            if start.elapsed() > self.limit {
                let limit = self.limit.as_secs();
                return Ok(self.broken(&format!("not done within {limit} s")));
            }
            thread::sleep(POLL);
        };
        Ok(match status.code() {
            Some(SUCCESS) => End::Well,
            Some(code) if code > SUCCESS => End::Badly((code - SUCCESS) / 2),
            _ => self.broken(&format!("it went off before its task was done ({status})")),
        })
    }

    fn broken(&self, why: &str) -> End {
        End::Broken(match self.accelerator {
            Accelerator::Emulation => why.to_owned(),
            Accelerator::Kvm => format!("{why}; without --kvm the processor is emulated"),
        })
    }

    fn command(&self, console: &Path) -> Command {
        let mut command = Command::new(QEMU);
        command
            .args(self.accelerator.options())
            .args(["-smp", "2", "-m", "1G"])
            .args([
                "-nodefaults",
                "-no-user-config",
                "-no-reboot",
                "-display",
                "none",
            ])
            .args(["-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"])
            .arg("-serial")
            .arg(format!("file:{}", console.display()));
        for (name, descriptor) in [("out", 1), ("err", 2)] {
            let path = format!("file,id={name},path=/proc/self/fd/{descriptor},append=on");
            command.args(["-chardev", &path, "-serial", &format!("chardev:{name}")]);
        }
        if let Some(nics) = self.nics {
            command.args(nics.options());
        }
        command.arg("-kernel").arg(self.kernel);
        command.arg("-initrd").arg(self.root);
        // A kernel that panics goes off at once. What only hardens it takes a quarter of the time; mitigations as a whole stay
        // on, since the verifier asks for them.
        command.args([
            "-append",
            "console=ttyS0 quiet loglevel=4 panic=-1 pti=off spectre_v2=off init_on_alloc=0 hardened_usercopy=off",
        ]);
        command
    }
}

/// As many machines at a time as there are processors and room for.
pub fn machines_at_once() -> usize {
    /// What a machine of 1 GiB and its emulator take, in KiB.
    const ROOM: usize = 2 << 20;
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let available = memory.lines().find_map(|line| {
        let words = line.strip_prefix("MemAvailable:")?;
        words.split_ascii_whitespace().next()?.parse::<usize>().ok()
    });
    let room = available.map_or(processors, |available| available / ROOM);
    processors.min(room).max(1)
}

/// A machine that goes off when this value goes.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The last lines of a file, for whoever wants to know what went wrong.
pub fn last_lines(path: &Path, lines: usize) -> String {
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}
