//! Debian's packages.

use std::process::Command;

use crate::{
    exec::{exec, output},
    program::is_root,
};

/// Whether apt can install all of these packages. Fetches the lists of packages where they are missing.
pub fn offers(packages: &[&str]) -> bool {
    if knows(packages) {
        return true;
    }
    let has_apt = output(Command::new("apt-get").arg("--version")).is_ok();
    if has_apt && is_root() {
        // Without a network the lists stay as they are, which the second look tells.
        let _ = exec(Command::new("apt-get").args(["update", "--quiet"]));
    }
    knows(packages)
}

fn knows(packages: &[&str]) -> bool {
    let known = |package: &&str| {
        let policy =
            output(Command::new("apt-cache").args(["policy", package])).unwrap_or_default();
        policy.contains("Candidate: ") && !policy.contains("Candidate: (none)")
    };
    packages.iter().all(known)
}

/// Those of the packages that are not installed.
pub fn missing<'name>(packages: &[&'name str]) -> Vec<&'name str> {
    let installed = |package: &str| {
        let query = ["--show", "--showformat=${db:Status-Status}", package];
        output(Command::new("dpkg-query").args(query)).is_ok_and(|status| status == "installed")
    };
    packages
        .iter()
        .copied()
        .filter(|package| !installed(package))
        .collect()
}

/// The command that installs packages without those that they only recommend, with sudo in front when not root.
pub fn installation(packages: &[&str]) -> Command {
    let mut command = if is_root() {
        Command::new("apt-get")
    } else {
        let mut sudo = Command::new("sudo");
        sudo.arg("apt-get");
        sudo
    };
    command
        .args(["install", "--yes", "--no-install-recommends"])
        .args(packages);
    command
}
