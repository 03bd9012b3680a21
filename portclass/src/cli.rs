//! The command line: it only validates.

mod doctor;
mod nft;
mod observe;
mod registry;
mod replay;
mod run;
mod top;

use std::{path::PathBuf, time::Duration};

use clap::{
    ArgAction, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum,
    builder::BoolishValueParser, error::ErrorKind,
};
use portclass::{account::Sort, dataplane::DEFAULT_PIN_DIR, registry::Query, report::Format};
use portclass_common::{labelling::Matching, tag::MarkMask};

pub use self::doctor::{DoctorArgs, DoctorFormat};
pub use self::nft::NftArgs;
pub use self::observe::{ObserveArgs, TagArg, is_pattern};
pub use self::registry::{
    CheckArgs, ConvertArgs, ConvertFormat, DiffArgs, RegistryArgs, RegistryCommand, ShowArgs,
    ShowFormat, UpdateArgs,
};
pub use self::replay::{EngineArg, ReplayArgs};
pub use self::run::RunArgs;
pub use self::top::TopArgs;

/// Labels live traffic with its registered service, in the kernel.
#[derive(Debug, Parser)]
#[command(name = "portclass", version, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// The command line and the environment. What is wrong with them ends the process.
    pub fn from_command_line() -> Self {
        let mut command = Self::command();
        let matches = command.get_matches_mut();
        let cli = Self::from_arg_matches(&matches)
            .unwrap_or_else(|error| error.format(&mut command).exit());
        let check = |given| match &cli.command {
            Command::Run(args) => args.check(given),
            Command::Top(args) => args.observe.check(given),
            _ => Ok(()),
        };
        if let Some((name, given)) = matches.subcommand()
            && let Err(why) = check(given)
        {
            let usage = command.find_subcommand_mut(name);
            let error = |run: &mut clap::Command| run.error(ErrorKind::ArgumentConflict, why);
            usage.map(error).unwrap_or_else(|| unreachable!()).exit()
        }
        cli
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Label the traffic of interfaces and print live counters until Ctrl-C
    #[command(
        after_help = "SIGHUP has a run read the files of its registry again where neither stdin nor stdout is a terminal, \
                      and ends it otherwise."
    )]
    Run(RunArgs),
    /// Label the traffic of interfaces and look at it live, as a screen with keys
    Top(TopArgs),
    /// Label the frames of captures, by the program in the kernel, and print the same report
    Replay(ReplayArgs),
    /// Say what the registry says of ports and names; needs no privilege
    Lookup(LookupArgs),
    /// Validate registry files, list, compare, convert and fetch them; needs no privilege
    #[command(subcommand)]
    Registry(RegistryCommand),
    /// Print the marks of services for nftables; needs no privilege
    Nft(NftArgs),
    /// Load the registry into the pinned BPF maps, for later runs to use
    Load(LoadArgs),
    /// Show what is pinned and what is attached
    Status(PinArgs),
    /// Say whether a run would work on this host, and if not, what is in the way and how to remove it
    #[command(
        after_help = "Exits with status 1 when portclass run with the same --iface would fail."
    )]
    Doctor(DoctorArgs),
    /// Remove the pinned maps, and filters that a killed run has left
    Detach(PinArgs),
}

#[derive(Debug, Args)]
pub struct LookupArgs {
    /// A port, a range, a service name or a pattern for names, each with a transport or without: 4789/udp, 4740-4851,
    /// https, 'vxlan*'
    #[arg(required = true)]
    pub queries: Vec<Query>,
    /// What to print
    #[arg(long, short, value_enum, default_value_t)]
    pub format: LookupFormat,
    #[command(flatten)]
    pub registry: RegistryArgs,
}

#[derive(Debug, Args)]
pub struct LoadArgs {
    #[command(flatten)]
    pub registry: RegistryArgs,
    #[command(flatten)]
    pub pins: PinArgs,
}

#[derive(Debug, Args)]
pub struct PinArgs {
    /// Folder of the pinned maps, on a BPF file system
    #[arg(long, value_name = "DIR", default_value = DEFAULT_PIN_DIR, env = "PORTCLASS_PIN_DIR")]
    pub pin_dir: PathBuf,
}

/// How frames are labelled.
#[derive(Clone, Copy, Debug, Args)]
pub struct LabelArgs {
    /// The port that labels come from
    #[arg(
        long = "match",
        value_name = "WHICH",
        value_enum,
        default_value_t,
        env = "PORTCLASS_MATCH"
    )]
    pub matching: MatchArg,
    /// Look into tunnels (IP in IP, GRE, VXLAN, VXLAN-GPE, Geneve, GRE in UDP), two deep
    #[arg(long, env = "PORTCLASS_DECAPSULATE", action = ArgAction::SetTrue, value_parser = BoolishValueParser::new())]
    pub decapsulate: bool,
}

/// How counters are reported.
#[derive(Clone, Copy, Debug, Args)]
pub struct ReportArgs {
    /// What to print
    #[arg(long, short, value_enum, default_value_t, env = "PORTCLASS_FORMAT")]
    pub format: FormatArg,
    /// Services that a table shows at most
    #[arg(long, value_name = "N", env = "PORTCLASS_LIMIT")]
    pub limit: Option<usize>,
    /// Order of the services
    #[arg(long, value_enum, default_value_t, env = "PORTCLASS_SORT")]
    pub sort: SortArg,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum MatchArg {
    /// The destination port alone
    #[default]
    Destination,
    /// The source port alone
    Source,
    /// The port more likely to be the server's, which labels replies too
    Best,
}

impl From<MatchArg> for Matching {
    fn from(matching: MatchArg) -> Self {
        match matching {
            MatchArg::Destination => Self::Destination,
            MatchArg::Source => Self::Source,
            MatchArg::Best => Self::Best,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum FormatArg {
    /// A live table
    #[default]
    Table,
    /// One JSON document at the end
    Json,
    /// A JSON document a line, one an interval
    Jsonl,
    /// A row a port or reason and interval
    Csv,
}

impl From<FormatArg> for Format {
    fn from(format: FormatArg) -> Self {
        match format {
            FormatArg::Table => Self::Table,
            FormatArg::Json => Self::Json,
            FormatArg::Jsonl => Self::Jsonl,
            FormatArg::Csv => Self::Csv,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum SortArg {
    /// Most bytes first
    #[default]
    Bytes,
    /// Most packets first
    Packets,
    /// Most bits a second first
    Rate,
    /// By name
    Name,
    /// By lowest port
    Port,
}

impl From<SortArg> for Sort {
    fn from(sort: SortArg) -> Self {
        match sort {
            SortArg::Bytes => Self::Bytes,
            SortArg::Packets => Self::Packets,
            SortArg::Rate => Self::Rate,
            SortArg::Name => Self::Name,
            SortArg::Port => Self::Port,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum LookupFormat {
    /// A table
    #[default]
    Table,
    /// JSON
    Json,
}

/// The bits of a mark that hold a label, in hexadecimal after `0x` or in decimal.
pub fn mark_mask(text: &str) -> Result<MarkMask, String> {
    let bits = match text.strip_prefix("0x").or(text.strip_prefix("0X")) {
        // A sign is no digit.
        Some(digits) if digits.starts_with('+') => None,
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None if text.starts_with('+') => None,
        None => text.parse().ok(),
    };
    let bits = bits.ok_or("expected up to 32 bits, such as 0x0007ffff")?;
    MarkMask::new(bits).ok_or_else(|| {
        "expected at least 19 bits, one beside the other, such as 0x0007ffff".to_owned()
    })
}

fn interval(text: &str) -> Result<Duration, String> {
    const SHORTEST: Duration = Duration::from_millis(10);
    const LONGEST: Duration = Duration::from_hours(24);
    let interval = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if interval < SHORTEST || interval > LONGEST {
        return Err("expected 10ms to 1day".to_owned());
    }
    Ok(interval)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::{Cli, interval, mark_mask};

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn masks_are_hexadecimal_or_decimal_and_have_room_for_a_mark() {
        let bits = |text: &str| mark_mask(text).map(|mask| mask.bits()).ok();
        assert_eq!(bits("0x0007ffff"), Some(0x7_ffff));
        assert_eq!(bits("0XFFFFE000"), Some(0xffff_e000));
        assert_eq!(bits("524287"), Some(0x7_ffff));
        for text in [
            "",
            "0x",
            "0",
            "7ffff",
            "0x3ffff",
            "0x8007ffff",
            "0x1ffffffff",
            "-1",
            "+524287",
            "0x+7ffff",
            " 0x7ffff",
            "0x7ffff/8",
        ] {
            assert_eq!(bits(text), None, "{text:?}");
        }
    }

    #[test]
    fn intervals_have_a_unit_and_a_least_length() {
        assert!(interval("1s").is_ok() && interval("10ms").is_ok() && interval("1m 30s").is_ok());
        assert!(
            interval("0s").is_err()
                && interval("9ms").is_err()
                && interval("500000000000years").is_err()
                && interval("1").is_err()
        );
    }
}
