//! C, compiled for the host and for BPF.

use std::{path::Path, process::Command};

use anyhow::{Context as _, Result, ensure};

/// Compiles a source with clang to a BPF object, headers being looked for in the folder `include` too. No warning passes.
///
/// # Errors
///
/// clang is missing or does not take the source.
pub fn compile_bpf(source: &Path, include: &Path, object: &Path) -> Result<()> {
    // The kernel's headers include asm/types.h, which Debian keeps in a folder for each architecture.
    let architecture = format!("/usr/include/{}-linux-gnu", std::env::consts::ARCH);
    let mut clang = Command::new("clang");
    clang
        .args([
            "-O2", "-g", "-Wall", "-Wextra", "-Werror", "-target", "bpf", "-I",
        ])
        .arg(include)
        .args(["-idirafter", &architecture, "-c"])
        .arg(source)
        .arg("-o")
        .arg(object);
    succeed(&mut clang)
}

/// Compiles a source with a compiler of the host, such as `cc`, to a program. No warning passes.
///
/// # Errors
///
/// The compiler is missing or does not take the source.
pub fn compile(compiler: &[&str], source: &Path, include: &Path, program: &Path) -> Result<()> {
    let (name, arguments) = compiler.split_first().context("no compiler is named")?;
    let mut command = Command::new(name);
    command
        .args(["-Wall", "-Wextra", "-Werror", "-pedantic", "-I"])
        .arg(include)
        .arg("-o")
        .arg(program)
        .args(arguments)
        .arg(source);
    succeed(&mut command)
}

fn succeed(command: &mut Command) -> Result<()> {
    let output = command
        .output()
        .with_context(|| format!("cannot start {command:?}"))?;
    ensure!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}
