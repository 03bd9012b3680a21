//! IANA's plain text edition, whose cells are folded and centred.

use portclass::registry::{Column, Findings, Kind, Registry};

const TEXT: &str = include_str!("fixtures/plain-text.txt");
const CSV: &str = include_str!("fixtures/plain-text.csv");

fn read(text: &str) -> (Registry, Findings) {
    Registry::of_bytes("plain-text.txt", text.as_bytes(), None).expect("a registry")
}

/// White space folded: where a browser folds a line, the file no longer tells.
fn records(registry: &Registry) -> Vec<[String; Column::COUNT]> {
    let fold = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    registry
        .records()
        .iter()
        .map(|record| Column::ALL.map(|column| fold(record.column(column))))
        .collect()
}

#[test]
fn every_record_is_the_one_of_the_csv() {
    let (text, findings) = read(TEXT);
    let (csv, _) = read(CSV);
    assert_eq!(records(&text), records(&csv));
    assert_eq!(findings.kept(), []);
    let updated = text.updated().expect("the file says so");
    assert_eq!(updated.to_string(), "2013-06-26");
}

#[test]
fn a_record_starts_at_the_first_line_of_its_row() {
    let (text, _) = read(TEXT);
    let line_of = |name: &str| {
        let record = text.records().iter().find(|record| record.name() == name);
        record.expect("a record of that name").line()
    };
    let first_line = |content: &str| {
        let line = TEXT.lines().position(|line| line.contains(content));
        line.expect("a line with that") as u64 + 1
    };
    assert_eq!(line_of("lamprelay"), first_line("an alias to"));
    assert_eq!(
        line_of("Kettle Finder (New Edition)"),
        first_line("Kettle Finder")
    );
    assert_eq!(line_of("teapot-lid"), first_line("A lid and nothing else"));
}

#[test]
fn an_excerpt_needs_no_table_of_people() {
    let end = TEXT.find("kettles ").expect("a record");
    let (excerpt, findings) = read(&TEXT[..end]);
    let (csv, _) = read(CSV);
    assert_eq!(records(&excerpt), records(&csv)[..10]);
    assert_eq!(findings.kept(), []);
}

#[test]
fn a_row_that_is_cut_off_is_used_and_told() {
    let end = TEXT.find("lid=<").expect("a note");
    let (cut, findings) = read(&TEXT[..end]);
    assert_eq!(
        cut.records().iter().last().map(|record| record.name()),
        Some("teapot")
    );
    let kinds: Vec<_> = findings.kept().iter().map(|finding| finding.kind).collect();
    assert_eq!(kinds, [Kind::CutOff]);
}

#[test]
fn what_the_layout_does_not_tell_is_told() {
    let start = TEXT.find(" Service Name   Port").expect("headings");
    let end = TEXT.find("lamprelay ").expect("a record");
    let end = TEXT[..end].rfind("\n").expect("a line before it");
    let end = TEXT[..end].rfind("\n").expect("a line before that") + 1;
    let row = |name: &str, port: &str, description: &str| {
        let above = format!("{name:16}{port:^11} {:^9} {description}\n", "tcp");
        format!("{above}{:38}{}\n", "", "Sandwich Distribution Apps")
    };
    let rows = row("one", "101", "Somewhat Older Breakfast A")
        + &row("two", "102", "Somewhat Older Breakfast B");
    let (text, findings) = read(&format!("{}{rows}", &TEXT[start..end]));
    assert_eq!(text.records().len(), 7);
    let told = findings.kept().iter().map(|finding| finding.kind);
    assert_eq!(told.collect::<Vec<_>>(), [Kind::Layout, Kind::Layout]);
}

#[test]
fn widths_are_of_characters_or_of_bytes() {
    let (of_characters, _) = read(TEXT);
    let of_bytes = TEXT.replace("[Cy_Müller]  ", "[Cy_Müller] ");
    let (of_bytes, findings) = read(&of_bytes);
    assert_eq!(records(&of_bytes), records(&of_characters));
    assert_eq!(findings.kept(), []);
}

#[test]
fn hostile_files_are_refused() {
    let headings = TEXT
        .split_inclusive('\n')
        .skip(9)
        .take(2)
        .collect::<String>();
    let no_headings = headings.replace("Assignee", "Nobody");
    for (head, rows) in [
        (&headings, "x".repeat(1 << 20)),
        (&headings, "é".repeat(1 << 20)),
        (&headings, "\n".repeat(1 << 20)),
        (&headings, format!("{:40}x\n", "").repeat(1 << 14)),
        (
            &no_headings,
            format!("{:16}{:^11}\n", "name", "1").repeat(8),
        ),
    ] {
        let text = format!("{head}{rows}");
        assert!(Registry::of_bytes("hostile.txt", text.as_bytes(), None).is_err());
    }
}
