//! Somebody else's XDP program: it passes every frame, and stays where it is attached.

use std::{
    fs, io,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use crate::veth::End;

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

const BPF_PROG_LOAD: libc::c_long = 5;
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
        // SAFETY: the attributes and what they point to live during the call.
        let fd = unsafe {
            libc::syscall(
                libc::SYS_bpf,
                BPF_PROG_LOAD,
                &raw const attributes,
                size_of_val(&attributes),
            )
        };
        ensure!(
            fd >= 0,
            "cannot load a program: {}",
            io::Error::last_os_error()
        );
        // SAFETY: the kernel has just handed the descriptor over.
        let program = unsafe { OwnedFd::from_raw_fd(fd as i32) };
        Ok(Self { program })
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
