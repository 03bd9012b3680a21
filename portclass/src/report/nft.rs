//! Marks by service, as files that nftables reads (nft(8)).

mod identifier;
mod table;

use std::{collections::BTreeMap, io};

use portclass_common::{
    port::PortKey,
    tag::{MarkMask, mark},
    transport::Transport,
};

pub use self::table::{NftTable, NftTableError};

use self::identifier::identifiers;
use crate::{
    registry::{Index, Layer, NamePattern, Ports, Registry},
    text::one_line,
};

/// What is written of the marks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NftForm {
    /// A variable a service, for files that include these.
    Define,
    /// A named set a service, in a table.
    Set(NftTable),
    /// A map from marks to a chain a service, in a table.
    Map(NftTable),
}

/// The services that ports have, and their names in nftables.
pub struct NftServices<'registry> {
    registry: &'registry Registry,
    /// By name.
    services: Vec<Service<'registry>>,
}

struct Service<'registry> {
    name: &'registry str,
    /// Names that some of its ports have beside this one.
    other_names: Vec<&'registry str>,
    identifier: String,
    /// By port and then by IP protocol number, at least one.
    ports: Vec<(u16, Transport)>,
}

impl<'registry> NftServices<'registry> {
    /// Every service that the kernel labels frames with, each by the port's canonical name.
    pub fn new(registry: &'registry Registry) -> Self {
        let mut by_name = BTreeMap::<_, Service<'_>>::new();
        for (key, names, _) in Index::new(registry).named() {
            let (Some(transport), [name, others @ ..]) = (PortKey::transport(key), &names[..])
            else {
                continue;
            };
            let service = by_name
                .entry((name.to_lowercase(), *name))
                .or_insert_with(|| Service {
                    name,
                    other_names: Vec::new(),
                    identifier: String::new(),
                    ports: Vec::new(),
                });
            service.ports.push((key.port(), transport));
            for other in others {
                if !service.other_names.contains(other) {
                    service.other_names.push(other);
                }
            }
        }
        let mut services: Vec<_> = by_name.into_values().collect();
        // Of all services, so that a variable is called the same whichever ones are asked for.
        let names = services
            .iter()
            .map(|service| (service.name, service.ports[0].0));
        let identifiers = identifiers(names);
        for (service, identifier) in services.iter_mut().zip(identifiers) {
            service.identifier = identifier;
        }
        Self { registry, services }
    }

    /// Keeps the services of these names, and gives back those of the names that no port has. A name is compared
    /// without regard to case (RFC 6335 section 5.1), and is a pattern only where nothing is called like that.
    pub fn select<'names>(&mut self, names: &'names [NamePattern]) -> Vec<&'names NamePattern> {
        let mut is_wanted = vec![false; self.services.len()];
        let mut unknown = Vec::new();
        for name in names {
            let exact = self.positions(|other| other.eq_ignore_ascii_case(name.as_str()));
            let found = if exact.is_empty() {
                self.positions(|other| name.matches(other))
            } else {
                exact
            };
            if found.is_empty() {
                unknown.push(name);
            }
            for position in found {
                is_wanted[position] = true;
            }
        }
        let mut is_wanted = is_wanted.into_iter();
        self.services.retain(|_| is_wanted.next() == Some(true));
        unknown
    }

    fn positions(&self, is_wanted: impl Fn(&str) -> bool) -> Vec<usize> {
        let services = self.services.iter().enumerate();
        let wanted = services.filter(|(_, service)| {
            is_wanted(service.name) || service.other_names.iter().any(|name| is_wanted(name))
        });
        wanted.map(|(position, _)| position).collect()
    }

    /// Writes the services by name, their marks in the bits of `mask`.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn write(
        &self,
        out: &mut impl io::Write,
        form: &NftForm,
        mask: MarkMask,
    ) -> io::Result<()> {
        let date = self.registry.updated();
        let date = date.map_or(String::new(), |date| format!(" of {date}"));
        let layers: Vec<_> = self.registry.layers().iter().map(Layer::name).collect();
        writeln!(
            out,
            "# Marks by service, from a registry{date} ({}), written by portclass.",
            layers.join(", ")
        )?;
        match form {
            NftForm::Define => self.defines(out, mask),
            NftForm::Set(table) => self.sets(out, table, mask),
            NftForm::Map(table) => self.map(out, table, mask),
        }
    }

    fn example(&self) -> &str {
        self.services
            .iter()
            .find(|service| service.name == "https")
            .or(self.services.first())
            .map_or("svc_https", |service| &service.identifier)
    }

    fn defines(&self, out: &mut impl io::Write, mask: MarkMask) -> io::Result<()> {
        writeln!(
            out,
            "# In a rule: meta mark and $portclass_mask ${} counter\n\
             # Unlabelled: meta mark and $portclass_mask 0 counter\n\
             define portclass_mask = {}",
            self.example(),
            hex(mask.bits()),
        )?;
        for service in &self.services {
            let marks: Vec<_> = service.marks(mask).map(|(mark, _)| mark).collect();
            // Braces around a single mark too: whatever takes one variable takes them all.
            writeln!(
                out,
                "define {} = {{ {} }} # {}",
                service.identifier,
                marks.join(", "),
                service.comment(),
            )?;
        }
        Ok(())
    }

    // Commands, not a block: they can be loaded again, and then replace what was there in one step.
    fn sets(&self, out: &mut impl io::Write, table: &NftTable, mask: MarkMask) -> io::Result<()> {
        writeln!(
            out,
            "# In a rule of this table: meta mark and {} @{} counter\n\
             add table {table}",
            hex(mask.bits()),
            self.example(),
        )?;
        for service in &self.services {
            let name = &service.identifier;
            let elements: Vec<_> = service
                .marks(mask)
                .map(|(mark, port)| format!("{mark} comment \"{port}\""))
                .collect();
            writeln!(
                out,
                "# {}\n\
                 add set {table} {name} {{ type mark; }}\n\
                 flush set {table} {name}\n\
                 add element {table} {name} {{ {} }}",
                service.comment(),
                elements.join(", "),
            )?;
        }
        Ok(())
    }

    fn map(&self, out: &mut impl io::Write, table: &NftTable, mask: MarkMask) -> io::Result<()> {
        writeln!(
            out,
            "# In a rule of this table: meta mark and {} vmap @services\n\
             # The rules for a service: add rule {table} {} counter\n\
             add table {table}\n\
             add map {table} services {{ type mark : verdict; }}\n\
             flush map {table} services",
            hex(mask.bits()),
            self.example(),
        )?;
        for service in &self.services {
            let name = &service.identifier;
            let elements: Vec<_> = service
                .marks(mask)
                .map(|(mark, port)| format!("{mark} comment \"{port}\" : jump {name}"))
                .collect();
            // Adding a chain that exists leaves its rules alone.
            writeln!(
                out,
                "# {}\n\
                 add chain {table} {name}\n\
                 add element {table} services {{ {} }}",
                service.comment(),
                elements.join(", "),
            )?;
        }
        Ok(())
    }
}

impl Service<'_> {
    /// Its marks, each with its port and transport.
    fn marks(&self, mask: MarkMask) -> impl Iterator<Item = (String, String)> {
        self.ports.iter().map(move |&(port, transport)| {
            let mark = mask.place(mark(transport, port));
            (hex(mark), format!("{port}/{}", transport.name()))
        })
    }

    /// The service's name, unless the identifier says it, the ports, and their other names: one line, whatever a registry
    /// says.
    fn comment(&self) -> String {
        let mut runs: Vec<(Ports, Transport)> = Vec::new();
        for transport in Transport::ALL {
            let of_transport = self.ports.iter().filter(|&&(_, other)| other == transport);
            for &(port, _) in of_transport {
                let longer = runs.last().and_then(|&(run, other)| {
                    let is_next = other == transport && run.last().checked_add(1) == Some(port);
                    Ports::new(run.first(), port).filter(|_| is_next)
                });
                match (longer, runs.last_mut()) {
                    (Some(longer), Some(run)) => run.0 = longer,
                    _ => runs.extend(Ports::new(port, port).map(|run| (run, transport))),
                }
            }
        }
        runs.sort_by_key(|&(run, transport)| (run.first(), transport));
        let ports = runs.iter().map(|(run, transport)| {
            let transport = transport.name();
            if run.first() == run.last() {
                format!("{}/{transport}", run.first())
            } else {
                format!("{}-{}/{transport}", run.first(), run.last())
            }
        });
        let ports = ports.collect::<Vec<_>>().join(", ");
        let comment = match self.identifier.strip_prefix(identifier::PREFIX) {
            Some(name) if name == self.name => ports,
            _ => format!("{}: {ports}", self.name),
        };
        // Who looks for one of them finds the line.
        let comment = match &self.other_names[..] {
            [] => comment,
            others => format!("{comment}; also {}", others.join(", ")),
        };
        one_line(&comment)
    }
}

fn hex(mark: u32) -> String {
    format!("{mark:#010x}")
}
