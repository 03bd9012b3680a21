//! Fetching a file over TLS.

use std::{
    io::{self, Read as _},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};
use portclass::{
    registry::{Date, MAX_FILE_BYTES},
    report::grouped,
};
use ureq::{
    Agent, Error, Timeout,
    http::{HeaderMap, StatusCode, Uri, header::LAST_MODIFIED},
    tls::{RootCerts, TlsConfig},
};

use super::Failure;

/// How long looking up the name may last, and how long connecting to one of its addresses and the handshake may.
const CONNECTING: Duration = Duration::from_secs(10);

const MAX_REDIRECTS: u32 = 5;

/// What a server gave.
pub struct Fetched {
    pub bytes: Vec<u8>,
    /// The day on which the server says that it was last modified.
    pub modified: Option<Date>,
}

/// Fetches what is at `url` within `patience`, from servers that the host's certificate store vouches for, and through
/// the proxy that the environment names. A progress bar shows it where stderr is a terminal.
pub fn fetch(url: &Uri, patience: Duration) -> Result<Fetched, Failure> {
    // Operators add their own authority to the host's store, so a list that is built in would be the wrong one.
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        .build();
    let agent: Agent = Agent::config_builder()
        .tls_config(tls)
        .https_only(true)
        .http_status_as_error(false)
        .max_redirects(MAX_REDIRECTS)
        .user_agent(concat!("portclass/", env!("CARGO_PKG_VERSION")))
        .timeout_resolve(Some(CONNECTING))
        .timeout_connect(Some(CONNECTING))
        .timeout_global(Some(patience))
        .build()
        .into();
    get(&agent, url, patience).map_err(|Unfetched { why, remedy }| {
        let proxy = agent.config().proxy();
        let through = match proxy.filter(|proxy| !proxy.is_no_proxy(url)) {
            Some(proxy) => format!(" through the proxy {}:{}", proxy.host(), proxy.port()),
            None => String::new(),
        };
        let remedy = remedy.map_or_else(String::new, |remedy| format!("; {remedy}"));
        Failure::new(format!(
            "{url}: cannot fetch the registry{through}: {why}; nothing was changed{remedy}"
        ))
    })
}

/// Why nothing was fetched.
struct Unfetched {
    why: String,
    remedy: Option<&'static str>,
}

impl From<String> for Unfetched {
    fn from(why: String) -> Self {
        Self { why, remedy: None }
    }
}

fn get(agent: &Agent, url: &Uri, patience: Duration) -> Result<Fetched, Unfetched> {
    let bar = progress_bar(url.host().unwrap_or_default());
    let response = agent
        .get(url)
        .call()
        .map_err(|error| unfetched(error, patience))?;
    let status = response.status();
    if status != StatusCode::OK {
        return Err(format!("the server answers {status}").into());
    }
    let modified = last_modified(response.headers());
    let body = response.into_body();
    let length = body.content_length();
    let too_large = || format!("larger than {} MiB", MAX_FILE_BYTES >> 20);
    if length.is_some_and(|length| length > MAX_FILE_BYTES) {
        return Err(too_large().into());
    }
    if let Some(length) = length {
        bar.set_length(length);
    }
    let mut bytes = Vec::new();
    let read = bar
        .wrap_read(body.into_reader())
        .take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes);
    let got = bytes.len() as u64;
    match (read.map_err(Error::from), length) {
        _ if got > MAX_FILE_BYTES => Err(too_large().into()),
        (Ok(_), _) => Ok(Fetched { bytes, modified }),
        (Err(Error::Io(error)), Some(length)) if error.kind() == io::ErrorKind::UnexpectedEof => {
            let (got, length) = (grouped(got), grouped(length));
            Err(format!("the connection ended after {got} of {length} bytes").into())
        }
        (Err(error), _) => Err(unfetched(error, patience)),
    }
}

/// A bar that goes away when it is dropped; the library hides it where stderr is no terminal.
fn progress_bar(host: &str) -> ProgressBar {
    const TEMPLATE: &str = "{msg} [{wide_bar}] {bytes}/{total_bytes} {bytes_per_sec}";
    let style = ProgressStyle::with_template(TEMPLATE).expect("a template");
    let bar = ProgressBar::no_length()
        .with_style(style.progress_chars("=> "))
        .with_message(host.to_owned())
        .with_finish(ProgressFinish::AndClear);
    bar.tick();
    bar
}

fn unfetched(error: Error, patience: Duration) -> Unfetched {
    const NO_WAY: &str =
        "without a network, copy the file here and name it to other commands with --registry";
    const NO_TRUST: &str = "an authority of your own belongs in this host's certificate store, or in the file that \
                            SSL_CERT_FILE names";
    const NO_STORE: &str =
        "install ca-certificates, or let SSL_CERT_FILE name a file of certificates";
    let (why, remedy) = match error {
        // Rustls reports through this kind what it does not accept.
        Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
            (format!("no trusted connection: {error}"), Some(NO_TRUST))
        }
        Error::Io(error) => (error.to_string(), Some(NO_WAY)),
        Error::Rustls(error) => (format!("no trusted connection: {error}"), Some(NO_STORE)),
        Error::Timeout(phase) => {
            let (what, limit, remedy) = match phase {
                Timeout::Resolve => ("its name was not resolved", CONNECTING, NO_WAY),
                Timeout::Connect => ("no connection", CONNECTING, NO_WAY),
                _ => ("not done", patience, "--timeout gives it more time"),
            };
            let limit = humantime::format_duration(limit);
            (format!("{what} within {limit}"), Some(remedy))
        }
        Error::RequireHttpsOnly(to) => (
            format!("it redirects to {to}, and only https is followed"),
            None,
        ),
        Error::TooManyRedirects => (format!("more than {MAX_REDIRECTS} redirects"), None),
        error => (error.to_string(), None),
    };
    Unfetched { why, remedy }
}

/// The day in `Last-Modified`, which is always laid out as in `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 section 8.8.2.1).
fn last_modified(headers: &HeaderMap) -> Option<Date> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let text = headers.get(LAST_MODIFIED)?.to_str().ok()?;
    let number = |text: Option<&str>| text?.parse::<u32>().ok();
    let day = number(text.get(5..7))?;
    let name = text.get(8..11)?;
    let month = (1..).zip(MONTHS).find(|&(_, month)| month == name)?.0;
    let year = number(text.get(12..16))?;
    Date::of_number(year * 10_000 + month * 100 + day)
}

#[cfg(test)]
mod tests {
    use ureq::http::{HeaderMap, HeaderValue, header::LAST_MODIFIED};

    use super::last_modified;

    #[test]
    fn the_day_of_a_modification_is_read_and_what_is_none_is_not() {
        let day = |value: &'static str| {
            let value = HeaderValue::from_static(value);
            last_modified(&HeaderMap::from_iter([(LAST_MODIFIED, value)]))
                .map(|date| date.to_string())
        };
        assert_eq!(
            day("Sun, 06 Nov 1994 08:49:37 GMT").as_deref(),
            Some("1994-11-06")
        );
        assert_eq!(
            day("Thu, 29 Feb 2024 00:00:00 GMT").as_deref(),
            Some("2024-02-29")
        );
        for value in [
            "",
            "yesterday",
            "Thu, 29 Feb 2023 00:00:00 GMT",
            "Sun, 06 anF 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(day(value), None, "{value}");
        }
    }
}
