//! What some kernels have and others lack, found out by trying: versions do not tell, since distributions backport.

use std::{cell::UnsafeCell, fmt, io::Write as _};

use anyhow::Result;

use crate::{
    bpf::call,
    netns::Netns,
    test_run::xdp_md,
    xdp::{Verdict, XdpProgram},
};

/// Something that tests need and that came after Linux 5.10.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    /// XDP programs for frames in several buffers.
    MultiBuffer,
    /// Test runs of XDP programs with a context, and so with metadata.
    XdpContext,
    /// tcx, the hook at tc that has links.
    Tcx,
}

impl Feature {
    /// The version that brought it, and the kernel's commit.
    const fn since(self) -> &'static str {
        match self {
            Self::MultiBuffer => "Linux 5.18, c2f2cdbeffda",
            Self::XdpContext => "Linux 5.15, 47316f4a3053",
            Self::Tcx => "Linux 6.6, e420bed02507",
        }
    }

    /// Whether this kernel has it.
    pub fn is_there(self) -> bool {
        match self {
            Self::MultiBuffer => XdpProgram::load("multi_buffer", Verdict::Pass, true).is_ok(),
            Self::XdpContext => {
                let frame = [0; 64];
                XdpProgram::load("context", Verdict::Pass, false)
                    .and_then(|program| program.run_with(&frame, &xdp_md(8, 64)))
                    .is_ok()
            }
            Self::Tcx => has_tcx(),
        }
    }

    /// Whether this kernel has it; where it has not, says on standard error that `test` is skipped.
    pub fn is_there_or_skips(self, test: &str) -> bool {
        let is_there = self.is_there();
        if !is_there {
            skip(test, format_args!("this kernel has no {self}"));
        }
        is_there
    }
}

/// What the verifier of Linux 6.17 says of programs by processes without CAP_PERFMON that jump to where it wants to have
/// speculation end (kernel commit d6f1c85f2253 brought that; 6.16 and 6.18 take the same programs).
pub const VERIFIER_BUG: &str = "verifier bug: speculation barrier after jump instruction";

/// Says on standard error that `test` is skipped, and why: past the test harness, which keeps back what a passing test
/// prints.
pub fn skip(test: &str, why: impl fmt::Display) {
    let line = format!("SKIPPED {test}: {why}\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// Whether this kernel has interfaces of that kind (`ip link help`), which lie upon others; where it has not, says on
/// standard error that `test` is skipped.
///
/// # Errors
///
/// There is no namespace to try it in.
pub fn has_kind_or_skips(kind: &str, test: &str) -> Result<bool> {
    let netns = Netns::new()?;
    netns.ip("link add name below type veth peer name other")?;
    let has = netns
        .ip(&format!("link add link below name above type {kind}"))
        .is_ok();
    if !has {
        skip(
            test,
            format_args!("this kernel has no interfaces of type {kind}"),
        );
    }
    Ok(has)
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::MultiBuffer => "multi-buffer XDP",
            Self::XdpContext => "contexts for test runs of XDP",
            Self::Tcx => "tcx",
        };
        write!(f, "{name} ({})", self.since())
    }
}

/// Whether the kernel can say what is attached by tcx to the loopback interface of this namespace.
fn has_tcx() -> bool {
    /// `BPF_PROG_QUERY`'s part of `union bpf_attr` (linux/bpf.h).
    #[repr(C)]
    struct ProgQuery {
        target_ifindex: u32,
        attach_type: u32,
        query_flags: u32,
        attach_flags: u32,
        prog_ids: u64,
        count: u32,
        padding: u32,
    }
    const BPF_PROG_QUERY: libc::c_long = 16;
    const BPF_TCX_INGRESS: u32 = 46;
    const LOOPBACK: u32 = 1;
    let attributes = ProgQuery {
        target_ifindex: LOOPBACK,
        attach_type: BPF_TCX_INGRESS,
        query_flags: 0,
        attach_flags: 0,
        prog_ids: 0,
        count: 0,
        padding: 0,
    };
    let attributes = UnsafeCell::new(attributes);
    // SAFETY: the attributes hold numbers alone, and the kernel writes into their cell.
    unsafe { call(BPF_PROG_QUERY, &attributes) }.is_ok()
}
