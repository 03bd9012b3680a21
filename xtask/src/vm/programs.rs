//! What runs inside, built for machines that have no libraries.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

use crate::{
    exec::{exec, output},
    workspace::{cargo, target_directory},
};

const TARGET: &str = "x86_64-unknown-linux-gnu";
const PROFILE: &str = "guest";

/// Tests of the kernel side: with the programs in the kernel, with real interfaces, and with settings of the whole host.
const TESTS: [&str; 3] = ["kernel", "live", "host"];

/// The programs for a machine.
pub struct Programs {
    /// The first process.
    pub init: PathBuf,
    /// portclass itself, where its tests look for it, too.
    pub portclass: PathBuf,
    /// Test programs.
    pub tests: Vec<PathBuf>,
}

impl Programs {
    /// Builds them.
    ///
    /// # Errors
    ///
    /// A build fails.
    pub fn build(with_tests: bool) -> Result<Self> {
        exec(options(
            cargo().arg("build"),
            &["--package", "guest", "--package", "portclass"],
        ))?;
        let folder = target_directory()?.join(TARGET).join(PROFILE);
        let tests = if with_tests { tests()? } else { Vec::new() };
        Ok(Self {
            init: folder.join("init"),
            portclass: folder.join("portclass"),
            tests,
        })
    }
}

fn tests() -> Result<Vec<PathBuf>> {
    let mut build = cargo();
    build.args(["test", "--no-run"]);
    let named = TESTS.map(|test| ["--test", test]);
    let arguments = [&["--package", "portclass"], named.as_flattened()].concat();
    exec(options(&mut build, &arguments))?;
    // Once more, to be told where they are.
    let messages = output(build.args(["--quiet", "--message-format", "json"]))?;
    let mut programs = Vec::new();
    for message in messages.lines() {
        let message: serde_json::Value = serde_json::from_str(message)?;
        let is_test = message["profile"]["test"] == true;
        let name = message["target"]["name"].as_str();
        if is_test && name.is_some_and(|name| TESTS.contains(&name)) {
            let path = message["executable"]
                .as_str()
                .context("a test without a program")?;
            programs.push(path.into());
        }
    }
    ensure!(
        programs.len() == TESTS.len(),
        "cargo has built {programs:?}"
    );
    Ok(programs)
}

/// glibc's static libraries: the machines have no others.
fn options<'command>(
    command: &'command mut std::process::Command,
    arguments: &[&str],
) -> &'command mut std::process::Command {
    command
        .args(["--target", TARGET, "--profile", PROFILE])
        .args(arguments)
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
}
