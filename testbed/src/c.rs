//! C, compiled for the host and for BPF.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result, ensure};

use crate::tool::is_there_or_skips;

/// The variable that names a folder of objects that were compiled elsewhere, for machines without a compiler.
pub const OBJECTS: &str = "TEST_BPF_OBJECTS";

/// Whether [`compile_bpf`] has something to compile with; where it has not, says on standard error that `test` is skipped.
pub fn has_compiler_or_skips(test: &str) -> bool {
    std::env::var_os(OBJECTS).is_some() || is_there_or_skips("clang", "clang", test)
}

/// Compiles a source with clang to a BPF object, headers being looked for in the folder `include` too. No warning passes.
/// Where [`OBJECTS`] names a folder, the object is taken from there.
///
/// # Errors
///
/// clang is missing or does not take the source.
pub fn compile_bpf(source: &Path, include: &Path, object: &Path) -> Result<()> {
    if let Some(objects) = std::env::var_os(OBJECTS) {
        let name = source.with_extension("o");
        let compiled = Path::new(&objects).join(name.file_name().context("a source has a name")?);
        fs::copy(&compiled, object)
            .with_context(|| format!("cannot read {}", compiled.display()))?;
        return Ok(());
    }
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
