//! Parses the command line, runs the command, sets the exit status.

mod cli;
mod command;

use std::process::ExitCode;

use crate::cli::{Cli, Command};

fn main() -> ExitCode {
    let result = match Cli::from_command_line().command {
        Command::Run(args) => command::run::run(args),
        Command::Replay(args) => command::replay::run(args),
        Command::Lookup(args) => command::lookup::run(args),
        Command::Registry(command) => command::registry::run(command),
        Command::Nft(args) => command::nft::run(args),
        Command::Load(args) => command::load::run(args),
        Command::Status(args) => command::status::run(&args),
        Command::Detach(args) => command::detach::run(&args),
    };
    let status = match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            command::stderr::say(failure);
            ExitCode::FAILURE
        }
    };
    command::stderr::flush();
    status
}
