//! Names of the kernel object's maps, programs and load-time settings, as user space asks for them.
//!
//! The kernel side repeats them where its macros want literals; a test opens the built object and finds every one of
//! them in it.

/// The hash map `PortKey` -> `Label`: the registry, as the kernel looks it up.
pub const REGISTRY: &str = "registry";
/// The array slot -> `Service`: what each slot means.
pub const SERVICES: &str = "services";
/// The array of one `State`: version, generation and origin of the registry.
pub const STATE: &str = "state";
/// The array of `Counter`s, one stretch of `stride` counters a CPU.
pub const COUNTERS: &str = "counters";
/// The array of one memo: what the registry has answered.
pub const MEMO: &str = "memo";
/// The per-CPU array that limits the debug log.
pub const LOG_BUDGET: &str = "log_budget";
/// aya-log's ring buffer.
pub const LOG_RING: &str = "AYA_LOGS";

/// Maps of one element that programs read without a look-up, each behind the section of the object whose place it takes.
pub const WINDOWS: [(&str, &str); 2] = [(".bss.state", STATE), (".bss.memo", MEMO)];

/// The maps that `load` pins and `run` picks up, in the order in which they are pinned: `state` last, so that
/// whoever finds it finds the others.
pub const PINNED: [&str; 3] = [REGISTRY, SERVICES, STATE];

/// The XDP program for frames that begin with an Ethernet header, in several buffers where need be (Linux 5.18, kernel
/// commit f45d5b6ce2e8).
pub const XDP_FRAGS: &str = "portclass_frags";
/// The same for kernels or drivers without multi-buffer frames.
pub const XDP: &str = "portclass";
/// The XDP program for frames that begin with an IP header, in several buffers where need be.
pub const XDP_IP_FRAGS: &str = "portclass_ip_fr";
/// The same for kernels or drivers without multi-buffer frames.
pub const XDP_IP: &str = "portclass_ip";
/// The tc program that counts what leaves, behind an Ethernet header.
pub const EGRESS: &str = "portclass_tx";
/// The tc program that counts what leaves, behind an IP header.
pub const EGRESS_IP: &str = "portclass_tx_ip";
/// The tc program that marks what arrives, behind an Ethernet header.
pub const MARK: &str = "portclass_rx";
/// The tc program that marks what arrives, behind an IP header.
pub const MARK_IP: &str = "portclass_rx_ip";

/// What stands for each of these where a program may not point into a frame, and reads it out of copies: without
/// CAP_PERFMON the verifier refuses pointers to packets with an offset that it does not know. XDP has them for all frames
/// (`bpf_xdp_load_bytes`, Linux 5.18, kernel commit 3f364222d032).
pub const XDP_FRAGS_COPIED: &str = "portclass_cfr";
/// What [`XDP`] is.
pub const XDP_COPIED: &str = "portclass_c";
/// What [`XDP_IP_FRAGS`] is.
pub const XDP_IP_FRAGS_COPIED: &str = "portclass_cipfr";
/// What [`XDP_IP`] is.
pub const XDP_IP_COPIED: &str = "portclass_cip";
/// What [`EGRESS`] is.
pub const EGRESS_COPIED: &str = "portclass_ctx";
/// What [`EGRESS_IP`] is.
pub const EGRESS_IP_COPIED: &str = "portclass_ctxip";
/// What [`MARK`] is.
pub const MARK_COPIED: &str = "portclass_crx";
/// What [`MARK_IP`] is.
pub const MARK_IP_COPIED: &str = "portclass_crxip";

/// All programs.
pub const PROGRAMS: [&str; 16] = [
    XDP_FRAGS,
    XDP,
    XDP_IP_FRAGS,
    XDP_IP,
    EGRESS,
    EGRESS_IP,
    MARK,
    MARK_IP,
    XDP_FRAGS_COPIED,
    XDP_COPIED,
    XDP_IP_FRAGS_COPIED,
    XDP_IP_COPIED,
    EGRESS_COPIED,
    EGRESS_IP_COPIED,
    MARK_COPIED,
    MARK_IP_COPIED,
];

/// `u32`: counters from one CPU's to the next one's.
pub const COUNTER_STRIDE: &str = "COUNTER_STRIDE";
/// `u32`: bits of [`switch`](crate::settings::switch). One word, so that the packet path reads it once.
pub const SWITCHES: &str = "SWITCHES";
/// `u8`: the most verbose level that aya-log keeps, 0 for none.
pub const LOG_LEVEL: &str = "AYA_LOG_LEVEL";
/// `u32`: the bits of the mark that tc programs set, 0 for none.
pub const MARK_MASK: &str = "MARK_MASK";
/// `u32`: bits below the lowest one of [`MARK_MASK`].
pub const MARK_SHIFT: &str = "MARK_SHIFT";
