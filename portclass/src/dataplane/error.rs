//! What the kernel refuses, in one line each, with the remedy.

use std::{
    error::Error,
    io,
    path::{Path, PathBuf},
};

use aya::{EbpfError, programs::ProgramError, sys::SyscallError};
use thiserror::Error;

use super::{AttachedProgram, Holder, Interface};

/// What takes privilege, takes this.
const PRIVILEGE: &str = "run it as root (sudo), or with CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON";

/// Why the kernel side cannot be set up.
#[derive(Debug, Error)]
pub enum DataplaneError {
    /// The kernel asks for more privilege.
    #[error("the kernel refuses BPF: {0}; {PRIVILEGE}")]
    Privilege(io::Error),
    /// The kernel has no `bpf()` system call.
    #[error("this kernel has no BPF: {0}; it needs CONFIG_BPF_SYSCALL and Linux 5.10 or later")]
    NoBpf(io::Error),
    /// The object cannot be loaded for another reason.
    #[error("cannot load the kernel side: {0}")]
    Object(String),
    /// The verifier rejects the program.
    #[error("the kernel rejects the program: {error}{}", last_line(.log))]
    Rejected {
        /// What the system call said.
        error: io::Error,
        /// What the verifier said.
        log: String,
    },
    /// The kernel has no way to read frames that this process may use.
    #[error(
        "without CAP_PERFMON frames are read by bpf_xdp_load_bytes, which this kernel lacks (Linux 5.18); run it as root (sudo), or with CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON"
    )]
    NoCopies,
    /// A map cannot be read or written.
    #[error("BPF map '{map}': {why}")]
    Map {
        /// The map's name.
        map: &'static str,
        /// What went wrong.
        why: String,
    },
    /// Pins that were there a moment ago have changed.
    #[error("{}: the pinned maps changed while they were being opened; try again", .0.display())]
    PinsChanged(PathBuf),
    /// The system does not let this process share a map's memory.
    #[error("cannot map the {map} into memory: {why}; {}", mapping_remedy(.why))]
    Unmapped {
        /// What the map holds.
        map: &'static str,
        /// What the system said.
        why: io::Error,
    },
    /// Something else that the system refuses.
    #[error("{what}: {why}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        why: io::Error,
    },
}

fn mapping_remedy(why: &io::Error) -> &'static str {
    match why.kind() {
        io::ErrorKind::PermissionDenied => {
            "a security policy (SELinux, seccomp) may forbid it: allow this program to map BPF maps"
        }
        io::ErrorKind::OutOfMemory => "free some memory, or raise the limit on it (ulimit -v)",
        _ => "array maps can be mapped from Linux 5.5 on",
    }
}

fn last_line(log: &str) -> String {
    // What the verifier counts stands below what it objects to.
    const STATISTICS: [&str; 3] = ["processed ", "stack depth ", "verification time "];
    let is_telling = |line: &&str| {
        !line.is_empty()
            && !STATISTICS
                .iter()
                .any(|statistic| line.starts_with(statistic))
    };
    match log.lines().rev().map(str::trim).find(is_telling) {
        Some(line) => format!("; the verifier says: {line}"),
        None => String::new(),
    }
}

/// The system's error at the bottom of `error`, if it has one.
pub(super) fn system_error<'error>(
    mut error: &'error (dyn Error + 'static),
) -> Option<&'error io::Error> {
    loop {
        if let Some(system) = error.downcast_ref::<io::Error>()
            && system.raw_os_error().is_some()
        {
            return Some(system);
        }
        error = error.source()?;
    }
}

/// `error` and its causes, in one line.
fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !line.ends_with(&text) {
            line = format!("{line}: {text}");
        }
        cause = error.source();
    }
    line.replace('\n', " ")
}

fn refused(error: &(dyn Error + 'static)) -> Option<DataplaneError> {
    let system = system_error(error)?;
    let copy = io::Error::from_raw_os_error(system.raw_os_error()?);
    match system
        .raw_os_error()
        .map(rustix::io::Errno::from_raw_os_error)?
    {
        rustix::io::Errno::PERM | rustix::io::Errno::ACCESS => {
            Some(DataplaneError::Privilege(copy))
        }
        rustix::io::Errno::NOSYS => Some(DataplaneError::NoBpf(copy)),
        _ => None,
    }
}

impl From<EbpfError> for DataplaneError {
    fn from(error: EbpfError) -> Self {
        refused(&error).unwrap_or_else(|| Self::Object(chain(&error)))
    }
}

impl From<ProgramError> for DataplaneError {
    fn from(error: ProgramError) -> Self {
        match error {
            ProgramError::LoadError {
                io_error,
                verifier_log,
            } => {
                let log = verifier_log.to_string();
                // The verifier answers EACCES too, whatever it objects to, and says what.
                match refused(&io_error) {
                    Some(refused) if log.trim().is_empty() => refused,
                    _ => Self::Rejected {
                        error: io_error,
                        log,
                    },
                }
            }
            ProgramError::SyscallError(SyscallError {
                call: "bpf_prog_test_run",
                io_error: why,
            }) => refused(&why).unwrap_or(Self::System {
                what: "cannot run the program in the kernel",
                why,
            }),
            other => refused(&other).unwrap_or_else(|| Self::Object(chain(&other))),
        }
    }
}

impl DataplaneError {
    pub(super) fn map(map: &'static str, error: &(dyn Error + 'static)) -> Self {
        refused(error).unwrap_or_else(|| Self::Map {
            map,
            why: chain(error),
        })
    }
}

/// Why the program cannot be attached to an interface: what is in the way. [`AttachError::remedy`] says how to remove
/// it.
#[derive(Debug, Error)]
pub enum AttachError {
    /// Another XDP program sits there.
    #[error("{interface}: {program} is already attached")]
    Occupied {
        /// The interface's name.
        interface: String,
        /// The other program.
        program: AttachedProgram,
    },
    /// Its frames begin with neither an Ethernet nor an IP header.
    #[error("{interface}: its frames begin with neither an Ethernet nor an IP header")]
    UnknownLink {
        /// The interface's name.
        interface: String,
    },
    /// The driver has no native XDP.
    #[error("{interface}: its driver has no native XDP")]
    NoNative {
        /// The interface's name.
        interface: String,
    },
    /// Frames would not fit in the driver's buffers.
    #[error(
        "{}: an MTU of {} is too large for native XDP on this driver{}",
        .interface.name, .interface.mtu, if *.frags { "" } else { " without multi-buffer support (Linux 5.18)" }
    )]
    MtuTooLarge {
        /// The interface.
        interface: Interface,
        /// Whether the program that was refused takes multi-buffer frames.
        frags: bool,
    },
    /// The kernel asks for more privilege.
    #[error("{interface}: the kernel refuses to attach: {why}")]
    Privilege {
        /// The interface's name.
        interface: String,
        /// What the system said.
        why: io::Error,
    },
    /// It sits where a clsact qdisc would, and takes filters for what arrives alone.
    #[error("{interface}: an ingress qdisc is in the way of clsact")]
    IngressQdisc {
        /// The interface's name.
        interface: String,
    },
    /// The interface went away.
    #[error("{interface}: the interface has gone")]
    Gone {
        /// The interface's name.
        interface: String,
    },
    /// Anything else.
    #[error("{interface}: cannot attach in {mode} mode: {why}")]
    Other {
        /// The interface's name.
        interface: String,
        /// The mode that was tried.
        mode: &'static str,
        /// What the kernel said.
        why: String,
    },
}

impl AttachError {
    /// Whether it would be the same on every interface.
    pub const fn is_everywhere(&self) -> bool {
        matches!(self, Self::Privilege { .. })
    }

    /// What to do about it.
    pub fn remedy(&self) -> String {
        match self {
            Self::Occupied { program, .. } if program.is_ours() => format!(
                "stop the portclass that holds it (Ctrl-C), or remove it: {}",
                program.removal()
            ),
            Self::Occupied { program, .. } if program.holder == Holder::Unknown => {
                "portclass status, run as root, says what holds it and how to remove it".to_owned()
            }
            Self::Occupied { program, .. } => format!("remove it: {}", program.removal()),
            Self::UnknownLink { .. } => "observe the interface that carries its packets".to_owned(),
            Self::NoNative { .. } => "use --mode generic".to_owned(),
            Self::MtuTooLarge { interface, .. } => format!(
                "lower it (ip link set dev {} mtu 1500) or use --mode generic",
                interface.name
            ),
            Self::Privilege { .. } => PRIVILEGE.to_owned(),
            Self::IngressQdisc { interface } => format!(
                "remove it: tc qdisc del dev {interface} ingress; or use --tc-hook tcx on Linux 6.6 and later"
            ),
            Self::Gone { .. } => "ip link lists those that are there".to_owned(),
            Self::Other { mode: "native", .. } => "try --mode generic".to_owned(),
            Self::Other { .. } => "the kernel's log (dmesg) may say more".to_owned(),
        }
    }

    pub(super) fn not_loaded(interface: &Interface, error: &DataplaneError) -> Self {
        Self::Other {
            interface: interface.name.clone(),
            mode: "any",
            why: error.to_string(),
        }
    }

    pub(super) fn new(
        interface: &Interface,
        mode: &'static str,
        frags: bool,
        error: &ProgramError,
    ) -> Self {
        use rustix::io::Errno;

        let name = interface.name.clone();
        let Some(code) = system_error(error).and_then(io::Error::raw_os_error) else {
            let why = chain(error);
            return Self::Other {
                interface: name,
                mode,
                why,
            };
        };
        let why = io::Error::from_raw_os_error(code);
        let is_xdp = matches!(mode, "native" | "generic");
        match (
            Errno::from_raw_os_error(code),
            super::program_on(interface.index),
        ) {
            (Errno::BUSY | Errno::EXIST, Some(program)) if is_xdp => Self::Occupied {
                interface: name,
                program,
            },
            (Errno::OPNOTSUPP, _) if mode == "native" => Self::NoNative { interface: name },
            (Errno::RANGE, _) if is_xdp => Self::MtuTooLarge {
                interface: interface.clone(),
                frags,
            },
            (Errno::PERM | Errno::ACCESS, _) => Self::Privilege {
                interface: name,
                why,
            },
            (Errno::NODEV, _) => Self::Gone { interface: name },
            _ => Self::Other {
                interface: name,
                mode,
                why: why.to_string(),
            },
        }
    }
}

/// Why maps cannot be pinned, or found pinned.
#[derive(Debug, Error)]
pub enum PinError {
    /// The folder is not on a BPF file system.
    #[error("{}: not on a BPF file system; mount one: mount -t bpf bpf /sys/fs/bpf", .0.display())]
    NoBpffs(PathBuf),
    /// Another process holds the folder's lock.
    #[error("{}: another process has been changing these pins for too long; see which: fuser -v {}", .0.display(), .0.display())]
    Busy(PathBuf),
    /// Something else lies where a pin should be.
    #[error("{}: {what}, not a map of this version of portclass; remove it: {remedy}", path.display())]
    Foreign {
        /// The pin.
        path: PathBuf,
        /// What lies there.
        what: String,
        /// The command that removes it.
        remedy: String,
    },
    /// The system refuses.
    #[error("{}: {why}{}", path.display(), pin_remedy(.why))]
    System {
        /// The path.
        path: PathBuf,
        /// What the system said.
        why: io::Error,
    },
}

impl PinError {
    pub(super) fn system(path: &Path, why: io::Error) -> Self {
        Self::System {
            path: path.to_owned(),
            why,
        }
    }
}

fn pin_remedy(why: &io::Error) -> &'static str {
    match why.kind() {
        _ if why.raw_os_error() == Some(rustix::io::Errno::PERM.raw_os_error()) => {
            "; run it as root (sudo), and without dots in the folder's name, which bpffs refuses"
        }
        io::ErrorKind::PermissionDenied => "; run it as root (sudo)",
        io::ErrorKind::ReadOnlyFilesystem => "; make it writable: mount -o remount,rw /sys/fs/bpf",
        io::ErrorKind::NotADirectory => "; name a folder with --pin-dir",
        _ => "",
    }
}
