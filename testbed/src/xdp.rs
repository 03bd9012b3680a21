//! XDP programs of a few instructions, assembled in place (RFC 9669): each gives every frame the same verdict.

use std::{
    cell::UnsafeCell,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
    time::Duration,
};

use anyhow::{Context as _, Result};

use crate::{bpf::call, test_run::xdp_md_of, veth::End};

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

/// `BPF_PROG_TEST_RUN`'s part of it.
#[repr(C)]
struct TestRun {
    prog_fd: u32,
    retval: u32,
    data_size_in: u32,
    data_size_out: u32,
    data_in: u64,
    data_out: u64,
    repeat: u32,
    duration: u32,
    ctx_size_in: u32,
    ctx_size_out: u32,
    ctx_in: u64,
    ctx_out: u64,
    flags: u32,
    cpu: u32,
    batch_size: u32,
    /// Without a field for it the padding would be any bytes, and the kernel wants zeros.
    padding: u32,
}

const BPF_PROG_LOAD: libc::c_long = 5;
const BPF_PROG_TEST_RUN: libc::c_long = 10;
const BPF_LINK_CREATE: libc::c_long = 28;
const BPF_XDP: u32 = 37;
const BPF_PROG_TYPE_XDP: u32 = 6;
const BPF_F_XDP_HAS_FRAGS: u32 = 1 << 5;
const BPF_F_TEST_XDP_LIVE_FRAMES: u32 = 1 << 1;

/// What a program says of every frame (`enum xdp_action` in linux/bpf.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// `XDP_PASS`.
    Pass = 2,
    /// `XDP_TX`.
    Transmit = 3,
}

/// Where a program runs (`XDP_FLAGS_*_MODE` in linux/if_link.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// In the network stack.
    Generic = 2,
    /// In the driver.
    Native = 4,
}

/// `r0 = verdict; exit`.
const fn end(verdict: Verdict) -> [u64; 2] {
    [(verdict as u64) << 32 | 0x0000_00b7, 0x0000_0000_0000_0095]
}

/// A loaded program.
#[derive(Debug)]
pub struct XdpProgram {
    program: OwnedFd,
}

impl XdpProgram {
    /// Loads a program of that name, of 15 bytes at most, for linear frames alone or for those of several buffers
    /// (`frags`), too.
    ///
    /// # Errors
    ///
    /// The process may not load programs, or the kernel knows no `frags` (before Linux 5.18).
    pub fn load(name: &str, verdict: Verdict, frags: bool) -> Result<Self> {
        Self::assemble(name, &end(verdict), frags)
    }

    /// The same, for a program that reads two bytes of the frame first, the destination port of a packet over IPv4
    /// without options, and looks whether they are 0.
    ///
    /// # Errors
    ///
    /// As above.
    pub fn load_reader(name: &str, verdict: Verdict, frags: bool) -> Result<Self> {
        let read = [
            0x0000_0000_0000_1261, // r2 = data
            0x0000_0000_0004_1361, // r3 = data_end
            0x0000_0000_0000_24bf, // r4 = r2
            0x0000_0026_0000_0407, // r4 += 38
            0x0000_0000_0002_342d, // if r4 > r3 goto +2
            0x0000_0000_0024_2569, // r5 = *(u16 *)(r2 + 36)
            0x0000_0000_0000_0515, // if r5 == 0 goto +0
        ];
        Self::assemble(name, &[&read[..], &end(verdict)].concat(), frags)
    }

    fn assemble(name: &str, instructions: &[u64], frags: bool) -> Result<Self> {
        let mut prog_name = [0; 16];
        prog_name[..name.len()].copy_from_slice(name.as_bytes());
        let attributes = ProgLoad {
            prog_type: BPF_PROG_TYPE_XDP,
            insn_cnt: instructions.len() as u32,
            insns: instructions.as_ptr() as u64,
            license: c"GPL".as_ptr() as u64,
            log_level: 0,
            log_size: 0,
            log_buf: 0,
            kern_version: 0,
            prog_flags: if frags { BPF_F_XDP_HAS_FRAGS } else { 0 },
            prog_name,
        };
        // SAFETY: what the attributes point to lives during the call.
        let fd = unsafe { call(BPF_PROG_LOAD, &attributes) }.context("cannot load a program")?;
        // SAFETY: the kernel has just handed the descriptor over.
        let program = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Self { program })
    }

    /// Its number in the kernel.
    ///
    /// # Errors
    ///
    /// There is no /proc.
    pub fn id(&self) -> Result<u32> {
        let fd = self.program.as_raw_fd();
        let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{fd}"))?;
        let id = info.lines().find_map(|line| line.strip_prefix("prog_id:"));
        Ok(id.context("no program id")?.trim().parse()?)
    }

    /// Attaches it by a link, and gives the link: the program goes with it.
    ///
    /// # Errors
    ///
    /// The interface is gone, or occupied.
    pub fn link(&self, end: &End<'_>, mode: Mode) -> Result<OwnedFd> {
        let attributes = LinkCreate {
            prog_fd: self.program.as_raw_fd() as u32,
            target_ifindex: end.index()?,
            attach_type: BPF_XDP,
            flags: mode as u32,
        };
        // SAFETY: the attributes hold numbers alone.
        let fd = end
            .netns
            .enter(|| unsafe { call(BPF_LINK_CREATE, &attributes) });
        // SAFETY: the kernel has just handed the descriptor over.
        Ok(unsafe { OwnedFd::from_raw_fd(fd.context("cannot make a link")?) })
    }

    /// Runs it `count` times on `frame`, `batch` frames at a time (256 at most), as if the interface with that index in
    /// the caller's network namespace had received them, and does what it says (`BPF_F_TEST_XDP_LIVE_FRAMES`, Linux
    /// 5.18): [`Verdict::Transmit`] sends them out of that interface. Over veth they are lost where the other end takes
    /// no XDP frames: it needs a native program, or GRO. Gives the time that the frames took, by the kernel's clock and
    /// in whole nanoseconds a frame: setting up and clearing up take milliseconds, and are left out.
    ///
    /// # Errors
    ///
    /// There is no such interface in this namespace, or the kernel has no live frames.
    pub fn run_live(
        &self,
        interface: u32,
        frame: &[u8],
        count: u32,
        batch: u32,
    ) -> Result<Duration> {
        let context = xdp_md_of(interface, u32::try_from(frame.len())?);
        let run = TestRun {
            repeat: count,
            flags: BPF_F_TEST_XDP_LIVE_FRAMES,
            batch_size: batch,
            ..self.test_run(frame, &context)
        };
        let attributes = UnsafeCell::new(run);
        // SAFETY: what the attributes point to lives during the call, and the kernel writes into their cell alone.
        unsafe { call(BPF_PROG_TEST_RUN, &attributes) }.context("cannot send live frames")?;
        let each = Duration::from_nanos(attributes.into_inner().duration.into());
        Ok(each * count)
    }

    /// Runs it once on `frame`, which `context`, a `struct xdp_md`, describes.
    ///
    /// # Errors
    ///
    /// The kernel takes no context here (before Linux 5.15), or not this one.
    pub fn run_with(&self, frame: &[u8], context: &[u8]) -> Result<()> {
        let attributes = UnsafeCell::new(self.test_run(frame, context));
        // SAFETY: as above.
        unsafe { call(BPF_PROG_TEST_RUN, &attributes) }.context("cannot run the program")?;
        Ok(())
    }

    fn test_run(&self, frame: &[u8], context: &[u8]) -> TestRun {
        TestRun {
            prog_fd: self.program.as_raw_fd() as u32,
            retval: 0,
            data_size_in: frame.len() as u32,
            data_size_out: 0,
            data_in: frame.as_ptr() as u64,
            data_out: 0,
            repeat: 1,
            duration: 0,
            ctx_size_in: context.len() as u32,
            ctx_size_out: 0,
            ctx_in: context.as_ptr() as u64,
            ctx_out: 0,
            flags: 0,
            cpu: 0,
            batch_size: 0,
            padding: 0,
        }
    }
}
