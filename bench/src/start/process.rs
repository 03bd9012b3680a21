//! A `portclass run`, watched from outside.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, ChildStderr, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde::Serialize;
use testbed::netns::Netns;

/// What of a process is resident, in MiB.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Memory {
    /// At its peak.
    pub peak_mib: f64,
    /// Now.
    pub resident_mib: f64,
    /// Now, without pages of files, such as the program itself.
    pub anonymous_mib: f64,
}

/// A process that has attached. It is killed when this goes.
pub struct Run {
    child: Child,
    /// It holds the pipe open, so that a process that says something more is not killed for it.
    stderr: BufReader<ChildStderr>,
    /// From before it was made until it had said that it had attached everywhere.
    pub attached: Duration,
}

impl Run {
    /// Starts `portclass run` with these arguments, separated by blanks, and waits until it has attached to that many
    /// interfaces.
    pub fn start(netns: &Netns, arguments: &str, interfaces: usize, stdout: Stdio) -> Result<Self> {
        let mut command = Command::new(program()?);
        command
            .arg("run")
            .args(arguments.split_ascii_whitespace())
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(Stdio::piped());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PORTCLASS_") {
                command.env_remove(name);
            }
        }
        netns.enter(|| {
            let start = Instant::now();
            let mut child = command.spawn()?;
            let stderr = child.stderr.take().context("it has no stderr")?;
            let mut run = Self {
                child,
                stderr: BufReader::new(stderr),
                attached: Duration::ZERO,
            };
            let mut said = String::new();
            while said.matches("attached to ").count() < interfaces {
                let read = run.stderr.read_line(&mut said)?;
                ensure!(read > 0, "it ended before it had attached: {said}");
            }
            run.attached = start.elapsed();
            Ok(run)
        })
    }

    /// What it writes, if it writes to a pipe.
    pub fn stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// CPU time that it has taken so far, that of threads that have ended included.
    pub fn cpu(&self) -> Result<Duration> {
        cpu_time(self.child.id())
    }

    /// What of it is resident.
    pub fn memory(&self) -> Result<Memory> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let mib = |name: &str| -> Result<f64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kib = line
                .and_then(|line| line.strip_suffix("kB"))
                .with_context(|| format!("no {name} in status"))?;
            Ok(kib.trim().parse::<f64>()? / 1_024.0)
        };
        Ok(Memory {
            peak_mib: mib("VmHWM:")?,
            resident_mib: mib("VmRSS:")?,
            anonymous_mib: mib("RssAnon:")?,
        })
    }

    /// Ends it, and says how long that took.
    pub fn end(mut self) -> Result<Duration> {
        let start = Instant::now();
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let status = self.child.wait()?;
        ensure!(status.success(), "portclass run: {status}");
        Ok(start.elapsed())
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The release binary, which the same command builds.
fn program() -> Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name("portclass");
    ensure!(
        program.exists(),
        "{} is missing; build it: cargo build --release --package portclass",
        program.display()
    );
    Ok(program)
}

/// The clock of a process, which counts in nanoseconds where /proc/PID/stat counts in ticks.
fn cpu_time(process: u32) -> Result<Duration> {
    let mut clock = 0;
    // SAFETY: the pointer is that of a variable that lives during the call.
    let error = unsafe { libc::clock_getcpuclockid(process.try_into()?, &raw mut clock) };
    ensure!(error == 0, "no clock of process {process}: error {error}");
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: as above.
    let result = unsafe { libc::clock_gettime(clock, &raw mut time) };
    if result != 0 {
        return Err(std::io::Error::last_os_error()).context("cannot read a process's clock");
    }
    Ok(Duration::new(
        time.tv_sec.try_into()?,
        time.tv_nsec.try_into()?,
    ))
}
