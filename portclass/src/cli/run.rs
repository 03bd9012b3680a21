//! The arguments of `portclass run`.

use std::net::SocketAddr;

use clap::{ArgAction, ArgMatches, Args, builder::BoolishValueParser, parser::ValueSource};

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
    #[command(flatten)]
    pub metrics: MetricsArgs,
}

/// What is served over HTTP.
#[derive(Debug, Args)]
pub struct MetricsArgs {
    /// Serve metrics for Prometheus, a page and JSON over HTTP at this address, such as 127.0.0.1:9464; counts each
    /// interface by itself
    #[arg(
        long = "metrics-listen",
        value_name = "ADDRESS",
        env = "PORTCLASS_METRICS_LISTEN",
        value_parser = address
    )]
    pub listen: Option<SocketAddr>,
    /// Let the first N services that are seen have metrics of their own, and count later ones as "other"
    #[arg(long = "metrics-top", value_name = "N", env = "PORTCLASS_METRICS_TOP")]
    pub top: Option<usize>,
    /// A name that the listener may be asked as, beside addresses, localhost and the host's own name; may be given
    /// several times
    #[arg(
        long = "metrics-host",
        value_name = "NAME",
        env = "PORTCLASS_METRICS_HOST",
        value_delimiter = ',',
        value_parser = host
    )]
    pub hosts: Vec<String>,
    /// Have the kernel time its programs, for metrics: takes root, and some nanoseconds a packet
    #[arg(long = "metrics-run-time", env = "PORTCLASS_METRICS_RUN_TIME", action = ArgAction::SetTrue, value_parser = BoolishValueParser::new())]
    pub run_time: bool,
}

impl RunArgs {
    /// Says which options do not go together; see [`ObserveArgs::check`].
    pub fn check(&self, given: &ArgMatches) -> Result<(), &'static str> {
        self.observe.check(given)?;
        let typed = |option| given.value_source(option) == Some(ValueSource::CommandLine);
        let options = ["top", "hosts", "run_time"];
        if self.metrics.listen.is_none() && options.into_iter().any(typed) {
            return Err("the other --metrics options are for --metrics-listen; use it too");
        }
        Ok(())
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let expected = |_| "expected an address and a port, such as 127.0.0.1:9464 or [::1]:9464";
    Ok(text.parse().map_err(expected)?)
}

/// A name as it is compared with that of a request, whose port and last dot do not count.
fn host(text: &str) -> Result<String, &'static str> {
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_of_names = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_of_names) {
        return Err(
            "expected a name alone, without scheme, port and path, such as metrics.example",
        );
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::host;

    #[test]
    fn names_that_no_request_can_have_are_refused() {
        for name in ["metrics.example", "metrics.example."] {
            assert_eq!(host(name).as_deref(), Ok("metrics.example"), "{name}");
        }
        for name in [
            "",
            ".",
            "metrics.example:9464",
            "http://metrics.example",
            "metrics.example/",
            "*.example:80",
            "m\u{fc}nchen.example",
        ] {
            assert!(host(name).is_err(), "{name}");
        }
    }
}
