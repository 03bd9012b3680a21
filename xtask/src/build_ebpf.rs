//! `cargo xtask build-ebpf`: the kernel objects that are checked in.

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

const REMEDY: &str = "run `cargo xtask build-ebpf`";

/// A kernel object that is checked in, with the record beside it.
pub struct KernelObject {
    /// Its path in the workspace.
    path: &'static str,
    /// The features of the kernel side that it is built with.
    features: &'static str,
}

/// The object that the library embeds.
pub const SHIPPED: KernelObject = KernelObject {
    path: "portclass/bpf/portclass.bpf.o",
    features: "",
};

/// All objects: the shipped one, and those that `cargo xtask bench` measures with.
pub const OBJECTS: [KernelObject; 3] = [
    SHIPPED,
    KernelObject {
        path: "bench/bpf/memo.bpf.o",
        features: "bench",
    },
    KernelObject {
        path: "bench/bpf/plain.bpf.o",
        features: "bench,plain-lookup",
    },
];

/// Rebuilds the objects and the records beside them.
///
/// # Errors
///
/// There are no tools for it, the build fails, or a file cannot be written.
pub fn rebuild() -> Result<()> {
    let toolchain = KernelToolchain::find()?;
    for object in &OBJECTS {
        let content = object.build(&toolchain)?;
        let record = format!(
            "sources: {}\nobject: {}\n{}",
            source_digest(workspace::root())?,
            sha256(&content),
            tools(&toolchain),
        );
        write(&object.in_workspace(), &content)?;
        write(&object.record_path(), record.as_bytes())?;
        eprint!("{}\n{record}", object.path);
    }
    Ok(())
}

/// Compares the records with the sources and with the objects.
///
/// # Errors
///
/// An object is stale, altered or absent.
pub fn check() -> Result<()> {
    OBJECTS.iter().try_for_each(KernelObject::check)
}

impl KernelObject {
    /// Its path in the workspace, which names it.
    pub const fn path(&self) -> &'static str {
        self.path
    }

    /// Builds the object from the sources as they are, into the target directory.
    ///
    /// # Errors
    ///
    /// The build fails.
    pub fn build_fresh(&self, toolchain: &KernelToolchain) -> Result<PathBuf> {
        let path = workspace::target_directory()?.join("bpf").join(self.path);
        let content = self.build(toolchain)?;
        write(&path, &content)?;
        Ok(path)
    }

    /// The object that is checked in.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub fn checked_in(&self) -> Result<Vec<u8>> {
        fs::read(self.in_workspace())
            .with_context(|| format!("{} cannot be read ({REMEDY})", self.path))
    }

    /// Whether the checked-in object was built by this very compiler and linker.
    ///
    /// # Errors
    ///
    /// The record cannot be read.
    pub fn is_by(&self, toolchain: &KernelToolchain) -> Result<bool> {
        let record = self.record()?;
        Ok(tools(toolchain)
            .lines()
            .all(|line| record.lines().any(|recorded| recorded == line)))
    }

    fn check(&self) -> Result<()> {
        let (path, record) = (self.path, self.record()?);
        if value(&record, "sources") != Some(&source_digest(workspace::root())?) {
            bail!("{path} is stale, its sources have changed since: {REMEDY}");
        }
        if value(&record, "object") != Some(&sha256(&self.checked_in()?)) {
            bail!("{path} is not the one that the record beside it describes: {REMEDY}");
        }
        Ok(())
    }

    fn in_workspace(&self) -> PathBuf {
        workspace::root().join(self.path)
    }

    fn record_path(&self) -> PathBuf {
        self.in_workspace().with_extension("txt")
    }

    fn record(&self) -> Result<String> {
        let path = self.record_path();
        fs::read_to_string(&path)
            .with_context(|| format!("{} cannot be read ({REMEDY})", path.display()))
    }

    fn build(&self, toolchain: &KernelToolchain) -> Result<Vec<u8>> {
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
                .args(["--features", self.features])
                .arg(format!("--config=target.{TARGET}.rustflags={flags}"))
                .args(profile.map(|setting| format!("--config=profile.release.{setting}")))
                .arg("--target-dir")
                .arg(&target),
        )?;
        let built = target.join(TARGET).join("release/portclass");
        let object =
            fs::read(&built).with_context(|| format!("cannot read {}", built.display()))?;
        finish(&object)
    }
}

fn tools(toolchain: &KernelToolchain) -> String {
    format!(
        "rustc: {}\nllvm: {}\nbpf-linker: {}\n",
        toolchain.rustc_version, toolchain.llvm_version, toolchain.linker_version
    )
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

fn write(path: &Path, content: &[u8]) -> Result<()> {
    let written = path
        .parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| fs::write(path, content));
    written.with_context(|| format!("cannot write {}", path.display()))
}
