//! The arguments of `portclass top`.

use clap::Args;
use portclass::report::Order;

use super::{ObserveArgs, SortArg};

#[derive(Debug, Args)]
pub struct TopArgs {
    #[command(flatten)]
    pub observe: ObserveArgs,
    /// Order of the services
    #[arg(long, value_enum, default_value = "rate", env = "PORTCLASS_SORT")]
    pub sort: SortArg,
}

impl From<SortArg> for Order {
    fn from(sort: SortArg) -> Self {
        match sort {
            SortArg::Bytes => Self::Bytes,
            SortArg::Packets => Self::Packets,
            SortArg::Rate => Self::Bits,
            SortArg::Name => Self::Name,
            SortArg::Port => Self::Port,
        }
    }
}
