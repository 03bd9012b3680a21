//! Reading portclass's final report back, whatever its format.

use std::{collections::BTreeMap, fmt};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Deserializer, Value};
use testbed::veth::Count;

/// A row of a report.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Row {
    /// A service and its transport.
    Service(String, String),
    /// A class, and the transport or detail that it carries.
    Unlabelled(String, String),
}

impl Row {
    /// The row of a service.
    pub fn service(name: &str, transport: &str) -> Self {
        Self::Service(name.to_owned(), transport.to_owned())
    }

    /// The row of a reason.
    pub fn unlabelled(class: &str, detail: &str) -> Self {
        Self::Unlabelled(class.to_owned(), detail.to_owned())
    }
}

impl fmt::Display for Row {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Service(name, detail) | Self::Unlabelled(name, detail)) = self;
        write!(formatter, "{name} {detail}")
    }
}

/// Counts by row, and the totals that stand beside them.
#[derive(Debug, Default)]
pub struct Report {
    /// Counts of each row.
    pub rows: BTreeMap<Row, Count>,
    /// The report's own totals; CSV has none.
    pub totals: Option<Count>,
    /// Whether rows were left out, as `--limit` asks.
    pub is_shortened: bool,
}

impl Report {
    /// Adds a count to a row's.
    pub fn add(&mut self, row: Row, count: Count) {
        let sum = self.rows.entry(row).or_default();
        sum.packets += count.packets;
        sum.bytes += count.bytes;
    }
}

/// The last report in what portclass has printed.
///
/// # Errors
///
/// It is in no known format.
pub fn parse(printed: &str) -> Result<Report> {
    let report = if printed.starts_with('{') {
        json(printed)
    } else if printed.starts_with("time,") {
        csv(printed)
    } else {
        table(printed)
    };
    report.context("the final report cannot be read")
}

fn json(printed: &str) -> Result<Report> {
    let documents = Deserializer::from_str(printed).into_iter::<Value>();
    let last = documents.last().context("no document")??;
    let count = |value: &Value| {
        let number = |name| {
            value[name]
                .as_u64()
                .with_context(|| format!("no {name} in {value}"))
        };
        anyhow::Ok(Count {
            packets: number("packets")?,
            bytes: number("bytes")?,
        })
    };
    let mut report = Report {
        totals: Some(count(&last["totals"])?),
        ..Report::default()
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let rows = |name| last[name].as_array().with_context(|| format!("no {name}"));
    for row in rows("services")? {
        report.add(
            Row::Service(text(&row["service"]), text(&row["transport"])),
            count(row)?,
        );
    }
    for row in rows("unlabelled")? {
        let detail = row
            .get("transport")
            .or_else(|| row.get("detail"))
            .unwrap_or(&Value::Null);
        report.add(
            Row::Unlabelled(text(&row["class"]), text(detail)),
            count(row)?,
        );
    }
    Ok(report)
}

fn csv(printed: &str) -> Result<Report> {
    let mut lines = printed
        .lines()
        .map(|line| line.split(',').collect::<Vec<_>>());
    let header = lines.next().context("no header")?;
    let column = |name| {
        header
            .iter()
            .position(|title| *title == name)
            .with_context(|| format!("no column {name}"))
    };
    let [time, service, class, detail] = [
        column("time")?,
        column("service")?,
        column("class")?,
        column("detail")?,
    ];
    let [transport, packets, bytes] = [column("transport")?, column("packets")?, column("bytes")?];
    let rows: Vec<_> = lines.collect();
    let last = rows.last().context("no row")?;
    let mut report = Report::default();
    for row in rows.iter().filter(|row| row.first() == last.get(time)) {
        ensure!(row.len() == header.len(), "{} columns", row.len());
        let key = if row[service].is_empty() {
            Row::unlabelled(row[class], &[row[transport], row[detail]].concat())
        } else {
            Row::service(row[service], row[transport])
        };
        report.add(
            key,
            Count {
                packets: row[packets].parse()?,
                bytes: row[bytes].parse()?,
            },
        );
    }
    Ok(report)
}

fn table(printed: &str) -> Result<Report> {
    let at = printed.rfind("\nSERVICE ").context("no table")?;
    let mut report = Report::default();
    let mut labelled = true;
    let mut numbers = 0;
    for line in printed[at..].lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            [] => {}
            // "(12 more)" stands for the rows that --limit leaves out.
            [count, "more)"] if count.starts_with('(') => report.is_shortened = true,
            ["SERVICE", "TRANSPORT", "PORTS", ..] => numbers = words.len() - 3,
            ["UNLABELLED", ..] => {
                labelled = false;
                numbers = words.len() - 1;
            }
            ["TOTAL", ..] => report.totals = Some(counted(&words, numbers)?),
            [name, transport, ..] if labelled => {
                report.add(Row::service(name, transport), counted(&words, numbers)?)
            }
            [class, ..] => {
                let detail = words[1..words.len().saturating_sub(numbers).max(1)].join(" ");
                report.add(Row::unlabelled(class, &detail), counted(&words, numbers)?);
            }
        }
    }
    Ok(report)
}

/// Packets and bytes: the first two of the numbers at the end of a row.
fn counted(words: &[&str], numbers: usize) -> Result<Count> {
    let at = words
        .len()
        .checked_sub(numbers)
        .context("a row is too short")?;
    let number = |at: usize| {
        let word = words.get(at).context("a row is too short")?;
        word.replace(',', "")
            .parse()
            .with_context(|| format!("{word} is no number"))
    };
    Ok(Count {
        packets: number(at)?,
        bytes: number(at + 1)?,
    })
}

#[cfg(test)]
mod tests {
    use testbed::veth::Count;

    use super::{Row, parse};

    const TABLE: &str = "2026-11-22  server0 (native)\n
SERVICE  TRANSPORT  PORTS  PACKETS  BYTES  PACKETS/S  BITS/S  SHARE
https    tcp        443          1     60          1     480  100%
TOTAL                            1     60          1     480  100%

2026-11-22  server0 (native)\n
SERVICE     TRANSPORT  PORTS      PACKETS  BYTES  SHARE
https       tcp        443, 8443       12  3,456  81.2%
TOTAL                                  15  3,700   100%

UNLABELLED             PACKETS  BYTES  SHARE
dynamic     udp              2    200   5.4%
truncated                    1     44   1.2%
";
    const JSON: &str = r#"{"totals": {"packets": 1, "bytes": 60}, "services": [], "unlabelled": []}
{"totals": {"packets": 15, "bytes": 3700}, "final": true,
 "services": [{"service": "https", "transport": "tcp", "packets": 12, "bytes": 3456}],
 "unlabelled": [{"class": "dynamic", "transport": "udp", "packets": 2, "bytes": 200},
                {"class": "truncated", "packets": 1, "bytes": 44}]}
"#;
    const CSV: &str = "time,interface,direction,service,class,detail,transport,port,packets,bytes
1,,ingress,https,labelled,,tcp,443,1,60
2,,ingress,https,labelled,,tcp,443,10,3000
2,,ingress,https,labelled,,tcp,8443,2,456
2,,ingress,,dynamic,,udp,,2,200
2,,ingress,,truncated,,,,1,44
";

    #[test]
    fn every_format_gives_the_last_report() {
        let count = |packets, bytes| Count { packets, bytes };
        for printed in [TABLE, JSON, CSV] {
            let report = parse(printed).expect("a report");
            let rows: Vec<_> = report.rows.into_iter().collect();
            assert_eq!(
                rows,
                [
                    (Row::service("https", "tcp"), count(12, 3_456)),
                    (Row::unlabelled("dynamic", "udp"), count(2, 200)),
                    (Row::unlabelled("truncated", ""), count(1, 44)),
                ]
            );
            let totals = (printed != CSV).then_some(count(15, 3_700));
            assert_eq!(report.totals, totals);
        }
    }

    #[test]
    fn what_is_no_report_is_an_error() {
        for printed in [
            "",
            "{",
            "time,packets\n",
            "portclass\n",
            "\nSERVICE TRANSPORT PORTS PACKETS BYTES\nhttps tcp\n",
        ] {
            assert!(parse(printed).is_err(), "{printed}");
        }
    }
}
