//! Somebody else's XDP program: it passes every frame, and stays where it is attached.

use std::{
    fs,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use crate::{bpf::call, veth::End};

/// `BPF_PROG_LOAD`'s part of `union bpf_attr`, up to the name (linux/bpf.h).
#[repr(C)]
struct ProgLoad {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buf: u64,
    kern_version: u32,
    prog_flags: u32,
    prog_name: [u8; 16],
}

/// `BPF_LINK_CREATE`'s part of it.
#[repr(C)]
struct LinkCreate {
    prog_fd: u32,
    target_ifindex: u32,
    attach_type: u32,
    flags: u32,
}

const BPF_PROG_LOAD: libc::c_long = 5;
const BPF_LINK_CREATE: libc::c_long = 28;
const BPF_XDP: u32 = 37;
const XDP_FLAGS_SKB_MODE: u32 = 2;
const BPF_PROG_TYPE_XDP: u32 = 6;
/// `r0 = XDP_PASS; exit` (RFC 9669).
const PASS: [u64; 2] = [0x0000_0002_0000_00b7, 0x0000_0000_0000_0095];

/// The program's name.
pub const NAME: &str = "somebody_else";

/// A loaded program.
#[derive(Debug)]
pub struct ForeignProgram {
    program: OwnedFd,
}

impl ForeignProgram {
    /// Loads it.
    ///
    /// # Errors
    ///
    /// The process may not load programs.
    pub fn load() -> Result<Self> {
        let mut prog_name = [0; 16];
        prog_name[..NAME.len()].copy_from_slice(NAME.as_bytes());
        let attributes = ProgLoad {
            prog_type: BPF_PROG_TYPE_XDP,
            insn_cnt: PASS.len() as u32,
            insns: PASS.as_ptr() as u64,
            license: c"GPL".as_ptr() as u64,
            log_level: 0,
            log_size: 0,
            log_buf: 0,
            kern_version: 0,
            prog_flags: 0,
            prog_name,
        };
        // SAFETY: what the attributes point to lives for the whole run of the process.
        let fd = unsafe { call(BPF_PROG_LOAD, &attributes) }.context("cannot load a program")?;
        // SAFETY: the kernel has just handed the descriptor over.
        let program = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Self { program })
    }

    /// Attaches it in generic mode by a link, and gives the link: the program goes with it.
    ///
    /// # Errors
    ///
    /// The interface is gone, or occupied.
    pub fn link(&self, end: &End<'_>) -> Result<OwnedFd> {
        let attributes = LinkCreate {
            prog_fd: self.program.as_raw_fd() as u32,
            target_ifindex: end.index()?,
            attach_type: BPF_XDP,
            flags: XDP_FLAGS_SKB_MODE,
        };
        // SAFETY: the attributes hold numbers alone.
        let fd = end
            .netns
            .enter(|| unsafe { call(BPF_LINK_CREATE, &attributes) });
        // SAFETY: the kernel has just handed the descriptor over.
        Ok(unsafe { OwnedFd::from_raw_fd(fd.context("cannot make a link")?) })
    }

    /// Attaches it in generic mode as `ip link` does, without a link: it stays until it is taken off.
    ///
    /// # Errors
    ///
    /// `bpftool` is missing, or the interface is occupied.
    pub fn attach(&self, end: &End<'_>) -> Result<()> {
        let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", self.program.as_raw_fd()))?;
        let id = info
            .lines()
            .find_map(|line| line.strip_prefix("prog_id:"))
            .context("no program id")?;
        let mut command = Command::new("bpftool");
        command.args([
            "net",
            "attach",
            "xdpgeneric",
            "id",
            id.trim(),
            "dev",
            &end.name,
        ]);
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
