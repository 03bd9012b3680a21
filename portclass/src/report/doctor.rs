//! What the doctor says, as a table and as JSON.

use std::io;

use unicode_width::UnicodeWidthStr as _;

use super::columns::Columns;
use crate::{doctor::Diagnosis, text::one_line};

/// One document.
///
/// # Errors
///
/// Those of the writer.
pub fn diagnosis_json(out: &mut impl io::Write, diagnosis: &Diagnosis) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, diagnosis)?;
    writeln!(out)
}

/// The interfaces in a table, and below it each finding: what it is, and on one line what to do about it.
///
/// # Errors
///
/// Those of the writer.
pub fn diagnosis_table(out: &mut impl io::Write, diagnosis: &Diagnosis) -> io::Result<()> {
    if !diagnosis.interfaces.is_empty() {
        let mut table = Columns::new([
            "INTERFACE",
            "DRIVER",
            "MTU",
            "NATIVE",
            "GENERIC",
            "TCX",
            "METADATA",
        ]);
        for interface in &diagnosis.interfaces {
            table.row([
                interface.name.clone(),
                interface.driver.clone().unwrap_or_else(|| "-".to_owned()),
                interface.mtu.to_string(),
                answer(interface.native),
                answer(interface.generic),
                answer(interface.tcx),
                answer(interface.metadata),
            ]);
        }
        table.write(out)?;
        writeln!(out)?;
    }
    for finding in &diagnosis.findings {
        let interface = finding.interface.as_ref();
        let interface = interface.map_or(String::new(), |name| format!("{name}: "));
        let line = format!("{interface}{} [{}]", finding.summary, finding.id.name());
        paragraph(
            out,
            &format!("{:<8} ", finding.severity.name()),
            &one_line(&line),
        )?;
        if let Some(remedy) = &finding.remedy {
            // In one piece, since it is to be copied.
            writeln!(out, "         -> {}", one_line(remedy))?;
        }
    }
    let end = if diagnosis.can_run() {
        "portclass run would work"
    } else {
        "portclass run would fail"
    };
    writeln!(out, "\n{end}")
}

fn answer(answer: Option<bool>) -> String {
    match answer {
        Some(true) => "yes",
        Some(false) => "no",
        None => "unknown",
    }
    .to_owned()
}

/// Writes words behind `margin`, and goes on below its end where a line would be too long.
fn paragraph(out: &mut impl io::Write, margin: &str, text: &str) -> io::Result<()> {
    const WIDTH: usize = 80;
    let mut line = margin.to_owned();
    let mut is_empty = true;
    for word in text.split(' ') {
        if !is_empty && line.width() + 1 + word.width() > WIDTH {
            writeln!(out, "{}", line.trim_end())?;
            line = " ".repeat(margin.len());
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    writeln!(out, "{line}")
}
