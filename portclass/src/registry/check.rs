//! What a registry's author may want to know beside the records that cannot be used.

use std::collections::{BTreeMap, HashMap};

use super::{Column, Finding, Findings, Kind, Ports, Record, Registry, RegistryFile};

/// Looks at all names, at ports with several of them, and at ports that several rows of a file speak of.
pub fn check(registry: &Registry, findings: &mut Findings) {
    for file in &registry.files {
        let mut find = |record: Record<'_>, kind, column, message| {
            findings.push(Finding {
                kind,
                file: file.name.clone(),
                line: record.line(),
                column: Some(column),
                message,
            });
        };
        for index in file.rows.clone() {
            let record = registry.records().get(index);
            if let Some(fault) = name_fault(record.name()).filter(|_| record.is_named()) {
                let message = format!("{:?} {fault} (RFC 6335 section 5.1)", record.name());
                find(record, Kind::NameSyntax, Column::ServiceName, message);
            }
        }
        shared_pairs(registry, file, &mut find);
    }
    findings.sort();
}

/// What a name breaks of RFC 6335 section 5.1.
fn name_fault(name: &str) -> Option<&'static str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if !name.bytes().all(is_plain) {
        Some("has other characters than letters, digits and hyphens")
    } else if name.len() > 15 {
        Some("has more than 15 characters")
    } else if !name.bytes().any(|byte| byte.is_ascii_alphabetic()) {
        Some("has no letter")
    } else if name.starts_with('-') || name.ends_with('-') || name.contains("--") {
        Some("has a hyphen where none may stand")
    } else {
        None
    }
}

/// Names of a port that a finding shows.
const SHOWN: usize = 8;

/// Rows about the same ports of the same transport, and rows whose ports overlap.
fn shared_pairs(
    registry: &Registry,
    file: &RegistryFile,
    find: &mut impl FnMut(Record<'_>, Kind, Column, String),
) {
    let mut groups: BTreeMap<_, Vec<Record<'_>>> = BTreeMap::new();
    for index in file.rows.clone() {
        let record = registry.records().get(index);
        if let Some(ports) = record.ports() {
            let key = (record.transport(), ports.first(), ports.last());
            groups.entry(key).or_default().push(record);
        }
    }
    let mut widest: Option<(Record<'_>, Ports)> = None;
    for records in groups.values() {
        let first = records[0];
        let Some(ports) = first.ports() else { continue };
        let on = first
            .transport()
            .map_or("any transport", |transport| transport.name());
        let mut names = Vec::new();
        let mut lines = HashMap::new();
        for &record in records {
            if let Some(line) = lines.get(record.name()) {
                let message = format!("line {line} says the same");
                find(record, Kind::Overlap, Column::PortNumber, message);
            } else {
                lines.insert(record.name(), record.line());
                names.push(match record.name() {
                    "" => record.status().name(),
                    name => name,
                });
            }
        }
        if names.len() > 1 {
            let more = names.len().saturating_sub(SHOWN);
            let more = match more {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            names.truncate(SHOWN);
            let message = format!(
                "{ports} on {on} has several names: {}{more}; the first one labels it",
                names.join(", ")
            );
            find(records[1], Kind::SharedPair, Column::PortNumber, message);
        }
        if let Some((other, others)) = widest
            && other.transport() == first.transport()
            && others.overlap(ports)
        {
            let message = format!("{ports} lies across {others} of line {}", other.line());
            find(first, Kind::Overlap, Column::PortNumber, message);
        }
        let reaches_further = widest.is_none_or(|(other, others)| {
            other.transport() != first.transport() || others.last() < ports.last()
        });
        if reaches_further {
            widest = Some((first, ports));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::name_fault;

    #[test]
    fn names_are_held_to_the_rfc() {
        for name in ["a", "http", "3com-tsmux", "X11", "abcdefghijklmno"] {
            assert_eq!(name_fault(name), None, "{name}");
        }
        for name in [
            "",
            "1",
            "914c/g",
            "sql*net",
            "-a",
            "a-",
            "a--b",
            "abcdefghijklmnop",
            "a b",
            "\u{e9}t",
        ] {
            assert!(name_fault(name).is_some(), "{name}");
        }
    }
}
