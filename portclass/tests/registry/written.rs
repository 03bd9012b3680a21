//! What is written reads back the same.

use portclass::{
    registry::{Column, Format, Index, Records, Registry, Sources},
    report::{records_csv, registry_csv, services},
};
use portclass_common::transport::Transport;
use proptest::prelude::*;

fn shipped() -> Registry {
    Registry::load(&Sources::plain(None))
        .expect("the shipped registry is readable")
        .0
}

fn columns(records: &Records) -> Vec<[String; Column::COUNT]> {
    let columns = records
        .iter()
        .map(|record| Column::ALL.map(|column| record.column(column).to_owned()));
    columns.collect()
}

#[test]
fn the_shipped_registry_written_as_csv_reads_back_the_same() {
    let registry = shipped();
    let mut written = Vec::new();
    registry_csv(&mut written, &registry).expect("memory");
    let (again, findings) = Records::read("file", &written, None).expect("a registry");
    assert_eq!(findings.kept(), []);
    assert_eq!(again.len(), registry.records().len());
    for (one, other) in columns(&again).into_iter().zip(columns(registry.records())) {
        assert_eq!(one, other);
    }
}

#[test]
fn a_note_says_the_same_before_and_after_it_is_made_harmless() {
    let header = Column::ALL.map(Column::heading).join(",");
    let note = "This entry is an\u{c}alias to \"\"a\"\".";
    let text = format!("{header}\nb,1,tcp,,,,,,,,,\"{note}\"\n");
    let (records, _) = Records::read("file", text.as_bytes(), None).expect("a registry");
    let mut written = Vec::new();
    records_csv(&mut written, records.iter()).expect("memory");
    let (again, _) = Records::read("file", &written, None).expect("a registry");
    assert_eq!(records.get(0).is_alias(), again.get(0).is_alias());
}

#[test]
fn the_shipped_registry_written_as_services_has_every_port_and_name() {
    let registry = shipped();
    let mut written = Vec::new();
    let left_out = services(&mut written, &registry).expect("memory");
    assert_eq!(
        left_out,
        [
            "Apple Remote Desktop (Net Assistant)",
            "Escale (Newton Dock)"
        ]
    );
    let (again, findings) = Registry::of_bytes("file", &written, None).expect("a registry");
    assert_eq!(findings.kept(), []);
    let can_stand = |name: &str| !name.contains(' ');
    let (before, after) = (Index::new(&registry), Index::new(&again));
    let mut after = after.named();
    let mut pairs = 0;
    for (key, names, _) in before.named() {
        let names: Vec<_> = names.into_iter().filter(|name| can_stand(name)).collect();
        if names.is_empty() {
            continue;
        }
        let (other_key, other_names, _) = after.next().expect("as many pairs");
        assert_eq!((other_key, other_names), (key, names));
        pairs += 1;
    }
    assert!(after.next().is_none());
    // Each port of each range, on each transport; two ports of two transports have a name that cannot stand there alone.
    assert_eq!(pairs, 11_598 + 760 - 4);
    assert_eq!(text_of(&written, "x11").len(), 2 * 64);
}

/// The lines about a name.
fn text_of<'text>(written: &'text [u8], name: &str) -> Vec<&'text str> {
    let text = str::from_utf8(written).expect("text");
    text.lines()
        .filter(|line| line.split_whitespace().next() == Some(name))
        .collect()
}

/// Text without control characters, which are replaced when they are read.
fn text() -> impl Strategy<Value = String> {
    proptest::string::string_regex("[ -~\n\u{e9}\u{4e2d}]{0,24}").expect("a pattern")
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        proptest::string::string_regex("[a-z0-9\",;|#*+-]{1,15}").expect("a pattern"),
    ]
}

fn ports() -> impl Strategy<Value = String> {
    let range = (any::<u16>(), any::<u16>())
        .prop_map(|(one, other)| format!("{}-{}", one.min(other), one.max(other)));
    prop_oneof![any::<u16>().prop_map(|port| port.to_string()), range]
}

fn row() -> impl Strategy<Value = Vec<String>> {
    let transport = prop_oneof![
        Just(String::new()),
        prop::sample::select(&Transport::ALL[..]).prop_map(|transport| transport.name().to_owned()),
    ];
    let others = prop::collection::vec(text(), Column::COUNT - 3);
    (name(), ports(), transport, others).prop_map(|(name, ports, transport, others)| {
        let mut row = vec![name, ports, transport];
        row.extend(others);
        row
    })
}

proptest! {
    /// An independent writer, our reader, our writer, an independent reader.
    #[test]
    fn records_survive_every_writer_and_reader(rows in prop::collection::vec(row(), 1..12)) {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(Column::ALL.map(Column::heading)).expect("memory");
        for row in &rows {
            writer.write_record(row).expect("memory");
        }
        let written = writer.into_inner().expect("memory");
        let (records, findings) = Records::read("file", &written, None).expect("a registry");
        prop_assert_eq!(findings.kept(), []);
        let mut ours = Vec::new();
        records_csv(&mut ours, records.iter()).expect("memory");
        let mut reader = csv::Reader::from_reader(&ours[..]);
        let again: Vec<Vec<String>> = reader
            .records()
            .map(|record| record.expect("a record").iter().map(str::to_owned).collect())
            .collect();
        prop_assert_eq!(again.len(), rows.len());
        for (one, other) in again.iter().zip(&rows) {
                        prop_assert_eq!(one, other);
        }
    }

    /// Whatever the bytes, reading ends, and lines lie within the file.
    #[test]
    fn no_bytes_are_too_much_for_any_reader(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        for format in [Format::Csv, Format::Xml, Format::Html, Format::Text, Format::Services, Format::Short] {
            if let Ok((records, findings)) = Records::read("file", &bytes, Some(format)) {
                let lines = 1 + bytes.iter().filter(|&&byte| byte == b'\n').count() as u64;
                prop_assert!(records.iter().all(|record| (1..=lines).contains(&record.line())));
                prop_assert!(findings.kept().iter().all(|finding| (1..=lines).contains(&finding.line)));
            }
        }
    }
}
