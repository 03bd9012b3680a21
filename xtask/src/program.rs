//! Building portclass, or its bench, and running it as root.

use std::{
    ffi::{OsStr, OsString},
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::Command,
};

use anyhow::{Context as _, Result};

use crate::{
    build_ebpf,
    exec::{exec, print},
    workspace,
};

/// `cargo xtask run` and `cargo xtask load`: builds portclass, then becomes `portclass SUBCOMMAND ARGUMENTS`.
///
/// # Errors
///
/// The build fails, or the program cannot be started.
pub fn run(subcommand: &str, arguments: &[String]) -> Result<()> {
    let program = build()?;
    become_root_and(
        program.as_os_str(),
        std::iter::once(subcommand).chain(arguments.iter().map(String::as_str)),
    )
}

/// Builds portclass and gives back its path.
///
/// # Errors
///
/// The build fails.
pub fn build() -> Result<PathBuf> {
    build_package("portclass")
}

/// `cargo xtask bench`: builds the bench and the program that it starts, and runs the bench; without arguments, then the
/// library's own benches.
///
/// # Errors
///
/// A kernel object is stale, a build fails, or something cannot be measured.
pub fn bench(arguments: &[String]) -> Result<()> {
    build_ebpf::check()?;
    build()?;
    let bench = build_package("bench")?;
    exec(as_root(bench.as_os_str()).args(arguments))?;
    if arguments.is_empty() {
        // Not `--benches`, which builds the tests as well.
        let benches = ["registry", "maps", "account"].map(|bench| ["--bench", bench]);
        exec(
            workspace::cargo()
                .args(["bench", "--package", "portclass"])
                .args(benches.as_flattened()),
        )?;
    }
    Ok(())
}

fn build_package(package: &str) -> Result<PathBuf> {
    exec(workspace::cargo().args(["build", "--release", "--package", package]))?;
    Ok(workspace::target_directory()?.join("release").join(package))
}

/// Whether this process has root's rights.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Replaces this process by `program`, with sudo in front when it is not root's.
///
/// # Errors
///
/// The program, or sudo, cannot be started.
pub fn become_root_and(
    program: &OsStr,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> Result<()> {
    let mut command = as_root(program);
    command.args(arguments);
    print(&command);
    let error = command.exec();
    Err(error).with_context(|| format!("cannot start {}", command.get_program().display()))
}

/// The program, with sudo in front when this process is not root's.
fn as_root(program: &OsStr) -> Command {
    if is_root() {
        return Command::new(program);
    }
    let mut sudo = Command::new("sudo");
    // sudo drops the environment, and with it the options that portclass takes from there.
    sudo.arg("env")
        .args(options_from_environment())
        .arg(program);
    sudo
}

fn options_from_environment() -> impl Iterator<Item = OsString> {
    std::env::vars_os().filter_map(|(name, value)| {
        let is_option = name.to_str()?.starts_with("PORTCLASS_");
        is_option.then(|| [&name, OsStr::new("="), &value].into_iter().collect())
    })
}
