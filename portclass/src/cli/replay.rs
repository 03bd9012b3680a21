//! The arguments of `portclass replay`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{LabelArgs, RegistryArgs, ReportArgs};

#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// Captures to read, in pcap or pcapng format; - stands for stdin. What was read before an error is reported all the
    /// same, and so are the other files
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// What labels and counts the frames
    #[arg(long, value_enum, default_value_t, env = "PORTCLASS_ENGINE")]
    pub engine: EngineArg,
    #[command(flatten)]
    pub label: LabelArgs,
    #[command(flatten)]
    pub report: ReportArgs,
    #[command(flatten)]
    pub registry: RegistryArgs,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum EngineArg {
    /// The program in the kernel, the one that live traffic goes through
    #[default]
    Kernel,
    /// The same parser outside the kernel; needs no privilege
    Host,
}
