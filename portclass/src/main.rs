//! Parses the command line, runs the command, sets the exit status.

mod cli;
mod command;

use std::process::ExitCode;

use crate::cli::{Cli, Command};

fn main() -> ExitCode {
    let success = |()| ExitCode::SUCCESS;
    let result = match Cli::from_command_line().command {
        Command::Run(args) => command::run::run(args).map(success),
        Command::Top(args) => command::top::run(args).map(success),
        Command::Replay(args) => command::replay::run(args).map(success),
        Command::Lookup(args) => command::lookup::run(args).map(success),
        Command::Registry(command) => command::registry::run(command).map(success),
        Command::Nft(args) => command::nft::run(args).map(success),
        Command::Load(args) => command::load::run(args).map(success),
        Command::Status(args) => command::status::run(&args).map(success),
        Command::Doctor(args) => command::doctor::run(&args),
        Command::Detach(args) => command::detach::run(&args).map(success),
    };
    let status = match result {
        Ok(status) => status,
        Err(failure) => {
            command::stderr::say(failure);
            ExitCode::FAILURE
        }
    };
    command::stderr::flush();
    status
}
