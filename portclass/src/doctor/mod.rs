//! Judges what the dataplane has found out of host and interfaces: whether a run would work, and what is in the way. Pure:
//! facts in, findings out.

mod driver;
mod finding;
mod interface;
mod system;

use serde::{Serialize, Serializer, ser::SerializeStruct as _};

pub use self::{
    finding::{Finding, Id, Severity},
    interface::{Possible, down, refuses_metadata, why_not_attached},
    system::{version, why_not_loaded, without_perfmon},
};
use crate::dataplane::probe::{HostFacts, InterfaceFacts};

/// The judgement.
#[derive(Debug)]
pub struct Diagnosis {
    /// The kernel's version.
    pub kernel: String,
    /// What is possible on each interface.
    pub interfaces: Vec<Possible>,
    /// What was found, of the host first.
    pub findings: Vec<Finding>,
}

impl Diagnosis {
    /// Judges the host.
    pub fn of(facts: &HostFacts) -> Self {
        Self {
            kernel: facts.process.kernel.clone(),
            interfaces: Vec::new(),
            findings: system::system(facts),
        }
    }

    /// Judges the interfaces of a run. `is_matched` tells those that a pattern has chosen: it goes on without one of them
    /// that refuses, as long as another one is left.
    pub fn judge_interfaces(
        &mut self,
        interfaces: &[InterfaceFacts],
        machine: &HostFacts,
        is_matched: impl Fn(&InterfaceFacts) -> bool,
    ) {
        for facts in interfaces {
            let (possible, findings) = interface::interface(facts, machine, is_matched(facts));
            self.interfaces.push(possible);
            self.findings.extend(findings);
        }
        if !self
            .interfaces
            .iter()
            .any(|possible| possible.native == Some(true) || possible.generic == Some(true))
            && self.can_run()
        {
            self.add_no_interface(
                "no interface that matches can be observed",
                "see the warnings; --iface names another one",
            );
        }
    }

    /// There is no interface to observe.
    pub fn add_no_interface(&mut self, summary: &str, remedy: &str) {
        let finding = Finding::new(Id::NoInterface, Severity::Error, summary).remedy(remedy);
        self.findings.push(finding);
    }

    /// Whether a run would work.
    pub fn can_run(&self) -> bool {
        let severities = self.findings.iter().map(|finding| finding.severity);
        severities.min() != Some(Severity::Error)
    }
}

impl Serialize for Diagnosis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut diagnosis = serializer.serialize_struct("Diagnosis", 5)?;
        diagnosis.serialize_field("schema", "portclass.doctor/1")?;
        diagnosis.serialize_field("kernel", &self.kernel)?;
        diagnosis.serialize_field("can_run", &self.can_run())?;
        diagnosis.serialize_field("interfaces", &self.interfaces)?;
        diagnosis.serialize_field("findings", &self.findings)?;
        diagnosis.end()
    }
}

#[cfg(test)]
mod tests;
