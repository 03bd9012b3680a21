//! Random records, laid out as a browser does, read back.

use std::sync::Arc;

use proptest::{collection::vec, prelude::*};

use super::{heading::Heading, read};
use crate::registry::{Column, Findings, Kind, Records, reading::Reading};

const WIDTHS: [usize; Column::COUNT] = [15, 11, 9, 26, 24, 24, 12, 12, 12, 10, 12, 30];

type Cells = [String; Column::COUNT];

/// The lines of a cell: a word that has no room begins the next one.
fn folded(cell: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in cell.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn row(cells: &Cells, is_centred: impl Fn(Column) -> bool) -> String {
    let cells: Vec<_> = cells
        .iter()
        .zip(WIDTHS)
        .map(|(cell, width)| folded(cell, width))
        .collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or_default();
    let mut text = String::new();
    for line in 0..height {
        for ((column, lines), width) in Column::ALL.into_iter().zip(&cells).zip(WIDTHS) {
            let first = (height - lines.len()) / 2;
            let cell = line.checked_sub(first).and_then(|line| lines.get(line));
            let cell = cell.map_or("", String::as_str);
            let left = if is_centred(column) {
                (width - cell.len()) / 2
            } else {
                0
            };
            let indented = format!("{:left$}{cell}", "");
            text.push_str(&format!("{indented:width$} "));
        }
        text.truncate(text.trim_end_matches(' ').len());
        text.push('\n');
    }
    text
}

fn headings() -> String {
    row(
        &Column::ALL.map(|column| column.heading().to_owned()),
        |_| true,
    )
}

fn text(records: &[Cells]) -> String {
    let is_centred = |column| {
        matches!(
            column,
            Column::PortNumber | Column::TransportProtocol | Column::ServiceCode
        )
    };
    let rows = records.iter().map(|record| row(record, is_centred));
    headings() + &rows.collect::<String>()
}

fn read_back(text: &str) -> (Records, Findings) {
    let (mut records, mut findings) = (Records::default(), Findings::default());
    let file = Arc::from("random.txt");
    let mut reading = Reading::new(&file, text, &mut records, &mut findings);
    let from = text.find(" Service Name").expect("the headings");
    let from = text[..from].rfind('\n').map_or(0, |end| end + 1);
    read(&mut reading, from).expect("a registry");
    // Where there is no record, there is nothing to finish.
    let _no_record = reading.finish();
    (records, findings)
}

fn record() -> impl Strategy<Value = Cells> {
    let words = |most| vec("[A-Za-z]{1,11}", 0..most).prop_map(|words| words.join(" "));
    let key = prop_oneof![
        ("[a-z][a-z0-9-]{0,10}[a-z]", "[1-9][0-9]{0,3}"),
        ("[a-z][a-z0-9-]{0,10}[a-z]", Just(String::new())),
        (Just(String::new()), "[1-9][0-9]{0,3}"),
    ];
    let transport = prop_oneof!["tcp", "udp", "sctp", "dccp", Just(String::new())];
    let date = prop_oneof!["20[0-2][0-9]-0[1-9]", Just(String::new())];
    let people = "(\\[[A-Z][a-z_]{0,20}\\])?";
    (
        key,
        transport,
        "[A-Z][a-z]{2,11}",
        words(8),
        people,
        people,
        date,
        words(9),
        words(12),
    )
        .prop_map(
            |((name, port), transport, first, more, assignee, contact, date, uses, notes)| {
                let description = format!("{first} {more}").trim().to_owned();
                let empty = String::new;
                [
                    name,
                    port,
                    transport,
                    description,
                    assignee,
                    contact,
                    date,
                    empty(),
                    empty(),
                    empty(),
                    uses,
                    notes,
                ]
            },
        )
}

/// Records of as many services: those of one are told apart by their likeness, which random ones do not have.
fn records() -> impl Strategy<Value = Vec<Cells>> {
    vec(record(), 1..40).prop_map(|mut records| {
        for (index, [name, port, ..]) in records.iter_mut().enumerate() {
            if !name.is_empty() {
                name.push_str(&index.to_string());
            }
            if !port.is_empty() {
                *port = index.to_string();
            }
        }
        records
    })
}

proptest! {
    #[test]
    fn records_that_are_laid_out_are_read_back(records in records()) {
        let text = text(&records);
        let (read, findings) = read_back(&text);
        prop_assert_eq!(read.len() as usize, records.len());
        for (read, cells) in read.iter().zip(&records) {
            let is_told = findings
                .kept()
                .iter()
                .any(|finding| finding.line == read.line() && finding.kind == Kind::Layout);
            for (column, cell) in Column::ALL.into_iter().zip(cells) {
                let is_key = (column as usize) < 3;
                let words: Vec<_> = read.column(column).split_whitespace().collect();
                prop_assert!(
                    words.join(" ") == *cell || is_told && !is_key,
                    "{:?} for {:?} in\n{}", words, cell, text
                );
            }
        }
    }

    #[test]
    fn no_text_is_too_odd(rows in "[ a-z0-9é\u{ffff}\n|-]{0,400}") {
        read_back(&(headings() + &rows));
    }
}

#[test]
fn headings_may_be_folded_but_not_lack_a_word() {
    let in_one_line = Column::ALL.map(Column::heading).join("   ") + "\n";
    for text in [in_one_line, headings()] {
        let heading = Heading::at(&text, 0).expect("all headings");
        assert_eq!(heading.end, text.len());
        let lacking = text.replace("Reported", "");
        assert!(Heading::at(&lacking, 0).is_none());
    }
}
