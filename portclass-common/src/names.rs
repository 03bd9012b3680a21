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
/// The per-CPU array that limits the debug log.
pub const LOG_BUDGET: &str = "log_budget";
/// aya-log's ring buffer.
pub const LOG_RING: &str = "AYA_LOGS";

/// The maps that `load` pins and `run` picks up, in the order in which they are pinned: `state` last, so that
/// whoever finds it finds the others.
pub const PINNED: [&str; 3] = [REGISTRY, SERVICES, STATE];

/// The XDP program that accepts multi-buffer frames (Linux 5.18, kernel commit f45d5b6ce2e8).
pub const PROGRAM_FRAGS: &str = "portclass_frags";
/// The XDP program for kernels or drivers without multi-buffer frames.
pub const PROGRAM: &str = "portclass";

/// `u32`: counters from one CPU's to the next one's.
pub const COUNTER_STRIDE: &str = "COUNTER_STRIDE";
/// `u8`: 1 to log unlabelled frames.
pub const LOG_UNLABELLED: &str = "LOG_UNLABELLED";
/// `u8`: the most verbose level that aya-log keeps, 0 for none.
pub const LOG_LEVEL: &str = "AYA_LOG_LEVEL";
