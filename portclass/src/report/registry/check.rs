//! What is wrong with registry files.

use std::io;

use serde::Serialize;

use crate::{
    registry::{Column, Finding, Findings, Kind, Registry, Severity},
    report::grouped,
    text::one_line,
};

/// A registry that was checked, and what was found.
pub struct Checked<'checked> {
    /// What could be used.
    pub registry: &'checked Registry,
    /// What is wrong.
    pub findings: &'checked Findings,
}

/// A line a finding, the order of the files kept, then a summary with counts by kind.
///
/// # Errors
///
/// Those of the writer.
pub fn check_table(out: &mut impl io::Write, checked: &Checked<'_>) -> io::Result<()> {
    let Checked { registry, findings } = checked;
    for finding in findings.kept() {
        let severity = finding.kind.severity().name();
        let kind = finding.kind.name();
        writeln!(
            out,
            "{}",
            one_line(&format!("{severity}: {finding} [{kind}]"))
        )?;
    }
    let all: u64 = findings.counts().map(|(_, count)| count).sum();
    let kept = findings.kept().len() as u64;
    if kept < all {
        writeln!(out, "({} more)", grouped(all - kept))?;
    }
    if all > 0 {
        writeln!(out)?;
    }
    for (kind, count) in findings.counts() {
        writeln!(
            out,
            "{:<8} {:<18} {:>7}",
            kind.severity().name(),
            kind.name(),
            grouped(count)
        )?;
    }
    let totals = [
        counted(registry.records().len().into(), "record"),
        counted(registry.named_pairs() as u64, "named pair"),
        counted(findings.count(Severity::Error), "error"),
        counted(findings.count(Severity::Warning), "warning"),
    ];
    writeln!(out, "{}", totals.join(", "))
}

fn counted(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {what}{plural}", grouped(count))
}

#[derive(Serialize)]
struct Document<'checked> {
    records: u32,
    named_pairs: usize,
    errors: u64,
    warnings: u64,
    counts: serde_json::Map<String, serde_json::Value>,
    findings: Vec<Row<'checked>>,
}

#[derive(Serialize)]
struct Row<'checked> {
    severity: Severity,
    kind: Kind,
    file: &'checked str,
    line: u64,
    column: Option<&'static str>,
    message: &'checked str,
}

impl<'checked> From<&'checked Finding> for Row<'checked> {
    fn from(finding: &'checked Finding) -> Self {
        Self {
            severity: finding.kind.severity(),
            kind: finding.kind,
            file: &finding.file,
            line: finding.line,
            column: finding.column.map(Column::heading),
            message: &finding.message,
        }
    }
}

/// One document: counts, and the findings in the order of the files.
///
/// # Errors
///
/// Those of the writer.
pub fn check_json(out: &mut impl io::Write, checked: &Checked<'_>) -> io::Result<()> {
    let Checked { registry, findings } = checked;
    let document = Document {
        records: registry.records().len(),
        named_pairs: registry.named_pairs(),
        errors: findings.count(Severity::Error),
        warnings: findings.count(Severity::Warning),
        counts: findings
            .counts()
            .map(|(kind, count)| (kind.name().to_owned(), count.into()))
            .collect(),
        findings: findings.kept().iter().map(Row::from).collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}
