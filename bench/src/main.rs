//! What portclass costs, measured: `cargo xtask bench`.
//!
//! Kernel programs are measured with `BPF_PROG_TEST_RUN`. What counts is the difference to a program that does nothing,
//! taken within the same round, and ratios within one run; absolute times are the machine's.

mod cpu;
mod frames;
mod growth;
mod kernel;
mod live;
mod machine;
mod measure;
mod mix;
mod program;
mod report;
mod size;
mod start;
mod statistics;

use std::{fs::File, io::Write as _, path::PathBuf, process::ExitCode};

use anyhow::{Context as _, Result, ensure};
use clap::{Parser, ValueEnum};

use self::{measure::Plan, report::Report};

/// Measures what portclass costs
#[derive(Parser)]
#[command(bin_name = "cargo xtask bench --")]
struct Cli {
    /// What to measure; everything by default
    #[arg(value_enum)]
    sections: Vec<Section>,
    /// Rounds, in each of which every variant has its turn
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rounds: u32,
    /// Runs of a program in each round
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    runs: u32,
    /// Show that everything can be measured, in figures that mean little
    #[arg(long, conflicts_with_all = ["rounds", "runs"])]
    quick: bool,
    /// Write the report to this file, too, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// A part of the report.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Section {
    /// What a program costs a packet, by frame, option and mix of ports
    Program,
    /// How that grows with entries, frame size, CPUs and interfaces
    Growth,
    /// Packets a second over a veth pair
    Live,
    /// Starting a run, and letting it run: time, memory, a share of a CPU
    Start,
}

impl Section {
    fn name(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Growth => "growth",
            Self::Live => "live",
            Self::Start => "start",
        }
    }

    /// Measures, and shows each table as soon as it is there.
    fn measure(self, plan: Plan, report: &mut Report) -> Result<()> {
        match self {
            Self::Program => program::measure(plan, report),
            Self::Growth => growth::measure(plan, report),
            Self::Live => {
                report.add_part(&live::measure(plan)?);
                Ok(())
            }
            Self::Start => {
                report.add_part(&start::measure(plan)?);
                Ok(())
            }
        }
    }
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<()> {
    ensure!(
        rustix::process::geteuid().is_root(),
        "run it as root: it loads programs into the kernel"
    );
    let plan = if cli.quick {
        Plan::QUICK
    } else {
        Plan {
            rounds: cli.rounds,
            runs: cli.runs,
            is_quick: false,
        }
    };
    // Minutes of measuring are not to end with a file that cannot be written.
    let json = cli.json.as_ref().map(|path| {
        let file = File::create(path);
        let file = file.with_context(|| format!("cannot write {}", path.display()))?;
        anyhow::Ok((path, file))
    });
    let json = json.transpose()?;
    let mut report = Report::new(machine::Machine::read(), plan);
    for &section in Section::value_variants() {
        if cli.sections.is_empty() || cli.sections.contains(&section) {
            report.start(section.name());
            section.measure(plan, &mut report)?;
        }
    }
    if let Some((path, mut file)) = json {
        file.write_all(report.json().as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
