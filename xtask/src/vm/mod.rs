//! `cargo xtask vm`: virtual machines with Debian's kernels, to run the kernel and live tests in, or portclass itself.

mod apt;
mod archive;
mod folder;
mod kernels;
mod log;
mod machine;
mod nics;
mod outcome;
mod programs;
mod root;
mod version;

use std::{
    fs,
    io::{self, IsTerminal as _},
    path::{Path, PathBuf},
    process::Stdio,
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::fs::statvfs;

use self::{
    folder::RunFolder,
    kernels::{Kernel, Kernels, OLDEST},
    machine::{Accelerator, End, Machine, last_lines, machines_at_once},
    nics::Nics,
    outcome::Outcome,
    programs::Programs,
    version::Version,
};
use crate::{interrupt::Interrupt, setup, workspace::target_directory};

/// Arguments of `cargo xtask vm`.
#[derive(clap::Args)]
pub struct Options {
    /// A kernel by its version or the beginning of it, or all, the newest of each series; may be given several times
    /// [default: the oldest and the newest; with arguments the newest]
    #[arg(long = "kernel", value_name = "VERSION")]
    kernels: Vec<String>,
    /// List the kernels that can be had
    #[arg(long)]
    list: bool,
    /// Run on the processor instead of emulating one
    #[arg(long)]
    kvm: bool,
    /// How long a machine may take
    #[arg(long, default_value = "40m", value_parser = humantime::parse_duration)]
    limit: Duration,
    /// Run the tests with these words in their names alone
    #[arg(long, value_name = "WORD", conflicts_with = "arguments")]
    only: Vec<String>,
    /// Write what came of the tests to this file, as Markdown
    #[arg(long, value_name = "FILE", conflicts_with_all = ["arguments", "only"])]
    log: Option<PathBuf>,
    /// Run portclass with these arguments, beside an interface with traffic, instead of the tests
    #[arg(last = true, value_name = "ARGS")]
    arguments: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            kernels: Vec::new(),
            list: false,
            kvm: false,
            limit: Duration::from_secs(40 * 60),
            only: Vec::new(),
            log: None,
            arguments: Vec::new(),
        }
    }
}

/// Lists, shows or tests.
///
/// # Errors
///
/// Something is missing, or fails in a machine.
pub fn vm(options: &Options) -> Result<()> {
    if options.list {
        return list(&Kernels::list(&cache()?, &Interrupt::catch()?)?);
    }
    Ready::new(options)?.run()
}

/// The folder for kernels and machines.
fn cache() -> Result<PathBuf> {
    /// What lists of packages, two kernels and two machines take, in MiB, and some more.
    const ROOM: u64 = 512;
    let cache = target_directory()?.join("vm");
    fs::create_dir_all(&cache).with_context(|| format!("cannot make {}", cache.display()))?;
    // apt waits for minutes where there is none.
    let disk = statvfs(&cache).with_context(|| cache.display().to_string())?;
    let free = (disk.f_bavail * disk.f_frsize) >> 20;
    ensure!(
        free >= ROOM,
        "{}: {free} MiB are free, and kernels and machines take up to {ROOM}: make room, or set CARGO_TARGET_DIR to a folder \
         with more",
        cache.display()
    );
    Ok(cache)
}

fn list(kernels: &Kernels) -> Result<()> {
    for (version, is_cached) in kernels.all() {
        println!(
            "{version}{}",
            if is_cached { " (in the cache)" } else { "" }
        );
    }
    for version in kernels.partial() {
        println!("{version} (not to be had: mirrors lack a part of it)");
    }
    Ok(())
}

/// All that comes from elsewhere is there: the tools, and the kernels.
pub struct Ready<'a> {
    options: &'a Options,
    cache: PathBuf,
    machines: Vec<(Version, Kernel)>,
    interrupt: Interrupt,
}

impl<'a> Ready<'a> {
    /// Installs tools and fetches kernels, as far as they are missing.
    ///
    /// # Errors
    ///
    /// They cannot be had here.
    pub fn new(options: &'a Options) -> Result<Self> {
        ensure!(
            cfg!(target_arch = "x86_64"),
            "the machines are x86-64, and so has to be the computer that runs them"
        );
        setup::machine_tools()?;
        let cache = cache()?;
        // From here on a signal ends what is running in order.
        let interrupt = Interrupt::catch()?;
        let machines = fetch(&cache, options, &interrupt);
        // It may be what has ended apt.
        interrupt.check()?;
        Ok(Self {
            options,
            machines: machines?,
            cache,
            interrupt,
        })
    }

    /// Shows or tests.
    ///
    /// # Errors
    ///
    /// Something cannot be built, or fails in a machine.
    pub fn run(&self) -> Result<()> {
        let options = self.options;
        let programs = Programs::build(options.arguments.is_empty())?;
        let vm = Vm {
            options,
            programs,
            interrupt: &self.interrupt,
            accelerator: match options.kvm {
                true => Accelerator::Kvm,
                false => Accelerator::Emulation,
            },
            folder: RunFolder::new(&self.cache)?,
            failures: self.cache.join("failed"),
        };
        if options.arguments.is_empty() {
            vm.test_all(&self.machines)
        } else {
            self.machines
                .iter()
                .try_for_each(|machine| vm.show(machine))
        }
    }
}

fn fetch(cache: &Path, options: &Options, interrupt: &Interrupt) -> Result<Vec<(Version, Kernel)>> {
    let kernels = Kernels::list(cache, interrupt)?;
    let fetch = |version: Version| {
        interrupt.check()?;
        let kernel = kernels.fetch(&version)?;
        Ok((version, kernel))
    };
    choose(&kernels, options)?.into_iter().map(fetch).collect()
}

fn choose(kernels: &Kernels, options: &Options) -> Result<Vec<Version>> {
    let newest = kernels.newest_of_each_series();
    let mut chosen = Vec::new();
    for name in &options.kernels {
        match name.as_str() {
            "all" => chosen.extend(newest.clone()),
            name => chosen.push(kernels.named(name)?),
        }
    }
    if chosen.is_empty() {
        // The first of them has the least, and the last one changes what nobody has seen yet.
        let first = newest.first().filter(|_| options.arguments.is_empty());
        if let Some(first) = first.filter(|first| first.series() != OLDEST) {
            eprintln!("xtask: the oldest kernel that can be had is {first}");
        }
        chosen.extend(first.into_iter().chain(newest.last()).cloned());
    }
    chosen.sort();
    chosen.dedup();
    Ok(chosen)
}

/// Everything that machines have in common.
struct Vm<'a> {
    options: &'a Options,
    programs: Programs,
    interrupt: &'a Interrupt,
    accelerator: Accelerator,
    folder: RunFolder,
    /// Where the words of a machine are kept that did not end well.
    failures: PathBuf,
}

impl Vm<'_> {
    /// Runs portclass in one machine.
    fn show(&self, (version, kernel): &(Version, Kernel)) -> Result<()> {
        eprintln!(
            "xtask: Linux {version}, {}",
            self.options.arguments.join(" ")
        );
        let word = match io::stdout().is_terminal() {
            true => "show-screen",
            false => "show",
        };
        let task = [&[word.to_owned()], &self.options.arguments[..]].concat();
        let console = self.folder.path().join("console");
        // QEMU opens what it writes to by a path, by which a socket cannot be opened.
        let (mut output, stdout) = io::pipe()?;
        let (mut errors, stderr) = io::pipe()?;
        let end = thread::scope(|scope| {
            scope.spawn(move || io::copy(&mut output, &mut io::stdout()));
            scope.spawn(move || io::copy(&mut errors, &mut io::stderr()));
            self.run(
                version,
                kernel,
                &task,
                &console,
                stdout.into(),
                stderr.into(),
            )
        })?;
        match end {
            End::Well => Ok(()),
            End::Badly(status) => {
                // What the first process has to say before it has its own lines.
                let said = fs::read_to_string(&console).unwrap_or_default();
                for line in said.lines().filter(|line| line.starts_with("guest: ")) {
                    eprintln!("{line}");
                }
                bail!("portclass has ended with status {status}")
            }
            End::Broken(why) => bail!("Linux {version}: {why}\n{}", last_lines(&console, 30)),
        }
    }

    /// Runs the tests in all machines, as many at a time as there is room for.
    fn test_all(&self, machines: &[(Version, Kernel)]) -> Result<()> {
        let at_once = machines_at_once();
        let outcomes = Mutex::new(Vec::new());
        let waiting = Mutex::new(machines.iter());
        let next = || waiting.lock().ok()?.next();
        thread::scope(|scope| -> Result<()> {
            let run = || -> Result<()> {
                while let Some(subject) = next() {
                    let outcome = self.test(subject)?;
                    eprint!("{outcome}");
                    outcomes.lock().expect("no test panics").push(outcome);
                }
                Ok(())
            };
            let workers = (0..at_once.min(machines.len())).map(|_| scope.spawn(run));
            let workers: Vec<_> = workers.collect();
            workers
                .into_iter()
                .try_for_each(|worker| worker.join().expect("no test panics"))
        })?;
        let mut outcomes = outcomes.into_inner().expect("no test panics");
        outcomes.sort_by(|one, other| one.version.cmp(&other.version));
        if let Some(path) = &self.options.log {
            fs::write(path, log::markdown(&outcomes, self.accelerator))
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        let failed: Vec<String> = outcomes
            .iter()
            .filter(|outcome| !outcome.is_well())
            .map(|outcome| outcome.version.to_string())
            .collect();
        ensure!(
            failed.is_empty(),
            "not all is well on Linux {}; what they said is in {}",
            failed.join(", "),
            self.failures.display()
        );
        Ok(())
    }

    fn test(&self, (version, kernel): &(Version, Kernel)) -> Result<Outcome> {
        let programs = self
            .programs
            .tests
            .iter()
            .map(|test| test.display().to_string());
        let task = [
            vec!["test".to_owned()],
            programs.collect(),
            vec!["--".to_owned()],
            self.options.only.clone(),
        ]
        .concat();
        let folder = self.folder.path().join(version.to_string());
        fs::create_dir_all(&folder)?;
        let [console, stdout, stderr] =
            ["console", "stdout", "stderr"].map(|name| folder.join(name).with_extension("log"));
        let create = |path: &Path| fs::File::create(path);
        eprintln!("xtask: Linux {version}: starting");
        let start = Instant::now();
        let (out, err) = (create(&stdout)?, create(&stderr)?);
        let end = self.run(version, kernel, &task, &console, out.into(), err.into())?;
        let outcome = Outcome::read(version, end, start.elapsed(), &stdout, &stderr)?;
        if !outcome.is_well() {
            let kept = self.failures.join(version.to_string());
            let _ = fs::remove_dir_all(&kept);
            fs::create_dir_all(&kept)?;
            for path in [&console, &stdout, &stderr] {
                let name = path.file_name().unwrap_or_default();
                // One that was never written is missing.
                let _ = fs::copy(path, kept.join(name));
            }
            for (path, lines) in [(&console, 20), (&stdout, 60), (&stderr, 20)] {
                eprintln!("{}", last_lines(path, lines));
            }
        }
        Ok(outcome)
    }

    fn run(
        &self,
        version: &Version,
        kernel: &Kernel,
        task: &[String],
        console: &Path,
        stdout: Stdio,
        stderr: Stdio,
    ) -> Result<End> {
        let root = self.folder.path().join(format!("{version}.cpio"));
        root::write(&root, kernel, &self.programs, &task.join("\n"))?;
        let nics = Nics::new();
        if let Err(why) = &nics {
            eprintln!("xtask: Linux {version}: without network cards: {why:#}");
        }
        let machine = Machine {
            accelerator: self.accelerator,
            kernel: &kernel.image,
            root: &root,
            nics: nics.as_ref().ok(),
            limit: self.options.limit,
        };
        let end = machine.run(console, stdout, stderr, self.interrupt);
        fs::remove_file(&root)?;
        end
    }
}
