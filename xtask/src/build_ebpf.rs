//! `cargo xtask build-ebpf`: the kernel object that is checked in.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

use crate::{
    exec::exec,
    finish::finish,
    kernel_toolchain::{KernelToolchain, TARGET},
    record::{sha256, source_digest, value},
    workspace,
};

const OBJECT: &str = "portclass/bpf/portclass.bpf.o";
const RECORD: &str = "portclass/bpf/portclass.bpf.txt";
const REMEDY: &str = "run `cargo xtask build-ebpf`";

/// Rebuilds the object and the record beside it.
///
/// # Errors
///
/// There are no tools for it, the build fails, or a file cannot be written.
pub fn rebuild() -> Result<()> {
    let toolchain = KernelToolchain::find()?;
    let object = build(&toolchain)?;
    let record = format!(
        "sources: {}\nobject: {}\n{}",
        source_digest(workspace::root())?,
        sha256(&object),
        tools(&toolchain),
    );
    write(OBJECT, &object)?;
    write(RECORD, record.as_bytes())?;
    eprint!("{record}");
    Ok(())
}

/// Builds the object from the sources as they are, into the target directory.
///
/// # Errors
///
/// The build fails.
pub fn build_fresh(toolchain: &KernelToolchain) -> Result<PathBuf> {
    let path = workspace::target_directory()?.join("bpf/portclass.bpf.o");
    fs::write(&path, build(toolchain)?)?;
    Ok(path)
}

/// The object that is checked in.
///
/// # Errors
///
/// It cannot be read.
pub fn checked_in() -> Result<Vec<u8>> {
    fs::read(workspace::root().join(OBJECT))
        .with_context(|| format!("{OBJECT} cannot be read ({REMEDY})"))
}

/// Whether the checked-in object was built by this very compiler and linker.
///
/// # Errors
///
/// The record cannot be read.
pub fn is_by(toolchain: &KernelToolchain) -> Result<bool> {
    let record = record()?;
    Ok(tools(toolchain)
        .lines()
        .all(|line| record.lines().any(|recorded| recorded == line)))
}

/// Compares the record with the sources and with the object.
///
/// # Errors
///
/// The object is stale, altered or absent.
pub fn check() -> Result<()> {
    let record = record()?;
    if value(&record, "sources") != Some(&source_digest(workspace::root())?) {
        bail!("{OBJECT} is stale, its sources have changed since: {REMEDY}");
    }
    if value(&record, "object") != Some(&sha256(&checked_in()?)) {
        bail!("{OBJECT} is not the one that {RECORD} describes: {REMEDY}");
    }
    Ok(())
}

fn tools(toolchain: &KernelToolchain) -> String {
    format!(
        "rustc: {}\nllvm: {}\nbpf-linker: {}\n",
        toolchain.rustc_version, toolchain.llvm_version, toolchain.linker_version
    )
}

fn record() -> Result<String> {
    fs::read_to_string(workspace::root().join(RECORD))
        .with_context(|| format!("{RECORD} cannot be read ({REMEDY})"))
}

fn build(toolchain: &KernelToolchain) -> Result<Vec<u8>> {
    let target = workspace::target_directory()?.join("bpf");
    let mut flags = vec!["-Cdebuginfo=2".to_owned(), "-Clink-arg=--btf".to_owned()];
    flags.extend(remapped_paths(toolchain)?);
    let flags = serde_json::to_string(&flags)?;
    // Of the workspace's profile nothing is taken over: the verifier sees exactly what is optimised here.
    let profile = ["opt-level=3", "codegen-units=1", "lto=false", "debug=2"];
    exec(
        toolchain
            .cargo()
            .current_dir(workspace::root().join("portclass-ebpf"))
            .args(["build", "--release", "-Zbuild-std=core", "--target", TARGET])
            .arg(format!("--config=target.{TARGET}.rustflags={flags}"))
            .args(profile.map(|setting| format!("--config=profile.release.{setting}")))
            .arg("--target-dir")
            .arg(&target),
    )?;
    let built = target.join(TARGET).join("release/portclass");
    let object = fs::read(&built).with_context(|| format!("cannot read {}", built.display()))?;
    finish(&object)
}

/// The flags that keep the paths of this machine out of the object.
fn remapped_paths(toolchain: &KernelToolchain) -> Result<Vec<String>> {
    let cargo_home = workspace::cargo_home()?;
    let mut prefixes = [
        (toolchain.sysroot.as_path(), "/rust"),
        (cargo_home.as_path(), "/cargo"),
        // Where the linker runs: it finds our sources, and the verifier's log can show their lines.
        (workspace::root(), "."),
    ];
    // Of several prefixes that fit, the compiler takes the last: it must be the longest.
    prefixes.sort_by_key(|(from, _)| from.as_os_str().len());
    let flag = |(from, to): (&Path, &str)| format!("--remap-path-prefix={}={to}", from.display());
    Ok(prefixes.into_iter().map(flag).collect())
}

fn write(path: &str, content: &[u8]) -> Result<()> {
    let path = workspace::root().join(path);
    fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))
}
