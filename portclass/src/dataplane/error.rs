//! What the kernel refuses, in one line each, with the remedy.

use std::{
    error::Error,
    fmt, io,
    path::{Path, PathBuf},
};

use aya::{EbpfError, programs::ProgramError, sys::SyscallError};
use thiserror::Error;

/// What takes privilege, takes this.
pub(super) const PRIVILEGE: &str =
    "run it as root (sudo), or with CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON";

/// What to do about a BPF file system that is missing.
pub(super) const MOUNT_BPFFS: &str = "mount one: mount -t bpf bpf /sys/fs/bpf";
/// What to do about it where nothing may mount, as in containers. AppArmor's profile for them forbids writing below
/// /sys/fs/bpf.
pub(super) const LEND_BPFFS: &str = "let it have the host's: podman and docker run take \
    --volume /sys/fs/bpf:/bpf, and --pin-dir a folder below /bpf";
/// What to do where there is one: another one above it would hide everybody's pins.
pub(super) const NAME_BPFFS: &str = "name a folder below /sys/fs/bpf with --pin-dir";

/// Why the kernel side cannot be set up: [`sentence`](Self::sentence) and [`remedy`](Self::remedy), in one line.
#[derive(Debug)]
pub enum DataplaneError {
    /// The kernel asks for more privilege.
    Privilege(io::Error),
    /// The kernel has no `bpf()` system call.
    NoBpf(io::Error),
    /// The object cannot be loaded for another reason.
    Object(String),
    /// The verifier rejects the program.
    Rejected {
        /// What the system call said.
        error: io::Error,
        /// What the verifier said.
        log: String,
    },
    /// The kernel takes no program that this process may load: without CAP_PERFMON it reads frames out of copies.
    NoCopies {
        /// What the verifier said.
        log: String,
    },
    /// What reads frames out of copies does not log.
    NoLog,
    /// A map cannot be read or written.
    Map {
        /// The map's name.
        map: &'static str,
        /// What went wrong.
        why: String,
    },
    /// Pins that were there a moment ago have changed.
    PinsChanged(PathBuf),
    /// The system does not let this process share a map's memory.
    Unmapped {
        /// What the map holds.
        map: &'static str,
        /// What the system said.
        why: io::Error,
    },
    /// Something else that the system refuses.
    System {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        why: io::Error,
    },
}

impl DataplaneError {
    /// What is wrong.
    pub fn sentence(&self) -> String {
        match self {
            Self::Privilege(why) => format!("the kernel refuses BPF: {why}"),
            Self::NoBpf(why) => format!("this kernel has no BPF: {why}"),
            Self::Object(why) => format!("cannot load the kernel side: {why}"),
            Self::Rejected { error, log } => {
                format!("the kernel rejects the program: {error}{}", last_line(log))
            }
            Self::NoCopies { log } if log.contains("invalid func") || log.contains("unknown func") => {
                "without CAP_PERFMON frames are read by bpf_xdp_load_bytes, which this kernel lacks (Linux 5.18)"
                    .to_owned()
            }
            Self::NoCopies { log } => format!(
                "without CAP_PERFMON frames are read out of copies, and the kernel rejects the programs that do so{}",
                last_line(log)
            ),
            Self::NoLog => "the log of unlabelled frames takes CAP_PERFMON".to_owned(),
            Self::Map { map, why } => format!("BPF map '{map}': {why}"),
            Self::PinsChanged(folder) => format!(
                "{}: the pinned maps changed while they were being opened",
                folder.display()
            ),
            Self::Unmapped { map, why } => format!("cannot map the {map} into memory: {why}"),
            Self::System { what, why } => format!("{what}: {why}"),
        }
    }

    /// What to do about it, where that is known.
    pub fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::Privilege(_) | Self::NoCopies { .. } | Self::NoLog => Some(PRIVILEGE),
            Self::NoBpf(_) => Some("it needs CONFIG_BPF_SYSCALL and Linux 5.10 or later"),
            Self::PinsChanged(_) => Some("try again"),
            Self::Unmapped { why, .. } => Some(mapping_remedy(why)),
            Self::Object(_) | Self::Rejected { .. } | Self::Map { .. } | Self::System { .. } => {
                None
            }
        }
    }
}

impl fmt::Display for DataplaneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence())?;
        match self.remedy() {
            Some(remedy) => write!(f, "; {remedy}"),
            None => Ok(()),
        }
    }
}

impl Error for DataplaneError {}

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
pub(super) fn chain(error: &dyn Error) -> String {
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

/// Why maps cannot be pinned, or found pinned.
#[derive(Debug, Error)]
pub enum PinError {
    /// The folder is not on a BPF file system.
    #[error("{}: not on a BPF file system; {remedy}", folder.display())]
    NoBpffs {
        /// The folder.
        folder: PathBuf,
        /// What to do about it.
        remedy: &'static str,
    },
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
