//! The registry on the command line: which files it is made of, and what can be done with it.

use std::{path::PathBuf, time::Duration};

use clap::{ArgAction, Args, Subcommand, ValueEnum, builder::BoolishValueParser};
use portclass::registry::{Date, Format, NamePattern, Ports, Sources, Status};
use portclass_common::transport::Transport;
use ureq::http::{Uri, uri::Scheme};

use super::{LookupFormat, interval};

const IANA_CSV: &str =
    "https://www.iana.org/assignments/service-names-port-numbers/service-names-port-numbers.csv";

#[derive(Debug, Subcommand)]
pub enum RegistryCommand {
    /// Say what is wrong with registry files; exit status 1 where a record cannot be used
    Check(CheckArgs),
    /// List records
    Show(ShowArgs),
    /// List what changed from one registry to another
    Diff(DiffArgs),
    /// Write a registry in another format
    Convert(ConvertArgs),
    /// Fetch IANA's current registry, show what changed, and replace a file with it
    Update(UpdateArgs),
}

#[derive(Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    pub file: FileArg,
    /// What to print
    #[arg(long, short, value_enum, default_value_t)]
    pub format: LookupFormat,
    #[command(flatten)]
    pub registry: RegistryArgs,
}

#[derive(Debug, Args)]
pub struct ShowArgs {
    #[command(flatten)]
    pub file: FileArg,
    /// Only records of this transport; 'any' stands for records that name none
    #[arg(long, short, value_enum)]
    pub transport: Option<TransportArg>,
    /// Only records that give their ports this status
    #[arg(long, short, value_enum)]
    pub status: Option<StatusArg>,
    /// Only records about one of these ports, such as 4789 or 4740-4851
    #[arg(long, short, value_name = "PORT[-PORT]")]
    pub ports: Option<Ports>,
    /// Only records whose name matches this pattern, such as 'vxlan*'
    #[arg(long, short, value_name = "PATTERN")]
    pub name: Option<NamePattern>,
    /// What to print
    #[arg(long, short, value_enum, default_value_t)]
    pub format: ShowFormat,
    #[command(flatten)]
    pub registry: RegistryArgs,
}

#[derive(Debug, Args)]
pub struct DiffArgs {
    /// The older registry
    pub old: PathBuf,
    /// The newer one
    pub new: PathBuf,
    /// The format of both files [default: their content tells]
    #[arg(
        long,
        value_enum,
        value_name = "FORMAT",
        env = "PORTCLASS_REGISTRY_FORMAT"
    )]
    pub registry_format: Option<RegistryFormatArg>,
    /// What to print
    #[arg(long, short, value_enum, default_value_t)]
    pub format: LookupFormat,
    #[command(flatten)]
    pub layers: LayerArgs,
}

#[derive(Debug, Args)]
pub struct ConvertArgs {
    #[command(flatten)]
    pub file: FileArg,
    /// The format to write
    #[arg(long, visible_alias = "format", short = 'f', value_enum)]
    pub to: ConvertFormat,
    /// The file to write [default: stdout]
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub registry: RegistryArgs,
}

#[derive(Debug, Args)]
pub struct UpdateArgs {
    #[command(flatten)]
    pub file: FileArg,
    /// The file to replace, or to make [default: service-names-port-numbers.csv]
    #[arg(long, value_name = "FILE", env = "PORTCLASS_REGISTRY")]
    pub registry: Option<PathBuf>,
    /// Where to fetch it, IANA's CSV itself or a mirror of it
    #[arg(long, value_name = "URL", default_value = IANA_CSV, value_parser = https_url)]
    pub from: Uri,
    /// Give up after this time, such as 30s or 5m
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = interval)]
    pub timeout: Duration,
    /// Take it even if it has less than half the records of the one that it replaces
    #[arg(long)]
    pub force: bool,
    /// Show what changed, and write nothing
    #[arg(long, short = 'n')]
    pub dry_run: bool,
}

#[derive(Debug, Args)]
pub struct FileArg {
    /// The registry; the same as --registry FILE
    #[arg(id = "positional", value_name = "FILE")]
    pub path: Option<PathBuf>,
}

#[derive(Clone, Debug, Args)]
pub struct RegistryArgs {
    /// The registry, in any of its formats [default: the one inside this program]
    #[arg(long = "registry", value_name = "FILE", env = "PORTCLASS_REGISTRY")]
    pub file: Option<PathBuf>,
    /// The format of that file [default: its content tells]
    #[arg(
        long,
        value_enum,
        value_name = "FORMAT",
        env = "PORTCLASS_REGISTRY_FORMAT"
    )]
    pub registry_format: Option<RegistryFormatArg>,
    /// The day on which that file was published, where it bears none
    #[arg(long, value_name = "YYYY-MM-DD", env = "PORTCLASS_REGISTRY_DATE")]
    pub registry_date: Option<Date>,
    #[command(flatten)]
    pub layers: LayerArgs,
}

#[derive(Clone, Debug, Args)]
pub struct LayerArgs {
    /// A file whose names lie on top, in any of the registry's formats or as name,port,transport[,description]; may be
    /// given several times or with commas between, later ones on top
    #[arg(
        long = "overlay",
        value_name = "FILE",
        env = "PORTCLASS_OVERLAY",
        value_delimiter = ','
    )]
    pub overlays: Vec<PathBuf>,
    /// Let the names of this host's services file lie on top of the registry's
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true,
          default_missing_value = "/etc/services", env = "PORTCLASS_ETC_SERVICES")]
    pub etc_services: Option<PathBuf>,
    /// Take the first of a port's names even where another one is what operators know
    #[arg(long, env = "PORTCLASS_NO_PREFERRED_NAMES", action = ArgAction::SetTrue,
          value_parser = BoolishValueParser::new())]
    pub no_preferred_names: bool,
    /// Refuse files with records that cannot be used, instead of leaving those out
    #[arg(long, env = "PORTCLASS_STRICT", action = ArgAction::SetTrue, value_parser = BoolishValueParser::new())]
    pub strict: bool,
}

impl RegistryArgs {
    /// Whether they ask for no other registry than the usual one.
    pub fn is_default(&self) -> bool {
        let LayerArgs {
            overlays,
            etc_services,
            no_preferred_names,
            strict: _,
        } = &self.layers;
        self.file.is_none()
            && self.registry_format.is_none()
            && self.registry_date.is_none()
            && overlays.is_empty()
            && etc_services.is_none()
            && !no_preferred_names
    }

    pub fn sources(self) -> Sources {
        Sources {
            format: self.registry_format.map(Into::into),
            date: self.registry_date,
            ..self.layers.sources(self.file)
        }
    }

    /// The sources where an argument may name the registry as well.
    pub fn sources_with(mut self, file: FileArg) -> Sources {
        self.file = file.path.or(self.file);
        self.sources()
    }
}

impl LayerArgs {
    pub fn sources(self, registry: Option<PathBuf>) -> Sources {
        Sources {
            registry,
            format: None,
            date: None,
            preferred_names: !self.no_preferred_names,
            etc_services: self.etc_services,
            overlays: self.overlays,
            strict: self.strict,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum RegistryFormatArg {
    /// IANA's twelve columns as CSV
    Csv,
    /// IANA's XML
    Xml,
    /// IANA's page
    Html,
    /// IANA's plain text, or its page as text
    Text,
    /// A file like /etc/services
    Services,
    /// Lines of name,port,transport[,description]
    Short,
}

impl From<RegistryFormatArg> for Format {
    fn from(format: RegistryFormatArg) -> Self {
        match format {
            RegistryFormatArg::Csv => Self::Csv,
            RegistryFormatArg::Xml => Self::Xml,
            RegistryFormatArg::Html => Self::Html,
            RegistryFormatArg::Text => Self::Text,
            RegistryFormatArg::Services => Self::Services,
            RegistryFormatArg::Short => Self::Short,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TransportArg {
    Tcp,
    Udp,
    Dccp,
    Sctp,
    Any,
}

impl From<TransportArg> for Option<Transport> {
    fn from(transport: TransportArg) -> Self {
        match transport {
            TransportArg::Tcp => Some(Transport::Tcp),
            TransportArg::Udp => Some(Transport::Udp),
            TransportArg::Dccp => Some(Transport::Dccp),
            TransportArg::Sctp => Some(Transport::Sctp),
            TransportArg::Any => None,
        }
    }
}

/// The statuses that a record can give; ports that no record is about are not listed, or dynamic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StatusArg {
    Assigned,
    Reserved,
    Unassigned,
    PrivateUse,
    Withdrawn,
}

impl From<StatusArg> for Status {
    fn from(status: StatusArg) -> Self {
        match status {
            StatusArg::Assigned => Self::Assigned,
            StatusArg::Reserved => Self::Reserved,
            StatusArg::Unassigned => Self::Unassigned,
            StatusArg::PrivateUse => Self::PrivateUse,
            StatusArg::Withdrawn => Self::Withdrawn,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum ShowFormat {
    /// A row a record
    #[default]
    Table,
    /// One JSON array
    Json,
    /// IANA's twelve columns
    Csv,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ConvertFormat {
    /// IANA's twelve columns
    Csv,
    /// One JSON document
    Json,
    /// The form of /etc/services, a line a port
    Services,
}

/// A URL that can be fetched safely and shown: without TLS, anybody on the way chooses the names; and a password would
/// stand in messages.
fn https_url(text: &str) -> Result<Uri, String> {
    let url: Uri = text.parse().map_err(|error| format!("{error}"))?;
    let authority = url.authority().map_or("", |authority| authority.as_str());
    if url.scheme() != Some(&Scheme::HTTPS) || url.host().is_none_or(str::is_empty) {
        Err("expected https://HOST/PATH".to_owned())
    } else if authority.contains('@') {
        Err("expected no user name or password".to_owned())
    } else {
        Ok(url)
    }
}

#[cfg(test)]
mod tests {
    use super::https_url;

    #[test]
    fn urls_that_are_not_safe_to_fetch_or_to_show_are_refused() {
        for url in [
            "https://www.iana.org/a.csv",
            "https://mirror:8443/",
            "https://[::1]/a.csv",
        ] {
            assert!(https_url(url).is_ok(), "{url}");
        }
        for url in [
            "",
            "www.iana.org",
            "/etc/services",
            "http://www.iana.org/a.csv",
            "file:///etc/services",
            "https://",
            "https:///a.csv",
            "https://:443/a.csv",
            "https://user:password@www.iana.org/a.csv",
            "https://www.iana.org/a b.csv",
            "https://www.iana.org/\u{1b}[2J",
        ] {
            assert!(https_url(url).is_err(), "{url:?}");
        }
    }
}
