//! The project's own commands, called as `cargo xtask COMMAND`.

mod btf;
mod build_ebpf;
mod debian;
mod demo;
mod exec;
mod finish;
mod interrupt;
mod kernel_toolchain;
mod program;
mod record;
mod setup;
mod test;
mod vm;
mod workspace;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

/// Builds, runs, tests and shows portclass.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build what is needed and run `portclass run`, with sudo when not root
    Run {
        /// Arguments for `portclass run`
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Run everything that must pass
    Test,
    /// Send real traffic between two network namespaces, show it labelled and check every count
    Demo {
        /// Show this program instead of building one
        #[arg(long)]
        program: Option<PathBuf>,
        /// Arguments for `portclass run`
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Load the registry into the pinned BPF hash map
    Load {
        /// Arguments for `portclass load`
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Install what `build-ebpf` and the tests need, or print the commands that would
    Setup,
    /// Measure what portclass costs, with sudo when not root
    Bench {
        /// Arguments for the bench: sections, --quick, --json FILE; without any, the library is measured as well
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Run the kernel and live tests, or portclass, in virtual machines with Debian's kernels
    Vm(vm::Options),
    /// Rebuild the kernel objects from source
    BuildEbpf {
        /// Only say whether a checked-in object is stale; needs no tools
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Run { arguments } => program::run("run", &arguments),
        Command::Test => test::test(),
        Command::Demo { program, arguments } => demo::demo(program, &arguments),
        Command::Load { arguments } => program::run("load", &arguments),
        Command::Bench { arguments } => program::bench(&arguments),
        Command::Vm(options) => vm::vm(&options),
        Command::Setup => setup::setup(),
        Command::BuildEbpf { check: true } => build_ebpf::check(),
        Command::BuildEbpf { check: false } => build_ebpf::rebuild(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
