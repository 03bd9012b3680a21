//! What it takes to start `portclass run`, and to let it run: time, memory, and a share of a CPU.
//!
//! It is the release binary beside this one, in network namespaces and with a BPF file system of its own.

mod process;
mod stages;
mod upkeep;

use std::{fmt, process::Stdio, thread::sleep, time::Duration};

use anyhow::Result;
use serde::Serialize;
use testbed::{bpffs::Bpffs, netns::Netns, veth::Veth};

use crate::{measure::Plan, statistics::Quartiles};
use process::{Memory, Run};
pub use stages::Stage;
pub use upkeep::Upkeep;

/// Interfaces of the largest setup.
const INTERFACES: usize = 8;
/// The interface of the others.
const INTERFACE: &str = "benchrx0";

/// A way to run portclass.
#[derive(Clone, Copy)]
struct Setup {
    name: &'static str,
    arguments: &'static str,
    interfaces: usize,
}

const SETUPS: [Setup; 4] = [
    Setup {
        name: "ingress",
        arguments: "--iface benchrx0",
        interfaces: 1,
    },
    Setup {
        name: "both directions",
        arguments: "--iface benchrx0 --direction both",
        interfaces: 1,
    },
    Setup {
        name: "8 interfaces, each by itself",
        arguments: "--iface benchrx* --per-interface",
        interfaces: INTERFACES,
    },
    Setup {
        name: "the same, both directions",
        arguments: "--iface benchrx* --per-interface --direction both",
        interfaces: INTERFACES,
    },
];

/// What was measured.
#[derive(Debug, Serialize)]
pub struct Start {
    /// Starts of each setup.
    pub starts: usize,
    /// By setup.
    pub setups: Vec<Row>,
    /// The stages of a start, in the order in which they come.
    pub stages: Vec<Stage>,
    /// What a run takes while it runs.
    pub upkeep: Vec<Upkeep>,
}

/// The starts of one setup.
#[derive(Debug, Serialize)]
pub struct Row {
    /// The setup.
    pub setup: &'static str,
    /// Milliseconds from before the process was made until it said that it had attached everywhere.
    pub attached: Quartiles,
    /// Milliseconds of CPU time that it had taken until then, on all cores.
    pub cpu: Quartiles,
    /// Milliseconds from the signal that ends it to its end.
    pub ended: Quartiles,
    /// Memory some reports later.
    pub memory: Memory,
}

/// Measures, with a start in each round of the plan.
///
/// # Errors
///
/// The process is not root, `ip` is missing, or there is no release binary beside this one.
pub fn measure(plan: Plan) -> Result<Start> {
    let (client, server) = (Netns::new()?, Netns::new()?);
    let pairs = (0..INTERFACES)
        .map(|number| {
            let names = [format!("benchtx{number}"), format!("benchrx{number}")];
            let pair = Veth::new((&client, &names[0]), (&server, &names[1]))?;
            pair.client.set("up")?;
            pair.server.set("up")?;
            Ok(pair)
        })
        .collect::<Result<Vec<_>>>()?;
    // A run takes a registry that it finds pinned: here there is none.
    let bpffs = Bpffs::new()?;
    bpffs.enter(|| {
        let (starts, quick) = (plan.rounds as usize, plan.is_quick);
        Ok(Start {
            starts,
            setups: setups(&server, starts, quick)?,
            stages: stages::measure(&server, INTERFACE, starts)?,
            upkeep: upkeep::measure(&pairs[0], quick)?,
        })
    })
}

fn setups(netns: &Netns, starts: usize, quick: bool) -> Result<Vec<Row>> {
    let mut times = SETUPS.map(|setup| (setup, Vec::new()));
    // The first round finds a binary that nobody has read yet.
    for round in 0..=starts {
        for (setup, times) in &mut times {
            let run = Run::start(netns, setup.arguments, setup.interfaces, Stdio::null())?;
            let (attached, cpu) = (run.attached, run.cpu()?);
            let ended = run.end()?;
            if round > 0 {
                times.push([attached, cpu, ended]);
            }
        }
    }
    let rows = times.into_iter().map(|(setup, times)| {
        let milliseconds = |column: usize| {
            Quartiles::of(times.iter().map(|times| times[column].as_secs_f64() * 1e3))
        };
        Ok(Row {
            setup: setup.name,
            attached: milliseconds(0),
            cpu: milliseconds(1),
            ended: milliseconds(2),
            memory: memory(netns, setup, quick)?,
        })
    });
    rows.collect()
}

fn memory(netns: &Netns, setup: Setup, quick: bool) -> Result<Memory> {
    let run = Run::start(netns, setup.arguments, setup.interfaces, Stdio::null())?;
    sleep(Duration::from_millis(if quick { 1_200 } else { 3_500 }));
    run.memory()
}

impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "Starting `portclass run`: {} starts each; ms, median (quartiles); MiB resident",
            self.starts
        )?;
        writeln!(
            f,
            "{:<30} {:>22} {:>8} {:>6} {:>7} {:>7} {:>9}",
            "", "ms until attached", "CPU ms", "end ms", "peak", "steady", "anonymous"
        )?;
        for row in &self.setups {
            writeln!(
                f,
                "{:<30} {:>22.1} {:>8.1} {:>6.1} {:>7.1} {:>7.1} {:>9.1}",
                row.setup,
                row.attached,
                row.cpu.median,
                row.ended.median,
                row.memory.peak_mib,
                row.memory.resident_mib,
                row.memory.anonymous_mib,
            )?;
        }
        writeln!(f, "\nThe stages of a start, by the library in this process")?;
        for stage in &self.stages {
            writeln!(f, "{:<30} {:>22.1}", stage.name, stage.milliseconds)?;
        }
        writeln!(f, "\nRunning, a report at each interval")?;
        writeln!(
            f,
            "{:<44} {:>8} {:>12} {:>14}",
            "", "s", "% of a CPU", "us a report"
        )?;
        for upkeep in &self.upkeep {
            writeln!(
                f,
                "{:<44} {:>8.1} {:>12.3} {:>14.0}",
                upkeep.what, upkeep.seconds, upkeep.percent, upkeep.report_us,
            )?;
        }
        Ok(())
    }
}
