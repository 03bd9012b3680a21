//! Whether a test runs in one of `cargo xtask vm`'s machines, whose processors are emulated and slow.

/// The variable that the machine's first process sets.
pub const VARIABLE: &str = "TEST_IN_MACHINE";

/// Whether this process runs in such a machine.
pub fn is_in_machine() -> bool {
    std::env::var_os(VARIABLE).is_some()
}

/// The first number, or in a machine the second one: as many of something as take seconds.
pub fn unless_slow<T>(everywhere: T, in_machine: T) -> T {
    if is_in_machine() {
        in_machine
    } else {
        everywhere
    }
}
