//! `cargo xtask test`: everything that must pass, the quickest first.

use std::{fs, process::Command};

use anyhow::{Result, ensure};

use crate::{
    build_ebpf::{self, OBJECTS, SHIPPED},
    exec::{exec, output},
    interrupt::Interrupted,
    kernel_toolchain::KernelToolchain,
    program::is_root,
    setup, vm,
    workspace::{cargo, target_directory},
};

/// Where the dataplane's tests find the kernel object to load, when it is not to be the checked-in one.
const OBJECT_VARIABLE: &str = "PORTCLASS_OBJECT";

/// The fuzz targets, which are no members of the workspace.
const FUZZ: &str = "fuzz/Cargo.toml";

/// Runs it all, up to the first failure.
///
/// # Errors
///
/// Something did not pass.
pub fn test() -> Result<()> {
    exec(cargo().args(["fmt", "--all", "--check"]))?;
    exec(cargo().args(["fmt", "--check", "--manifest-path", FUZZ]))?;
    exec(cargo().args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))?;
    exec(cargo().args([
        "clippy",
        "--package",
        "portclass-ebpf",
        "--features",
        "bench,plain-lookup",
        "--",
        "-D",
        "warnings",
    ]))?;
    exec(cargo().args([
        "clippy",
        // Else one that lacks what the workspace takes by now would be written anew on every machine, unseen.
        "--locked",
        "--manifest-path",
        FUZZ,
        "--no-default-features",
        "--target-dir",
        "target",
        "--",
        "-D",
        "warnings",
    ]))?;
    // The kernel side's program and the library share their name, which rustdoc cannot tell apart.
    exec(cargo().env("RUSTDOCFLAGS", "-D warnings").args([
        "doc",
        "--workspace",
        "--no-deps",
        "--exclude",
        "portclass-ebpf",
    ]))?;
    eprintln!("$ cargo xtask build-ebpf --check");
    build_ebpf::check()?;
    let runner = runner()?;
    exec(runner.apply(cargo().args(["test", "--workspace"])))?;
    demo(&runner)?;
    let rebuilt = fresh_object(&runner)?;
    let booted = other_kernels()?;
    let all = rebuilt && runner != Runner::Unprivileged;
    // A machine that is there to run everything must not pass by leaving something out.
    ensure!(
        all || std::env::var_os("CI").is_none(),
        "something was skipped, and CI is set"
    );
    // Other kernels are a matter of what mirrors have today.
    let as_far = if all && booted {
        ""
    } else {
        ", as far as they ran"
    };
    eprintln!("xtask: all passed{as_far}");
    Ok(())
}

/// Shows the program that the tests have just built.
fn demo(runner: &Runner) -> Result<()> {
    if *runner == Runner::Unprivileged {
        return Ok(());
    }
    exec(cargo().args(["build", "--package", "portclass"]))?;
    let program = target_directory()?.join("debug/portclass");
    exec(
        Command::new(std::env::current_exe()?)
            .args(["demo", "--program"])
            .arg(program),
    )
}

/// Rebuilds the kernel objects and, where that gives others, tests the shipped one, too. Says whether it could.
fn fresh_object(runner: &Runner) -> Result<bool> {
    let toolchain = match fresh_toolchain() {
        Ok(toolchain) => toolchain,
        Err(error) => {
            skip(
                "rebuilding the kernel objects and testing the fresh one",
                &format!("{error:#}"),
            );
            return Ok(false);
        }
    };
    let mut is_same = true;
    for object in &OBJECTS {
        let path = object.build_fresh(&toolchain)?;
        if fs::read(path)? != object.checked_in()? {
            is_same = false;
            ensure!(
                !object.is_by(&toolchain)?,
                "the same sources and tools give another {} than the checked-in one: run `cargo xtask build-ebpf`",
                object.path()
            );
        }
    }
    if is_same {
        eprintln!(
            "xtask: the fresh kernel objects are the checked-in ones, byte for byte: they have been tested"
        );
        return Ok(true);
    }
    let fresh = target_directory()?.join("bpf").join(SHIPPED.path());
    let mut tests = cargo();
    tests
        .args(["test", "--package", "portclass"])
        .env(OBJECT_VARIABLE, &fresh);
    exec(runner.apply(&mut tests))?;
    Ok(true)
}

/// Tests the kernel side on the oldest and on the newest kernel that can be had. Says whether it could.
fn other_kernels() -> Result<bool> {
    let options = vm::Options::default();
    match vm::Ready::new(&options) {
        Ok(ready) => {
            eprintln!("$ cargo xtask vm");
            ready.run().map(|()| true)
        }
        Err(error) if error.is::<Interrupted>() => Err(error),
        Err(error) => {
            skip("the tests on other kernels", &format!("{error:#}"));
            Ok(false)
        }
    }
}

fn fresh_toolchain() -> Result<KernelToolchain> {
    if is_root() {
        setup::kernel_toolchain()
    } else {
        KernelToolchain::find()
    }
}

/// How tests come by root's rights, which those of the kernel side need.
#[derive(PartialEq)]
enum Runner {
    Root,
    /// Cargo's variable that puts a program in front of the tests.
    Sudo(String),
    Unprivileged,
}

impl Runner {
    fn apply<'command>(&self, tests: &'command mut Command) -> &'command mut Command {
        match self {
            Self::Sudo(variable) => tests.env(variable, "sudo -E"),
            Self::Root | Self::Unprivileged => tests,
        }
    }
}

fn runner() -> Result<Runner> {
    if is_root() {
        return Ok(Runner::Root);
    }
    if output(Command::new("sudo").args(["--non-interactive", "true"])).is_err() {
        skip(
            "the kernel tests and the live tests",
            "they need root, and sudo asks for a password",
        );
        return Ok(Runner::Unprivileged);
    }
    let version = output(cargo().arg("-vV"))?;
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .unwrap_or_default();
    let host = host.to_uppercase().replace('-', "_");
    Ok(Runner::Sudo(format!("CARGO_TARGET_{host}_RUNNER")))
}

fn skip(what: &str, why: &str) {
    eprintln!("xtask: SKIPPED {what}: {why}");
}
