//! The arguments of `portclass run`.

use clap::{ArgAction, Args, builder::BoolishValueParser};

use super::{ObserveArgs, ReportArgs};

#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    pub observe: ObserveArgs,
    #[command(flatten)]
    pub report: ReportArgs,
    /// Log unlabelled frames on stderr, at most ten a second and CPU
    #[arg(long, env = "PORTCLASS_LOG_UNLABELLED", action = ArgAction::SetTrue, value_parser = BoolishValueParser::new())]
    pub log_unlabelled: bool,
}
