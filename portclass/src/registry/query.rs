//! What one can ask the registry.

use std::{fmt, str::FromStr};

use glob::{MatchOptions, Pattern};
use portclass_common::transport::Transport;
use thiserror::Error;

use super::{Ports, reading::transport_of_name};

/// A question: `4789/udp`, `4789`, `4740-4851`, `4740-4851/tcp`, `https`, `https/tcp`, `vxlan*` or `vxlan*/udp`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    pub(super) subject: Subject,
    pub(super) transport: Option<Transport>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Port(u16),
    Range(Ports),
    Name(String),
}

impl Query {
    /// The name that is asked for, unless ports are.
    pub fn name(&self) -> Option<&str> {
        match &self.subject {
            Subject::Name(name) => Some(name),
            Subject::Port(_) | Subject::Range(_) => None,
        }
    }
}

/// A shell pattern for service names, which are compared without regard to case (RFC 6335 section 5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePattern(Pattern);

impl NamePattern {
    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether the whole of `name` matches.
    pub fn matches(&self, name: &str) -> bool {
        let options = MatchOptions {
            case_sensitive: false,
            ..MatchOptions::new()
        };
        self.0.matches_with(name, options)
    }
}

impl FromStr for NamePattern {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, QueryError> {
        Pattern::new(text)
            .map(Self)
            .map_err(|error| QueryError::Pattern(text.to_owned(), error.msg))
    }
}

/// Why a text is no question.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum QueryError {
    /// Nothing is asked.
    #[error("expected a port, a range of ports or a service name")]
    Empty,
    /// A number that is no port.
    #[error("port {0} is out of range; expected 0 to 65535")]
    OutOfRange(String),
    /// A range that ends before it starts.
    #[error("the range {0} ends before it starts")]
    Backwards(String),
    /// A pattern that is none.
    #[error("{0:?} is no pattern: {1}")]
    Pattern(String, &'static str),
    /// A port of something that is no transport.
    #[error("unknown transport {0:?}; expected tcp, udp, dccp or sctp")]
    Transport(String),
}

impl FromStr for Query {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, QueryError> {
        let (head, tail) = match text.rsplit_once('/') {
            Some((head, tail)) => (head, Some(tail)),
            None => (text, None),
        };
        if let Some(subject) = ports(head)? {
            let transport = tail
                .map(|tail| {
                    transport_of_name(tail).ok_or_else(|| QueryError::Transport(tail.to_owned()))
                })
                .transpose()?;
            return Ok(Self { subject, transport });
        }
        // Some names hold a slash themselves (914c/g), so only a transport's name is taken off.
        let (name, transport) = match tail.and_then(transport_of_name) {
            Some(transport) => (head, Some(transport)),
            None => (text, None),
        };
        if name.is_empty() {
            return Err(QueryError::Empty);
        }
        if is_pattern(name) {
            name.parse::<NamePattern>()?;
        }
        Ok(Self {
            subject: Subject::Name(name.to_owned()),
            transport,
        })
    }
}

/// Whether a text that is no name of the registry's stands for the names that match it.
pub(super) fn is_pattern(name: &str) -> bool {
    name.contains(['*', '?', '['])
}

/// The ports that `text` names, or `None` where it is a name.
fn ports(text: &str) -> Result<Option<Subject>, QueryError> {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let port = |text: &str| {
        text.parse::<u16>()
            .map_err(|_| QueryError::OutOfRange(text.to_owned()))
    };
    match text.split_once('-') {
        Some((first, last)) if number(first) && number(last) => {
            Ports::new(port(first)?, port(last)?)
                .map(|ports| Some(Subject::Range(ports)))
                .ok_or_else(|| QueryError::Backwards(text.to_owned()))
        }
        None if number(text) => Ok(Some(Subject::Port(port(text)?))),
        _ => Ok(None),
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.subject {
            Subject::Port(port) => write!(f, "{port}")?,
            Subject::Range(ports) => write!(f, "{}-{}", ports.iter().start(), ports.iter().end())?,
            Subject::Name(name) => f.write_str(name)?,
        }
        match self.transport {
            Some(transport) => write!(f, "/{}", transport.name()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Query, QueryError};

    #[test]
    fn what_is_asked_reads_back_as_it_was_written() {
        for text in [
            "4789/udp",
            "4789",
            "0",
            "65535",
            "4740-4851",
            "4740-4851/tcp",
            "https",
            "https/tcp",
            "914c/g",
            "vxlan*",
            "ipp?/tcp",
            "3com-tsmux",
        ] {
            assert_eq!(
                text.parse::<Query>().map(|query| query.to_string()),
                Ok(text.to_owned())
            );
        }
    }

    #[test]
    fn what_cannot_be_asked_says_why() {
        let error = |text: &str| text.parse::<Query>().expect_err(text);
        assert_eq!(error(""), QueryError::Empty);
        assert_eq!(error("/tcp"), QueryError::Empty);
        assert_eq!(error("65536"), QueryError::OutOfRange("65536".to_owned()));
        assert_eq!(
            error("1-99999999999999999999"),
            QueryError::OutOfRange("99999999999999999999".to_owned())
        );
        assert_eq!(error("9-8"), QueryError::Backwards("9-8".to_owned()));
        assert_eq!(error("53/quic"), QueryError::Transport("quic".to_owned()));
        assert_eq!(error("53/"), QueryError::Transport(String::new()));
        assert!(matches!(error("[a"), QueryError::Pattern(..)));
    }
}
