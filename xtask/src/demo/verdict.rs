//! Whether the report says what was sent.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use testbed::{veth::Count, witness::Witness};

use super::{
    plan::Sending,
    report::{Report, Row},
};

/// Compares the report with what the witness has seen, and says in a line that all is right.
///
/// # Errors
///
/// Something is not: the message has every difference.
pub fn verdict(plan: &[Sending], witness: &Witness, report: &Report) -> Result<String> {
    let sent = sent(plan, witness)?;
    let mut differences = Vec::new();
    let rows: BTreeSet<&Row> = sent.rows.keys().chain(report.rows.keys()).collect();
    for row in rows {
        if report.is_shortened && !report.rows.contains_key(row) {
            continue;
        }
        let [sent, reported] =
            [&sent, report].map(|of| of.rows.get(row).copied().unwrap_or_default());
        if sent != reported {
            differences.push(format!(
                "{row}: {} sent, {} reported",
                text(sent),
                text(reported)
            ));
        }
    }
    let mut sum = Count::default();
    for count in report.rows.values() {
        sum.packets += count.packets;
        sum.bytes += count.bytes;
    }
    let sums = report
        .totals
        .map(|totals| ("totals", totals))
        .into_iter()
        .chain((!report.is_shortened).then_some(("sum of all rows", sum)));
    for (name, count) in sums.filter(|(_, count)| *count != witness.total) {
        differences.push(format!(
            "{name}: {} sent, {} reported",
            text(witness.total),
            text(count)
        ));
    }
    ensure!(
        differences.is_empty(),
        "the report is not what was sent:\n  {}",
        differences.join("\n  ")
    );
    let services = report
        .rows
        .keys()
        .filter(|row| matches!(row, Row::Service(..)))
        .count();
    let all = sent
        .rows
        .keys()
        .filter(|row| matches!(row, Row::Service(..)))
        .count();
    Ok(if report.is_shortened {
        format!(
            "{services} of {all} services shown, {}: these counts and the totals equal what was sent",
            text(witness.total)
        )
    } else {
        format!(
            "{services} services, {}: every count equals what was sent",
            text(witness.total)
        )
    })
}

/// The report that is expected.
fn sent(plan: &[Sending], witness: &Witness) -> Result<Report> {
    let mut sent = Report::default();
    for (kind, count) in &witness.counts {
        let planned = plan.iter().find(|sending| sending.kind == *kind);
        let planned = planned
            .with_context(|| format!("the witness saw {kind:?}, which is not in the plan"))?;
        sent.add(planned.row.clone(), *count);
    }
    for sending in plan {
        ensure!(
            witness.counts.contains_key(&sending.kind),
            "{} is in the plan, and the witness did not see it",
            sending.row
        );
    }
    Ok(sent)
}

fn text(count: Count) -> String {
    format!(
        "{} packets, {} bytes",
        grouped(count.packets),
        grouped(count.bytes)
    )
}

/// The number with a comma before each three digits.
fn grouped(number: u64) -> String {
    if number < 1_000 {
        return number.to_string();
    }
    format!("{},{:03}", grouped(number / 1_000), number % 1_000)
}

#[cfg(test)]
mod tests {
    use testbed::{veth::Count, witness::Witness};

    use super::{grouped, verdict};
    use crate::demo::{
        plan::{How, plan},
        report::{Report, Row},
    };

    /// The frames of the plan that are of our own making, as the witness sees them, and the report that they deserve.
    fn scene() -> (Vec<super::Sending>, Witness, Report) {
        let mut plan = plan();
        plan.retain(|sending| matches!(sending.how, How::Frame(_)));
        let mut witness = Witness::default();
        let mut report = Report::default();
        for sending in &plan {
            if let How::Frame(frame) = &sending.how {
                witness.see(frame);
                let bytes = frame.len() as u64;
                report.add(sending.row.clone(), Count { packets: 1, bytes });
            }
        }
        report.totals = Some(witness.total);
        (plan, witness, report)
    }

    #[test]
    fn the_right_report_is_right() {
        let (plan, witness, report) = scene();
        let verdict = verdict(&plan, &witness, &report).expect("all is right");
        assert!(
            verdict.ends_with("every count equals what was sent"),
            "{verdict}"
        );
    }

    #[test]
    fn rows_that_the_report_leaves_out_on_purpose_are_no_difference() {
        let (plan, witness, mut report) = scene();
        report.rows.remove(&Row::service("syslog", "udp"));
        assert!(verdict(&plan, &witness, &report).is_err());
        report.is_shortened = true;
        assert!(verdict(&plan, &witness, &report).is_ok());
        report.totals = None;
        report.add(
            Row::service("https", "sctp"),
            Count {
                packets: 0,
                bytes: 1,
            },
        );
        assert!(verdict(&plan, &witness, &report).is_err());
    }

    #[test]
    fn each_kind_of_difference_is_named() {
        let byte = Count {
            packets: 0,
            bytes: 1,
        };
        type Change = fn(&mut Witness, &mut Report);
        let cases: [(&str, Change); 4] = [
            ("syslog udp: ", |_, report| {
                report.rows.remove(&Row::service("syslog", "udp"));
            }),
            ("gopher tcp: ", |_, report| {
                report.add(
                    Row::service("gopher", "tcp"),
                    Count {
                        packets: 1,
                        bytes: 60,
                    },
                );
            }),
            ("totals: ", |_, report| {
                report.totals = Some(Count::default());
            }),
            ("not in the plan", |witness, _| witness.see(&[0; 13])),
        ];
        for (named, change) in cases {
            let (plan, mut witness, mut report) = scene();
            change(&mut witness, &mut report);
            let error = verdict(&plan, &witness, &report)
                .expect_err(named)
                .to_string();
            assert!(error.contains(named), "{error}");
        }
        let (plan, witness, mut report) = scene();
        report.add(Row::unlabelled("non-ip", "arp"), byte);
        let error = verdict(&plan, &witness, &report)
            .expect_err("a byte too many")
            .to_string();
        assert!(
            error.contains("non-ip arp") && error.contains("sum of all rows"),
            "{error}"
        );
    }

    #[test]
    fn numbers_are_grouped_in_threes() {
        assert_eq!(
            [0, 999, 1_000, 91_234, 1_000_001].map(grouped),
            ["0", "999", "1,000", "91,234", "1,000,001"]
        );
    }
}
