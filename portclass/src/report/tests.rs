use std::time::Instant;

use portclass_common::{
    counter::{Counter, FIRST_SLOT},
    label::{Class, Service},
    packet::Reason,
    settings::Contents,
    transport::Transport,
};

mod origins;

use super::{Format, Layout, Live, Reporter, Size, table};
use crate::account::{Account, Direction, InterfaceInfo, Observed, Origin, Snapshot, Sort};

/// Services s1 to s9, each with ten times as many bytes as packets, and a reason.
fn snapshot(name: &'static str) -> Snapshot {
    let meaning = move |slot: u32| {
        let name = format!("{name}{}", slot + 1);
        Service::new(&name, 1_000 + slot as u16, Transport::Tcp, Class::Labelled)
    };
    let mut counters = vec![Counter::default(); FIRST_SLOT as usize + 9];
    for slot in 0..9 {
        let packets = u64::from(slot) + 1;
        counters[(FIRST_SLOT + slot) as usize] = Counter::new(packets, packets * 1_000);
    }
    counters[Reason::Dynamic(Transport::Udp).counter_index() as usize] = Counter::new(5, 5_000);
    let contents = Contents {
        registry_date: 20_240_612,
        named_pairs: 11_598,
        layers: 3,
        ..Contents::default()
    };
    let interface = InterfaceInfo {
        name: "eth0".to_owned(),
        index: 2,
        mode: Some("native"),
        egress: None,
        directions: vec![Direction::Ingress],
        features: vec!["frags"],
    };
    let observed = Observed {
        registry: contents.into(),
        interfaces: vec![interface],
        origins: vec![Origin {
            interface: None,
            direction: Direction::Ingress,
        }],
        sort: Sort::Bytes,
        tunnels: false,
        tags: false,
    };
    Account::new(observed, Instant::now()).whole(&[counters], meaning)
}

fn lines(layout: Layout) -> Vec<String> {
    table(&snapshot("s"), layout)
}

#[test]
fn a_table_shows_services_totals_and_reasons() {
    let lines = lines(Layout {
        limit: Some(2),
        rows: None,
    });
    assert!(
        lines[0].ends_with("eth0 (native)  registry of 2024-06-12, 11,598 names"),
        "{}",
        lines[0]
    );
    assert_eq!(
        lines[1..],
        [
            "",
            "SERVICE     TRANSPORT  PORTS  PACKETS   BYTES   SHARE",
            "s9          tcp        1008         9   9,000   18.0%",
            "s8          tcp        1007         8   8,000   16.0%",
            "(7 more)",
            "TOTAL                              50  50,000  100.0%",
            "",
            "UNLABELLED                    PACKETS   BYTES   SHARE",
            "dynamic     udp                     5   5,000   10.0%",
        ]
    );
}

#[test]
fn a_table_fits_the_terminal_with_its_totals() {
    let mut snapshot = snapshot("s");
    for count in 1..30 {
        for rows in 7..60 {
            let layout = Layout {
                limit: None,
                rows: Some(rows),
            };
            let lines = table(&snapshot, layout);
            assert!(lines.len() < rows, "{} lines in {rows} rows", lines.len());
            let shown = |start: &str| lines.iter().any(|line| line.starts_with(start));
            assert!(shown("TOTAL"), "{lines:#?}");
            assert!(rows < 13 || shown("s9") && shown("dynamic"), "{lines:#?}");
            // Seven lines of titles, headings, totals and the cursor.
            let is_room_for_all = rows >= 9 + count + 7;
            assert_eq!(is_room_for_all, !shown("("), "{rows} rows: {lines:#?}");
        }
        snapshot.unlabelled.push(snapshot.unlabelled[0].clone());
    }
}

#[test]
fn a_table_is_drawn_over_the_one_before_and_never_past_the_edges() {
    let mut live = Live::default();
    let mut out = Vec::new();
    let size = Some(Size {
        columns: 4,
        rows: 3,
    });
    let first = [
        "one line".to_owned(),
        "é§ü€ß".to_owned(),
        "too low".to_owned(),
    ];
    live.draw(&mut out, &first, size).expect("a vector");
    live.draw(&mut out, &first[..1], size).expect("a vector");
    live.clear(&mut out).expect("a vector");
    assert_eq!(
        String::from_utf8(out).expect("text"),
        "one \né§ü€\n\r\u{1b}[2A\u{1b}[Jone \n\r\u{1b}[1A\u{1b}[J"
    );
}

#[test]
fn wide_characters_are_cut_by_the_columns_that_they_take() {
    let mut out = Vec::new();
    let size = Some(Size {
        columns: 5,
        rows: 9,
    });
    Live::default()
        .draw(&mut out, &["名前名前".to_owned(), "a名前".to_owned()], size)
        .expect("a vector");
    assert_eq!(String::from_utf8(out).expect("text"), "名前\na名前\n");
}

#[test]
fn a_terminal_of_another_size_is_erased() {
    let mut live = Live::default();
    let mut out = Vec::new();
    let line = ["one line".to_owned()];
    for columns in [80, 4] {
        live.draw(&mut out, &line, Some(Size { columns, rows: 3 }))
            .expect("a vector");
    }
    assert_eq!(
        String::from_utf8(out).expect("text"),
        "one line\n\u{1b}[H\u{1b}[2Jone \n"
    );
}

fn report(format: Format, name: &'static str) -> String {
    let mut out = Vec::new();
    Reporter::new(format, None, None, &mut out)
        .whole(snapshot(name))
        .expect("a vector");
    String::from_utf8(out).expect("text")
}

#[test]
fn json_has_the_fields_of_the_contract() {
    let document: serde_json::Value =
        serde_json::from_str(&report(Format::Json, "s")).expect("JSON");
    assert_eq!(document["schema"], "portclass.snapshot/1");
    assert!(document["interval_seconds"].is_null());
    assert_eq!(
        document["registry"],
        serde_json::json!({ "updated": "2024-06-12", "entries": 11_598, "layers": ["iana", "preferred"] })
    );
    assert_eq!(
        document["interfaces"][0],
        serde_json::json!({ "name": "eth0", "index": 2, "mode": "native", "egress": null,
                            "directions": ["ingress"], "features": ["frags"] })
    );
    assert_eq!(
        document["totals"],
        serde_json::json!({ "packets": 50, "bytes": 50_000 })
    );
    assert_eq!(
        document["services"][0],
        serde_json::json!({ "service": "s9", "transport": "tcp", "direction": "ingress", "packets": 9, "bytes": 9_000,
                            "ports": [{ "port": 1_008, "packets": 9, "bytes": 9_000 }] })
    );
    assert_eq!(
        document["unlabelled"],
        serde_json::json!([{ "class": "dynamic", "transport": "udp", "direction": "ingress",
                             "packets": 5, "bytes": 5_000 }])
    );
    assert!(document.get("final").is_none() && document.get("tunnels").is_none());
    let time = document["time"].as_str().expect("text");
    assert!(
        time.len() == "2026-11-22T23:41:00.000Z".len() && time.ends_with('Z'),
        "{time}"
    );
}

#[test]
fn the_last_line_of_a_series_says_that_it_is_the_last() {
    let line = report(Format::Jsonl, "s");
    assert_eq!(line.lines().count(), 1);
    let document: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(document["final"], true);
}

#[test]
fn csv_has_one_header_and_a_row_a_port_or_reason() {
    let mut out = Vec::new();
    let mut reporter = Reporter::new(Format::Csv, None, None, &mut out);
    reporter.interval(&snapshot("s"), None).expect("a vector");
    reporter.whole(snapshot("s")).expect("a vector");
    drop(reporter);
    let text = String::from_utf8(out).expect("text");
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 1 + 2 * 10);
    assert_eq!(
        lines[0],
        "time,interface,direction,service,class,detail,transport,port,packets,bytes"
    );
    assert!(
        lines[1].ends_with("Z,,ingress,s9,labelled,,tcp,1008,9,9000"),
        "{}",
        lines[1]
    );
    assert!(
        lines[10].ends_with("Z,,ingress,,dynamic,,udp,,5,5000"),
        "{}",
        lines[10]
    );
}

#[test]
fn a_hostile_name_stays_in_its_cell() {
    let json: serde_json::Value =
        serde_json::from_str(&report(Format::Json, "a\"b,\n")).expect("JSON");
    assert_eq!(json["services"][0]["service"], "a\"b,\n9");
    let csv = report(Format::Csv, "a\"b,\n");
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let first = reader.records().next().expect("a record").expect("CSV");
    assert_eq!(&first[3], "a\"b,\n9");
    assert_eq!(
        report(Format::Table, "a\"b,\n").lines().count(),
        2 + 1 + 9 + 1 + 3
    );
}
