//! The compiler and linker that build the kernel side.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{exec::output, workspace};

/// The target that the kernel side is built for.
pub const TARGET: &str = "bpfel-unknown-none";

/// A compiler with the source of its own library, and a linker that reads its bitcode.
pub struct KernelToolchain {
    compiler: Compiler,
    /// The directory above the compiler's library.
    pub sysroot: PathBuf,
    /// The compiler's version line.
    pub rustc_version: String,
    /// The version of the compiler's LLVM.
    pub llvm_version: String,
    /// The linker's version line.
    pub linker_version: String,
}

impl KernelToolchain {
    /// Debian's pair where it is complete, else the first of rustup's toolchains that is.
    ///
    /// # Errors
    ///
    /// No compiler here is complete; the message says what each one lacks.
    pub fn find() -> Result<Self> {
        let mut lacking = String::new();
        for compiler in compilers() {
            let rustc = compiler.0.join("rustc");
            match Self::of(compiler) {
                Ok(toolchain) => return Ok(toolchain),
                Err(error) => lacking += &format!("\n  {}: {error:#}", rustc.display()),
            }
        }
        bail!(
            "no compiler here can build the kernel side; `cargo xtask setup` installs one{lacking}"
        );
    }

    fn of(compiler: Compiler) -> Result<Self> {
        let sysroot = output(compiler.rustc().args(["--print", "sysroot"]))?;
        let sysroot = PathBuf::from(sysroot.trim_end());
        let library = sysroot.join("lib/rustlib/src/rust/library/Cargo.lock");
        ensure!(library.exists(), "it has no library source (rust-src)");
        let version = output(compiler.rustc().arg("-vV"))?;
        let llvm_version = version
            .lines()
            .find_map(|line| line.strip_prefix("LLVM version: "))
            .context("it has no LLVM")?;
        let linker_version = output(compiler.linker().arg("--version"))?;
        let linker_version = linker_version.trim_end();
        compiler.link_nothing().with_context(|| {
            format!("{linker_version} cannot read what LLVM {llvm_version} writes")
        })?;
        Ok(Self {
            rustc_version: version.lines().next().unwrap_or_default().to_owned(),
            llvm_version: llvm_version.to_owned(),
            linker_version: linker_version.to_owned(),
            sysroot,
            compiler,
        })
    }

    /// The cargo that builds with this toolchain.
    pub fn cargo(&self) -> Command {
        let mut cargo = self.compiler.command(self.compiler.0.join("cargo"));
        cargo.env("RUSTC", self.compiler.0.join("rustc"));
        cargo
    }
}

/// The directory of a `rustc` and a `cargo`.
struct Compiler(PathBuf);

impl Compiler {
    fn rustc(&self) -> Command {
        self.command(self.0.join("rustc"))
    }

    fn linker(&self) -> Command {
        self.command("bpf-linker".into())
    }

    /// A command shielded from what rustup and an outer cargo leave in the environment.
    fn command(&self, program: PathBuf) -> Command {
        let mut command = Command::new(program);
        for inherited in [
            "RUSTUP_TOOLCHAIN",
            "RUSTFLAGS",
            "CARGO_ENCODED_RUSTFLAGS",
            "LD_LIBRARY_PATH",
        ] {
            command.env_remove(inherited);
        }
        // Nightly's options, on any compiler.
        command
            .env("RUSTC_BOOTSTRAP", "1")
            .env("PATH", self.search_path());
        command
    }

    /// A linker without an LLVM of its own uses that of the first `rustc` on the path, and cargo's folder of installed
    /// programs is not on everybody's path.
    fn search_path(&self) -> OsString {
        let inherited = std::env::var_os("PATH").unwrap_or_default();
        let directories = std::iter::once(self.0.clone())
            .chain(std::env::split_paths(&inherited))
            .chain(workspace::cargo_home().map(|home| home.join("bin")));
        std::env::join_paths(directories).unwrap_or(inherited)
    }

    /// A linker's version does not tell which LLVM it was built with: only linking shows whether the two fit.
    fn link_nothing(&self) -> Result<()> {
        let directory = workspace::target_directory()?.join("bpf/probe");
        fs::create_dir_all(&directory)?;
        let [source, bitcode, object] =
            ["rs", "bc", "o"].map(|kind| directory.join("nothing").with_extension(kind));
        fs::write(&source, "#![feature(no_core)]\n#![no_core]\n")?;
        let kind = ["--crate-type=lib", "--emit=llvm-bc", "--target", TARGET];
        output(self.rustc().args(kind).arg("-o").args([&bitcode, &source]))?;
        output(self.linker().arg("-o").args([&object, &bitcode]))?;
        Ok(())
    }
}

fn compilers() -> Vec<Compiler> {
    let mut directories = vec![PathBuf::from("/usr/bin")];
    // Without rustup there is nothing to add.
    if let Ok(listed) = output(Command::new("rustup").args(["toolchain", "list", "--verbose"])) {
        let mut toolchains: Vec<&str> = listed.lines().collect();
        toolchains.sort_by_key(|toolchain| !toolchain.contains("active"));
        let paths = toolchains
            .iter()
            .filter_map(|toolchain| toolchain.find('/').map(|at| &toolchain[at..]));
        directories.extend(paths.map(|path| Path::new(path).join("bin")));
    }
    directories
        .retain(|directory| directory.join("rustc").exists() && directory.join("cargo").exists());
    directories.into_iter().map(Compiler).collect()
}
