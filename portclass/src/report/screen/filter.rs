//! Which rows a list shows.

use super::row::Row;
use crate::registry::Ports;

/// Characters of a filter at most.
const LONGEST: usize = 60;

/// What rows have to match: all of its words, each a part of a name, a port, a range of ports or a transport. A word may end
/// in a slash and a transport.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter(String);

impl Filter {
    pub(super) fn text(&self) -> &str {
        &self.0
    }

    pub(super) fn push(&mut self, character: char) {
        if !character.is_control() && self.0.chars().count() < LONGEST {
            self.0.push(character);
        }
    }

    pub(super) fn pop(&mut self) {
        self.0.pop();
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn matches(&self, row: &Row<'_>) -> bool {
        self.0
            .split_whitespace()
            .all(|word| match word.rsplit_once('/') {
                Some((what, transport)) => {
                    let is_of = row.detail.is_some_and(|detail| starts(detail, transport));
                    is_of && matches(what, row) || contains(row.name, word)
                }
                None => matches(word, row),
            })
    }
}

fn matches(word: &str, row: &Row<'_>) -> bool {
    let is_at = |ports: Ports| row.ports.iter().any(|row| ports.contains(row.port));
    word.parse().is_ok_and(is_at)
        || contains(row.name, word)
        || row
            .detail
            .is_some_and(|detail| detail.eq_ignore_ascii_case(word))
}

/// Names are compared without regard to case (RFC 6335 section 5.1).
fn contains(name: &str, part: &str) -> bool {
    name.to_ascii_lowercase()
        .contains(&part.to_ascii_lowercase())
}

/// Whoever is still writing has not written all of it.
fn starts(transport: &str, start: &str) -> bool {
    let head = transport.get(..start.len());
    head.is_some_and(|head| head.eq_ignore_ascii_case(start))
}

#[cfg(test)]
mod tests {
    use super::{Filter, LONGEST};
    use crate::{
        account::{Direction, PortRow},
        report::screen::row::{Row, Subject},
    };

    #[test]
    fn words_are_parts_of_names_ports_ranges_and_transports() {
        let ports = [6_000, 6_001].map(|port| PortRow {
            port,
            packets: 1,
            bytes: 1,
        });
        let row = Row {
            subject: Subject::Services,
            name: "x11",
            detail: Some("tcp"),
            direction: Direction::Ingress,
            interface: None,
            ports: &ports,
            packets: 2,
            bytes: 2,
            rates: None,
        };
        let matches = |text: &str| Filter(text.to_owned()).matches(&row);
        for text in [
            "",
            " ",
            "x1",
            "X11",
            "11",
            "6001",
            "6001/tcp",
            "6001/",
            "6001/t",
            "x11/TCP",
            "5000-6000",
            "tcp",
            "x tcp 6000",
        ] {
            assert!(matches(text), "{text:?}");
        }
        for text in [
            "x12", "600", "6001/udp", "x11/tcpx", "1-2", "udp", "x udp", "/", "99999", "é/é",
        ] {
            assert_eq!(matches(text), text == "/", "{text:?}");
        }
    }

    #[test]
    fn a_filter_has_no_control_characters_and_an_end() {
        let mut filter = Filter::default();
        "a\u{1b}\u{9b}b"
            .chars()
            .for_each(|character| filter.push(character));
        assert_eq!(filter.text(), "ab");
        (0..1_000).for_each(|_| filter.push('é'));
        assert_eq!(filter.text().chars().count(), LONGEST);
    }
}
