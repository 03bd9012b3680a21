//! What to observe, and how.

use std::time::Duration;

use clap::{
    ArgAction, ArgMatches, Args, ValueEnum, builder::BoolishValueParser, parser::ValueSource,
};
use portclass::dataplane::{Mode, TcHook};
use portclass_common::tag::MarkMask;

use super::{LabelArgs, PinArgs, RegistryArgs, interval, mark_mask};

#[derive(Debug, Args)]
pub struct ObserveArgs {
    /// Interface to observe, a pattern such as 'eth*', or all; may be given several times [default: that of the default
    /// route]
    #[arg(long = "iface", short = 'i', value_name = "NAME", env = "PORTCLASS_IFACE", value_delimiter = ',',
          value_parser = interface_name)]
    pub interfaces: Vec<String>,
    /// How to attach to what arrives
    #[arg(long, value_enum, default_value_t, env = "PORTCLASS_MODE")]
    pub mode: ModeArg,
    /// Which way frames are observed
    #[arg(long, value_enum, default_value_t, env = "PORTCLASS_DIRECTION")]
    pub direction: DirectionArg,
    /// How to attach to what leaves, and to what is marked
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "HOOK",
        env = "PORTCLASS_TC_HOOK"
    )]
    pub tc_hook: TcHookArg,
    #[command(flatten)]
    pub label: LabelArgs,
    /// Put labels on packets for other programs; may be given twice
    #[arg(
        long = "tag",
        value_enum,
        value_name = "KIND",
        env = "PORTCLASS_TAG",
        value_delimiter = ','
    )]
    pub tags: Vec<TagArg>,
    /// The bits of the mark that --tag mark sets, at least 19
    #[arg(long, value_name = "MASK", default_value = "0x0007ffff", env = "PORTCLASS_MARK_MASK", value_parser = mark_mask)]
    pub mark_mask: MarkMask,
    /// Count each interface by itself
    #[arg(long, env = "PORTCLASS_PER_INTERFACE", action = ArgAction::SetTrue, value_parser = BoolishValueParser::new())]
    pub per_interface: bool,
    /// Time between two reports, such as 1s or 500ms
    #[arg(long, default_value = "1s", env = "PORTCLASS_INTERVAL", value_parser = interval)]
    pub interval: Duration,
    /// End after this time, such as 10s or 5m [default: Ctrl-C ends the run]
    #[arg(long, env = "PORTCLASS_DURATION", value_parser = humantime::parse_duration)]
    pub duration: Option<Duration>,
    #[command(flatten)]
    pub registry: RegistryArgs,
    #[command(flatten)]
    pub pins: PinArgs,
}

impl ObserveArgs {
    /// Says which options do not go together. One that would have no effect is wrong on the command line; in the
    /// environment it waits for runs that it has an effect on. `given` tells the two apart.
    pub fn check(&self, given: &ArgMatches) -> Result<(), &'static str> {
        let typed = |option| given.value_source(option) == Some(ValueSource::CommandLine);
        let (ingress, egress) = (self.direction.has_ingress(), self.direction.has_egress());
        let marks = self.tags.contains(&TagArg::Mark);
        let wrong = [
            (
                typed("tags") && self.tags.contains(&TagArg::Metadata) && !ingress,
                "--tag metadata is for what arrives; use --direction ingress or both",
            ),
            (
                typed("mode") && !ingress,
                "--mode is for what arrives; use --direction ingress or both",
            ),
            (
                typed("tc_hook") && !egress && !marks,
                "--tc-hook is for what leaves and for marks; use --direction egress or both, or --tag mark",
            ),
            (
                typed("mark_mask") && !marks,
                "--mark-mask is for marks; use --tag mark",
            ),
        ];
        match wrong.into_iter().find(|&(is_wrong, _)| is_wrong) {
            Some((_, why)) => Err(why),
            None => Ok(()),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum ModeArg {
    /// Native where the driver can, generic otherwise
    #[default]
    Auto,
    /// In the driver
    Native,
    /// In the network stack
    Generic,
}

impl From<ModeArg> for Mode {
    fn from(mode: ModeArg) -> Self {
        match mode {
            ModeArg::Auto => Self::Auto,
            ModeArg::Native => Self::Native,
            ModeArg::Generic => Self::Generic,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum DirectionArg {
    /// What arrives
    #[default]
    Ingress,
    /// What leaves
    Egress,
    /// Both
    Both,
}

impl DirectionArg {
    /// Whether what arrives is observed.
    pub fn has_ingress(self) -> bool {
        self != Self::Egress
    }

    /// Whether what leaves is observed.
    pub fn has_egress(self) -> bool {
        self != Self::Ingress
    }
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum TcHookArg {
    /// tcx where the kernel has it, clsact otherwise
    #[default]
    Auto,
    /// tcx (Linux 6.6)
    Tcx,
    /// A filter under a clsact qdisc
    Clsact,
}

impl From<TcHookArg> for TcHook {
    fn from(hook: TcHookArg) -> Self {
        match hook {
            TcHookArg::Auto => Self::Auto,
            TcHookArg::Tcx => Self::Tcx,
            TcHookArg::Clsact => Self::Clsact,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TagArg {
    /// Eight bytes in front of what arrives, for tc programs
    Metadata,
    /// The packet's mark, for nftables, routing rules, sockets and tc
    Mark,
}

/// Whether a name may stand for several.
pub fn is_pattern(name: &str) -> bool {
    name.contains(['*', '?', '['])
}

/// The kernel's rules for names (`dev_valid_name` in net/core/dev.c). A pattern may be longer than what it matches.
pub fn interface_name(name: &str) -> Result<String, String> {
    const IFNAMSIZ: usize = 16;
    let is_valid = !name.is_empty()
        && (name.len() < IFNAMSIZ || is_pattern(name))
        && name != "."
        && name != ".."
        && !name.contains(|character: char| {
            character == '/' || character == ':' || character.is_ascii_whitespace()
        })
        && !name.contains(char::is_control);
    if is_valid {
        Ok(name.to_owned())
    } else {
        Err(format!(
            "no interface can have this name; expected 1 to {} bytes, without '/', ':' or blanks",
            IFNAMSIZ - 1
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::interface_name;

    #[test]
    fn names_that_no_interface_can_have_are_refused() {
        for name in [
            "eth0",
            "a",
            "enp0s31f6.4094",
            "br-lan",
            "veth@1",
            "fifteen-letters",
            "enp[0-9]s[0-9]f[0-9]",
            "sixteen-letters-*",
        ] {
            assert_eq!(interface_name(name).as_deref(), Ok(name));
        }
        let long = "x".repeat(300);
        for name in [
            "",
            ".",
            "..",
            "sixteen-letters-",
            "a/b",
            "a b",
            "a:b",
            "sixteen-letters/*",
            "a\0b",
            "a\u{1b}[2J",
            &long,
        ] {
            assert!(interface_name(name).is_err(), "{name:?}");
        }
    }
}
