//! The command line of `portclass doctor`.

use clap::{Args, ValueEnum};

use super::{PinArgs, observe::interface_name};

#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Interface to look at, a pattern such as 'eth*', or all; may be given several times [default: that of the default
    /// route]
    #[arg(long = "iface", short = 'i', value_name = "NAME", env = "PORTCLASS_IFACE", value_delimiter = ',',
          value_parser = interface_name)]
    pub interfaces: Vec<String>,
    /// What to print
    #[arg(long, short, value_enum, default_value_t)]
    pub format: DoctorFormat,
    /// Attach to each interface and detach at once, to find out what cannot be read
    #[arg(long)]
    pub probe: bool,
    #[command(flatten)]
    pub pins: PinArgs,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum DoctorFormat {
    /// A table of the interfaces, and the findings
    #[default]
    Table,
    /// One JSON document
    Json,
}
