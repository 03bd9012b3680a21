//! Somebody else's XDP program: it passes every frame, and stays where it is attached.

use std::{os::fd::OwnedFd, process::Command};

use anyhow::{Context as _, Result, ensure};

use crate::{
    veth::End,
    xdp::{Mode, Verdict, XdpProgram},
};

/// The program's name.
pub const NAME: &str = "somebody_else";

/// A loaded program.
#[derive(Debug)]
pub struct ForeignProgram {
    program: XdpProgram,
}

impl ForeignProgram {
    /// Loads it.
    ///
    /// # Errors
    ///
    /// The process may not load programs.
    pub fn load() -> Result<Self> {
        let program = XdpProgram::load(NAME, Verdict::Pass, false)?;
        Ok(Self { program })
    }

    /// Attaches it in generic mode by a link, and gives the link: the program goes with it.
    ///
    /// # Errors
    ///
    /// The interface is gone, or occupied.
    pub fn link(&self, end: &End<'_>) -> Result<OwnedFd> {
        self.program.link(end, Mode::Generic)
    }

    /// Attaches it in generic mode as `ip link` does, without a link: it stays until it is taken off.
    ///
    /// # Errors
    ///
    /// `bpftool` is missing, or the interface is occupied.
    pub fn attach(&self, end: &End<'_>) -> Result<()> {
        let id = self.program.id()?.to_string();
        let mut command = Command::new("bpftool");
        command.args(["net", "attach", "xdpgeneric", "id", &id, "dev", &end.name]);
        let output = end
            .netns
            .output(&mut command)
            .context("cannot start bpftool (package bpftool)")?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "bpftool net attach: {}",
            error.trim()
        );
        Ok(())
    }
}
