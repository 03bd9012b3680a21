//! The program that the demo shows.

use std::{
    io::{self, BufRead as _, BufReader, Read, Write},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use testbed::netns::Netns;

use crate::{exec::print, interrupt::Interrupt};

/// What `portclass run` says on standard error once it counts.
const ATTACHED: &str = "portclass: attached to ";
const TO_ATTACH: Duration = Duration::from_secs(30);
const TO_END: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(5);

/// A running `portclass run`. It is ended and waited for when this value goes.
pub struct Subject {
    child: Child,
    stdout: Option<JoinHandle<(Vec<u8>, io::Result<()>)>>,
    attached: Receiver<()>,
}

impl Subject {
    /// Starts `program run` inside a namespace, with its own private maps.
    ///
    /// # Errors
    ///
    /// The program cannot be started.
    pub fn start(
        netns: &Netns,
        program: &Path,
        interface: &str,
        arguments: &[String],
    ) -> Result<Self> {
        let pins = format!("/sys/fs/bpf/portclass-demo-{}", std::process::id());
        let mut command = Command::new(program);
        command
            .args(["run", "--iface", interface, "--pin-dir", &pins])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // Options from the environment are for other runs.
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"PORTCLASS_") {
                command.env_remove(name);
            }
        }
        print(&command);
        let mut child = netns
            .spawn(&mut command)
            .with_context(|| format!("cannot start {}", program.display()))?;
        let stdout = child.stdout.take().context("no standard output")?;
        let stderr = child.stderr.take().context("no standard error")?;
        let (tell, attached) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                eprintln!("{line}");
                if line.starts_with(ATTACHED) {
                    // Nobody listens any more once one interface is attached.
                    let _ = tell.send(());
                }
            }
        });
        Ok(Self {
            child,
            stdout: Some(thread::spawn(move || tee(stdout))),
            attached,
        })
    }

    /// Waits until the program sees every frame that arrives.
    ///
    /// # Errors
    ///
    /// It ends, or takes too long, or the demo is interrupted.
    pub fn wait_until_attached(&mut self, interrupt: &Interrupt) -> Result<()> {
        let deadline = Instant::now() + TO_ATTACH;
        loop {
            match self.attached.recv_timeout(POLL) {
                Ok(()) => return Ok(()),
                Err(RecvTimeoutError::Disconnected) => {
                    bail!("portclass has ended without being attached")
                }
                Err(RecvTimeoutError::Timeout) => interrupt.check()?,
            }
            ensure!(
                Instant::now() < deadline,
                "portclass is not attached after {TO_ATTACH:?}"
            );
        }
    }

    /// Ends the program as Ctrl-C does, and gives back all that it has printed.
    ///
    /// # Errors
    ///
    /// It does not end, or ends with a failure, or prints no UTF-8.
    pub fn finish(&mut self) -> Result<String> {
        self.interrupt();
        let deadline = Instant::now() + TO_END;
        let status = loop {
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            ensure!(
                Instant::now() < deadline,
                "portclass has not ended after {TO_END:?}"
            );
            thread::sleep(POLL);
        };
        ensure!(status.success(), "portclass: {status}");
        let stdout = self
            .stdout
            .take()
            .context("the output has been taken before")?;
        let (printed, passed) = stdout.join().ok().context("the output was not read")?;
        passed.context("cannot write to stdout")?;
        Ok(String::from_utf8(printed)?)
    }

    fn interrupt(&mut self) {
        // Once it has been waited for, its number may be another process's.
        if let Ok(None) = self.child.try_wait() {
            // An error means that it has just ended by itself.
            let _ = kill_process(Pid::from_child(&self.child), Signal::INT);
        }
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        if self.finish().is_err() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Passes everything on, and keeps it. The error is that of passing it on.
fn tee(mut from: impl Read) -> (Vec<u8>, io::Result<()>) {
    let mut kept = Vec::new();
    let mut passed = Ok(());
    let mut buffer = [0; 4_096];
    let mut stdout = io::stdout();
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        kept.extend(&buffer[..length]);
        if passed.is_ok() {
            passed = stdout
                .write_all(&buffer[..length])
                .and_then(|()| stdout.flush());
        }
    }
    // A closed standard output is no reason to fail.
    let passed = passed.or_else(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Ok(()),
        _ => Err(error),
    });
    (kept, passed)
}
