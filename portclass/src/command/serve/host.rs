//! Whom the listener is asked as. A page from elsewhere can have its name lead here (DNS rebinding), and would then read
//! what is counted; the name that the browser says gives it away.

use std::net::IpAddr;

use rustix::system::uname;

/// The names that are answered to.
pub struct Hosts(Vec<String>);

impl Hosts {
    /// This host's own names, and `more`.
    pub fn new(more: Vec<String>) -> Self {
        let own = uname().nodename().to_string_lossy().into_owned();
        let mut names = vec!["localhost".to_owned(), own];
        names.extend(more);
        Self(names)
    }

    /// Whether a `Host` header (RFC 9110, section 7.2) names this host. An address does: nobody can have it lead elsewhere.
    pub fn has(&self, header: &str) -> bool {
        let host = match header.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => header,
        };
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let is_address = bare.unwrap_or(host).parse::<IpAddr>().is_ok();
        let host = host.strip_suffix('.').unwrap_or(host);
        is_address || self.0.iter().any(|name| name.eq_ignore_ascii_case(host))
    }
}

#[cfg(test)]
mod tests {
    use super::Hosts;

    #[test]
    fn own_names_and_addresses_are_answered_to_and_others_are_not() {
        let hosts = Hosts::new(vec!["metrics.example".to_owned()]);
        for header in [
            "localhost",
            "localhost:9464",
            "LOCALHOST:9464",
            "localhost.:9464",
            "127.0.0.1:9464",
            "192.0.2.7",
            "[::1]:9464",
            "[::1]",
            "metrics.example:80",
        ] {
            assert!(hosts.has(header), "{header}");
        }
        for header in [
            "",
            ":9464",
            "elsewhere.example",
            "elsewhere.example:9464",
            "127.0.0.1.elsewhere.example",
            "localhost.elsewhere.example",
            "metrics.example@elsewhere.example",
        ] {
            assert!(!hosts.has(header), "{header}");
        }
    }
}
