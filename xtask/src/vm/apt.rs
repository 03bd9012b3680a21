//! Debian's packages of other releases, fetched into a folder without installing them: an apt with a configuration of
//! its own, which takes its mirrors and keys from the machine's.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, SystemTime},
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::exec::{exec, output, print};

/// Releases with kernels of their own. Those of the archive, and those of the security archive, which keeps old releases
/// alive.
const SUITES: [&str; 2] = ["trixie-backports", "sid"];
const SECURITY_SUITES: [&str; 3] = ["bullseye-security", "bookworm-security", "trixie-security"];

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Versions rotate: a list that is older names packages that are gone.
const LISTS_KEEP: Duration = Duration::from_secs(24 * 60 * 60);

/// Such an apt, and the folder that is its own.
pub struct Apt {
    folder: PathBuf,
}

impl Apt {
    /// An apt that keeps everything in `folder`, with fresh lists of packages.
    ///
    /// # Errors
    ///
    /// There is no apt, it knows no mirror of Debian, or none of the lists can be fetched.
    pub fn open(folder: PathBuf) -> Result<Self> {
        fs::create_dir_all(folder.join("lists/partial"))
            .and_then(|()| fs::create_dir_all(folder.join("archives/partial")))
            .with_context(|| format!("cannot make {}", folder.display()))?;
        let apt = Self { folder };
        let sources = sources()?;
        let path = apt.folder.join("sources.list");
        let is_same = fs::read_to_string(&path).is_ok_and(|written| written == sources);
        if !is_same || !apt.is_fresh() {
            fs::write(&path, sources)
                .with_context(|| format!("cannot write {}", path.display()))?;
            apt.update()?;
        }
        Ok(apt)
    }

    fn stamp(&self) -> PathBuf {
        self.folder.join("updated")
    }

    fn is_fresh(&self) -> bool {
        let age = || -> Option<Duration> {
            let updated = fs::metadata(self.stamp()).ok()?.modified().ok()?;
            SystemTime::now().duration_since(updated).ok()
        };
        age().is_some_and(|age| age < LISTS_KEEP)
    }

    fn update(&self) -> Result<()> {
        let _ = fs::remove_file(self.stamp());
        let mut update = self.command("apt-get");
        update.args(["update", "--quiet=2"]);
        print(&update);
        // Releases come and go: the others' lists are enough. Without any there are no kernels, which is said later.
        let ended = output(&mut update);
        if let Err(why) = &ended {
            eprintln!("xtask: not all lists of packages could be fetched: {why:#}");
        }
        let lists = fs::read_dir(self.folder.join("lists"))?;
        let has_some = lists.flatten().any(|list| {
            let name = list.file_name();
            name.to_string_lossy().contains("_Packages")
        });
        ensure!(
            has_some,
            "no list of Debian's packages can be fetched: is there a network?"
        );
        if ended.is_ok() {
            fs::write(self.stamp(), "")?;
        }
        Ok(())
    }

    fn command(&self, program: &str) -> Command {
        let folder = self.folder.display();
        let mut command = Command::new(program);
        for option in [
            format!("Dir::Etc::SourceList={folder}/sources.list"),
            "Dir::Etc::SourceParts=/dev/null".to_owned(),
            format!("Dir::State::Lists={folder}/lists"),
            format!("Dir::Cache={folder}"),
            "Acquire::Languages=none".to_owned(),
            // Root's apt fetches as another user, who may not write to this folder.
            "APT::Sandbox::User=root".to_owned(),
            // Packages that are installed here are no offer.
            "Dir::State::Status=/dev/null".to_owned(),
        ] {
            command.args(["-o", &option]);
        }
        command
    }

    /// The names of all packages that begin with `prefix`.
    ///
    /// # Errors
    ///
    /// apt fails.
    pub fn packages(&self, prefix: &str) -> Result<Vec<String>> {
        let names = output(self.command("apt-cache").args(["pkgnames", prefix]))?;
        Ok(names.lines().map(str::to_owned).collect())
    }

    /// What packages depend on, in their order; what no list has is in angle brackets.
    ///
    /// # Errors
    ///
    /// apt fails.
    pub fn dependencies(&self, packages: &[String]) -> Result<Vec<Vec<String>>> {
        let mut depends = self.command("apt-cache");
        let listed = output(depends.args(["depends", "--important"]).args(packages))?;
        let mut all = Vec::new();
        for line in listed.lines() {
            // Only what a package depends on is indented.
            if !line.starts_with([' ', '|']) {
                all.push(Vec::new());
            }
            let name = line.trim_start().strip_prefix("Depends: ");
            if let (Some(name), Some(last)) = (name, all.last_mut()) {
                last.push(name.to_owned());
            }
        }
        ensure!(
            all.len() == packages.len(),
            "apt-cache depends: {} answers to {} questions",
            all.len(),
            packages.len()
        );
        Ok(all)
    }

    /// Fetches packages and unpacks them into `folder`.
    ///
    /// # Errors
    ///
    /// They cannot be fetched, or there is no room for them.
    pub fn unpack(&self, packages: &[String], folder: &Path) -> Result<()> {
        let downloads = folder.join("download");
        fs::create_dir_all(&downloads)
            .with_context(|| format!("cannot make {}", downloads.display()))?;
        let mut download = self.command("apt-get");
        download
            .args(["download", "--quiet=2"])
            .args(packages)
            .current_dir(&downloads);
        exec(&mut download)?;
        for archive in fs::read_dir(&downloads)? {
            let mut unpack = Command::new("dpkg-deb");
            unpack.arg("--extract").arg(archive?.path()).arg(folder);
            exec(&mut unpack).with_context(|| format!("is there room in {}?", folder.display()))?;
        }
        fs::remove_dir_all(downloads)?;
        Ok(())
    }
}

/// The lines of a `sources.list` (sources.list(5)) for the releases above, on the machine's own mirrors.
fn sources() -> Result<String> {
    let format = "$(ORIGIN) $(LABEL) $(REPO_URI)";
    let known = Command::new("apt-get")
        .args(["indextargets", "--format", format])
        .output();
    let known = known.context("cannot start apt-get: kernels are Debian's packages")?;
    let known = String::from_utf8_lossy(&known.stdout).into_owned();
    let mirror = |origin: &str| {
        let uri = known.lines().find_map(|line| line.strip_prefix(origin));
        uri.map(str::to_owned)
    };
    let archives = [
        (mirror("Debian Debian "), &SUITES[..]),
        (mirror("Debian Debian-Security "), &SECURITY_SUITES),
    ];
    let options = match Path::new(KEYRING).exists() {
        true => format!(" [signed-by={KEYRING}]"),
        false => String::new(),
    };
    let mut sources = String::new();
    for (mirror, suites) in archives {
        for suite in suites {
            if let Some(mirror) = &mirror {
                sources += &format!("deb{options} {mirror} {suite} main\n");
            }
        }
    }
    if sources.is_empty() {
        bail!(
            "apt knows no mirror of Debian here, which the kernels come from: add one to its sources, and run apt-get update"
        );
    }
    Ok(sources)
}
