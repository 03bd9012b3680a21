//! `cargo xtask setup`: what building the kernel side and running the tests takes, beside stable Rust.

use std::process::Command;

use anyhow::{Result, bail};

use crate::{
    debian,
    exec::{exec, find, line},
    kernel_toolchain::KernelToolchain,
    program::is_root,
};

/// Debian's compiler, the source of its library, and the LLVM that both it and the linker use.
const COMPILER_PACKAGES: [&str; 5] = [
    "cargo-web",
    "libpolly-22-dev",
    "llvm-22-dev",
    "rust-web-src",
    "rustc-web",
];
const DEBIAN_LLVM: &str = "/usr/lib/llvm-22";
/// The linker that is built against Debian's LLVM.
const DEBIAN_LINKER: &[&str] = &[
    "--version",
    "0.13.0",
    "--no-default-features",
    "--features",
    "llvm-22",
];
/// The last linker that uses the LLVM inside rustc.
const RUSTUP_LINKER: &[&str] = &["--version", "0.10.3", "--locked"];

/// Programs that the tests call, each with Debian's package for it.
const TEST_TOOLS: [(&str, &str); 6] = [
    ("bpftool", "bpftool"),
    ("ethtool", "ethtool"),
    ("ip", "iproute2"),
    ("nsenter", "util-linux"),
    ("setcap", "libcap2-bin"),
    ("tmux", "tmux"),
];

/// Programs that run virtual machines, or in them, each with Debian's package for it.
const MACHINE_TOOLS: [(&str, &str); 6] = [
    ("clang", "clang"),
    ("depmod", "kmod"),
    ("nft", "nftables"),
    ("qemu-system-x86_64", "qemu-system-x86"),
    ("sysctl", "procps"),
    ("wg", "wireguard-tools"),
];

/// Installs what is missing. Quick when nothing is.
///
/// # Errors
///
/// Something cannot be installed from here; the message has the commands that would.
pub fn setup() -> Result<()> {
    // A machine that lacks both is told of both at once.
    let toolchain = match (test_tools(), kernel_toolchain()) {
        (Err(tools), Err(toolchain)) => bail!("{tools:#}\n{toolchain:#}"),
        (tools, toolchain) => tools.and(toolchain)?,
    };
    eprintln!(
        "ready: {} with LLVM {}, {}",
        toolchain.rustc_version, toolchain.llvm_version, toolchain.linker_version
    );
    Ok(())
}

/// The kernel side's compiler and linker, installed where they are missing.
///
/// # Errors
///
/// They cannot be installed from here; the message has the commands that would.
pub fn kernel_toolchain() -> Result<KernelToolchain> {
    if let Ok(toolchain) = KernelToolchain::find() {
        return Ok(toolchain);
    }
    if debian::offers(&COMPILER_PACKAGES) {
        install_debians_pair()?;
    } else {
        install_rustups_pair()?;
    }
    KernelToolchain::find()
}

fn install_debians_pair() -> Result<()> {
    let mut linker = linker_installation(DEBIAN_LINKER);
    linker.env("LLVM_PREFIX", DEBIAN_LLVM);
    let missing = debian::missing(&COMPILER_PACKAGES);
    if !missing.is_empty() {
        let mut packages = debian::installation(&missing);
        if !is_root() {
            bail!(
                "the kernel side's compiler is missing: run\n  {}\n  {}",
                line(&packages),
                line(&linker)
            );
        }
        exec(&mut packages)?;
    }
    if KernelToolchain::find().is_ok() {
        return Ok(());
    }
    exec(&mut linker)
}

fn install_rustups_pair() -> Result<()> {
    if find("rustup").is_none() {
        bail!(
            "the kernel side's compiler is missing, and so are rustup and Debian's packages for it: \
             install rustup, then run `cargo xtask setup` again"
        );
    }
    exec(Command::new("rustup").args(["component", "add", "rust-src"]))?;
    exec(&mut linker_installation(RUSTUP_LINKER))
}

fn linker_installation(options: &[&str]) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.args(["install", "bpf-linker"]).args(options);
    cargo
}

fn test_tools() -> Result<()> {
    install(&TEST_TOOLS, "the tests call")
}

/// The programs that run virtual machines, installed where they are missing.
///
/// # Errors
///
/// They cannot be installed from here; the message has the command that would.
pub fn machine_tools() -> Result<()> {
    // Tests call theirs inside, too.
    install(
        &[&TEST_TOOLS[..], &MACHINE_TOOLS].concat(),
        "virtual machines take",
    )
}

fn install(tools: &[(&str, &str)], what_for: &str) -> Result<()> {
    let missing = tools.iter().filter(|(program, _)| find(program).is_none());
    let packages: Vec<&str> = missing.map(|(_, package)| *package).collect();
    if packages.is_empty() {
        return Ok(());
    }
    let mut installation = debian::installation(&packages);
    if !debian::offers(&packages) {
        bail!("tools that {what_for} are missing: {}", packages.join(", "));
    }
    if !is_root() {
        bail!(
            "tools that {what_for} are missing: run\n  {}",
            line(&installation)
        );
    }
    exec(&mut installation)
}
