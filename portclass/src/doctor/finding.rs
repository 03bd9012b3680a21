//! Findings: an id, a severity, a sentence and a remedy.

use std::fmt;

use serde::{Serialize, Serializer};

/// Makes the enumeration of all ids, each with its name, so that there is one list of them.
macro_rules! ids {
    ($($(#[$doc:meta])* $id:ident = $name:literal,)*) => {
        /// What a finding is about. Its name stays the same in every version.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Id {
            $($(#[$doc])* $id,)*
        }

        impl Id {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$id,)*];

            /// The name that reports use.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$id => $name,)*
                }
            }
        }
    };
}

ids! {
    /// The kernel's version.
    Kernel = "kernel",
    /// Maps and programs were loaded.
    Loads = "loads",
    /// The kernel has no `bpf()`.
    NoBpf = "no-bpf",
    /// Capabilities without which nothing works are missing.
    CapabilitiesMissing = "capabilities-missing",
    /// CAP_PERFMON is missing.
    PerfmonMissing = "perfmon-missing",
    /// This process may do more than it has to.
    CapabilitiesUnneeded = "capabilities-unneeded",
    /// Capabilities are those of a user namespace.
    UserNamespace = "user-namespace",
    /// The kernel refuses in spite of the capabilities.
    PolicyForbids = "policy-forbids",
    /// Too little memory may be locked.
    MemlockTooLow = "memlock-too-low",
    /// The verifier rejects the program.
    ProgramRejected = "program-rejected",
    /// Maps cannot be shared with the kernel.
    MapsNotShared = "maps-not-shared",
    /// Loading fails for another reason.
    LoadFails = "load-fails",
    /// XDP takes no frames in several buffers.
    NoFrags = "no-frags",
    /// The kernel has tcx.
    Tcx = "tcx",
    /// The kernel has no tcx.
    NoTcx = "no-tcx",
    /// The kernel has neither tcx nor clsact.
    NoTcHook = "no-tc-hook",
    /// Programs are compiled.
    Jit = "jit",
    /// Programs are interpreted.
    JitOff = "jit-off",
    /// Nobody can tell whether programs are compiled.
    JitUnknown = "jit-unknown",
    /// The kernel does not describe its types.
    NoBtf = "no-btf",
    /// Pins have a file system.
    Bpffs = "bpffs",
    /// Pins have none.
    NoBpffs = "no-bpffs",
    /// A run leaves the pins that are there.
    PinsUnused = "pins-unused",
    /// The kernel is locked down.
    Lockdown = "lockdown",
    /// Any user may load BPF programs.
    UnprivilegedBpf = "unprivileged-bpf",
    /// Native mode is possible.
    Native = "native",
    /// The driver has no native mode.
    NoNative = "no-native",
    /// The driver may have a native mode, and has refused it.
    NativeRefused = "native-refused",
    /// Nobody can tell without trying.
    NativeUnknown = "native-unknown",
    /// Receive offloads are in the way of native mode.
    ReceiveOffloads = "receive-offloads",
    /// The MTU is in the way of native mode.
    MtuTooLarge = "mtu-too-large",
    /// There are too few queues for native mode, or for native mode at its best.
    TooFewQueues = "too-few-queues",
    /// XDP's tag is lost on the way.
    NoMetadata = "no-metadata",
    /// Another XDP program is attached.
    Occupied = "occupied",
    /// Another XDP program is attached to what lies upon the interface.
    UpperOccupied = "upper-occupied",
    /// Frames begin with nothing that is known.
    UnknownLink = "unknown-link",
    /// An ingress qdisc is in the way.
    IngressQdisc = "ingress-qdisc",
    /// The interface is down.
    Down = "interface-down",
    /// The interface has gone.
    Gone = "interface-gone",
    /// Attaching takes more privilege.
    AttachForbidden = "attach-forbidden",
    /// Attaching fails for another reason.
    AttachFails = "attach-fails",
    /// There is no such interface, or none to choose.
    NoInterface = "no-interface",
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// `run` fails.
    Error,
    /// `run` does less, or is slower.
    Warning,
    /// Good to know.
    Info,
    /// As it should be.
    Ok,
}

impl Severity {
    /// The name that reports use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
            Self::Ok => "ok",
        }
    }
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is about.
    pub id: Id,
    /// How bad it is.
    pub severity: Severity,
    /// The interface that it is about; `None` for the host.
    pub interface: Option<String>,
    /// One sentence.
    pub summary: String,
    /// What to do about it, if anything.
    pub remedy: Option<String>,
}

impl Finding {
    pub(super) fn new(id: Id, severity: Severity, summary: impl Into<String>) -> Self {
        Self {
            id,
            severity,
            interface: None,
            summary: summary.into(),
            remedy: None,
        }
    }

    pub(super) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    pub(super) fn on(mut self, interface: &str) -> Self {
        self.interface = Some(interface.to_owned());
        self
    }

    pub(super) fn with(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }
}

/// As a line on stderr says it.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(interface) = &self.interface {
            write!(f, "{interface}: ")?;
        }
        f.write_str(&self.summary)?;
        match &self.remedy {
            Some(remedy) => write!(f, "; {remedy}"),
            None => Ok(()),
        }
    }
}
