//! What was measured on, without which no figure means anything.

use std::fs;

use serde::Serialize;

/// Processor and kernel.
#[derive(Serialize)]
pub struct Machine {
    /// The processor's name.
    pub processor: String,
    /// CPUs that this process may use.
    pub cpus: usize,
    /// The kernel's release.
    pub kernel: String,
    /// Whether the kernel compiles BPF programs, in its own number.
    pub jit: String,
    /// Mitigations against speculation, each by its name: they decide what a call costs.
    pub mitigations: Vec<(String, String)>,
}

const MITIGATIONS: [&str; 3] = ["retbleed", "spec_rstack_overflow", "spectre_v2"];
const UNKNOWN: &str = "unknown";

impl Machine {
    /// The machine that this process runs on.
    pub fn read() -> Self {
        let line = |path: &str| {
            let content = fs::read_to_string(path);
            content.map_or_else(|_| UNKNOWN.to_owned(), |line| line.trim().to_owned())
        };
        let vulnerability = |name| line(&format!("/sys/devices/system/cpu/vulnerabilities/{name}"));
        Self {
            processor: processor(&line("/proc/cpuinfo")).to_owned(),
            cpus: std::thread::available_parallelism().map_or(0, usize::from),
            kernel: line("/proc/sys/kernel/osrelease"),
            jit: line("/proc/sys/net/core/bpf_jit_enable"),
            mitigations: MITIGATIONS
                .map(|name| (name.to_owned(), vulnerability(name)))
                .into(),
        }
    }

    /// The lines that stand above a report.
    pub fn lines(&self) -> Vec<String> {
        let Self {
            processor,
            cpus,
            kernel,
            jit,
            mitigations,
        } = self;
        let mut lines = vec![format!(
            "{processor}, {cpus} CPUs, Linux {kernel}, BPF JIT {jit}"
        )];
        let named = mitigations
            .iter()
            .map(|(name, state)| format!("{name}: {state}"));
        lines.extend(named);
        lines
    }
}

fn processor(cpuinfo: &str) -> &str {
    let mut fields = cpuinfo.lines().filter_map(|line| line.split_once(':'));
    let name = fields.find(|(name, _)| name.trim() == "model name");
    name.map_or(UNKNOWN, |(_, name)| name.trim())
}

#[cfg(test)]
mod tests {
    use super::{UNKNOWN, processor};

    #[test]
    fn the_processor_has_its_name_from_the_first_cpu() {
        let cpuinfo = "processor\t: 0\nmodel\t\t: 17\nmodel name\t: Some CPU @ 1: 2\n\nprocessor\t: 1\nmodel name\t: X\n";
        assert_eq!(processor(cpuinfo), "Some CPU @ 1: 2");
        assert_eq!(processor("processor\t: 0\n"), UNKNOWN);
    }
}
