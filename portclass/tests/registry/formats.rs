//! One registry in many formats: every reader gives the same records.

use portclass::registry::{Column, Findings, Format, Kind, Records, Registry};

const CSV: &str = include_str!("fixtures/small.csv");
const XML: &str = include_str!("fixtures/small.xml");
const HTML: &str = include_str!("fixtures/small.html");
const PAGE: &str = include_str!("fixtures/excerpt.page.txt");
const PAGE_AS_CSV: &str = include_str!("fixtures/excerpt.csv");

fn read(text: &str) -> (Registry, Findings) {
    Registry::of_bytes("file", text.as_bytes(), None).expect("a registry")
}

/// All columns of all records, white space folded.
fn folded(records: &Records) -> Vec<[String; Column::COUNT]> {
    let columns = records.iter().map(|record| {
        Column::ALL.map(|column| {
            let words: Vec<_> = record.column(column).split_whitespace().collect();
            words.join(" ")
        })
    });
    columns.collect()
}

fn kinds(findings: &Findings) -> Vec<(Kind, u64)> {
    findings
        .kept()
        .iter()
        .map(|finding| (finding.kind, finding.line))
        .collect()
}

#[test]
fn the_same_snapshot_gives_equal_records_as_csv_as_xml_and_as_html() {
    let (csv, findings) = read(CSV);
    assert_eq!(findings.kept(), []);
    assert_eq!(csv.updated(), None);
    for text in [XML, HTML] {
        let (registry, findings) = read(text);
        assert_eq!(findings.kept(), []);
        assert_eq!(folded(registry.records()), folded(csv.records()));
        assert!(registry.entries().eq(csv.entries()));
        let updated = registry.updated().map(|date| date.to_string());
        assert_eq!(updated.as_deref(), Some("2025-03-01"));
    }
}

#[test]
fn every_format_is_known_by_its_content() {
    for (text, format) in [
        (CSV, Some(Format::Csv)),
        (XML, Some(Format::Xml)),
        ("<registry><record/></registry>", Some(Format::Xml)),
        (HTML, Some(Format::Html)),
        ("<!-- a page -->\n<HTML><body>", Some(Format::Html)),
        ("<!DOCTYPE html><title>x</title>", Some(Format::Html)),
        (PAGE, Some(Format::Text)),
        ("# comment\n\nhttp 80/tcp www\n", Some(Format::Services)),
        ("http\t80/udplite\n", Some(Format::Services)),
        ("name,port,transport\n", Some(Format::Short)),
        ("# ours\nweb,8080-8081,tcp,\"a, b\"\n", Some(Format::Short)),
        (",8080,,Withdrawn\n", Some(Format::Short)),
        ("<svg><path/></svg>", None),
        ("hello world\n", None),
        ("a,b,c\n", None),
        ("{\"registry\": []}", None),
        ("web,80x,tcp\nweb,80,tcp\n", Some(Format::Short)),
        ("odd 80x/tcp\nweb 80/tcp\n", Some(Format::Services)),
        (
            "<table><tr><th>Service Name</th></tr></table>",
            Some(Format::Html),
        ),
        ("", None),
        ("\0\0\0\0", None),
    ] {
        assert_eq!(Format::recognize(text), format, "{text:.40}");
    }
}

#[test]
fn the_page_gives_its_hundred_records_and_a_warning_for_the_one_that_is_cut_off() {
    let (page, findings) = read(PAGE);
    assert_eq!(page.records().len(), 100);
    assert_eq!(kinds(&findings), [(Kind::CutOff, 125)]);
    assert_eq!(
        page.updated().map(|date| date.to_string()).as_deref(),
        Some("2024-10-15")
    );
    let (csv, findings) = read(PAGE_AS_CSV);
    assert_eq!((csv.records().len(), findings.kept()), (101, &[][..]));
    let mut pairs: Vec<_> = folded(page.records())
        .into_iter()
        .zip(folded(csv.records()))
        .filter(|(of_page, of_csv)| of_page != of_csv)
        .collect();
    // The page does not say whether a lone date is one of registration, and nearly all are.
    let (of_page, of_csv) = &mut pairs[0];
    let [registered, modified] =
        [Column::RegistrationDate, Column::ModificationDate].map(|column| column as usize);
    assert_eq!(of_page[0], "opcua-tcp");
    of_page.swap(registered, modified);
    assert_eq!(of_page, of_csv);
    assert_eq!(pairs.len(), 1);
}

#[test]
fn a_row_of_the_page_that_breaks_off_does_not_swallow_the_next_one() {
    let heading = "Service Name | Port Number | Transport Protocol | Description | Assignee | Contact | \
                   Registration Date | Modification Date | Reference | Service Code | \
                   Unauthorized Use Reported | Assignment Notes |\n";
    let (registry, findings) = read(&format!(
        "{heading}---|---|\n\
         a | 1 | tcp | First | |||||||||\n\
         b | 2 | tcp | Broken\n\
         c | 3 | tcp | Third line\nof one | [A] | [B] | 2001-02 | 2003-04-05 | [RFC1] | 42 | \
         Unauthorized use by d | A note |\n\
         e | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13 | 14 |\n"
    ));
    let names: Vec<_> = registry
        .records()
        .iter()
        .map(|record| record.name())
        .collect();
    assert_eq!(names, ["a", "c", "e"]);
    assert_eq!(kinds(&findings), [(Kind::CutOff, 4), (Kind::Layout, 7)]);
    let columns = &folded(registry.records())[1];
    assert_eq!(
        columns.each_ref().map(String::as_str),
        [
            "c",
            "3",
            "tcp",
            "Third line of one",
            "[A]",
            "[B]",
            "2001-02",
            "2003-04-05",
            "[RFC1]",
            "42",
            "Unauthorized use by d",
            "A note",
        ]
    );
}

#[test]
fn a_services_file_gives_names_aliases_and_comments() {
    let (registry, findings) = read(
        "# Network services\n\
         http\t\t80/tcp\t\twww  web\t# WorldWideWeb\n\
         \n\
         lite 7/UDPLITE # Echo\n\
         rtmp 1/ddp\n\
         odd 70000/tcp\n\
         lonely\n\
         nothing /tcp\n\
         last 9/sctp",
    );
    let rows: Vec<_> = folded(registry.records())
        .into_iter()
        .map(|columns| columns[..4].join(" "))
        .collect();
    assert_eq!(
        rows,
        [
            "http 80 tcp WorldWideWeb",
            "www 80 tcp ",
            "web 80 tcp ",
            "lite 7 udp Echo",
            "last 9 sctp ",
        ]
    );
    let aliases: Vec<_> = registry
        .records()
        .iter()
        .map(|record| record.is_alias())
        .collect();
    assert_eq!(aliases, [false, true, true, false, false]);
    assert_eq!(
        kinds(&findings),
        [
            (Kind::ForeignTransport, 5),
            (Kind::Port, 6),
            (Kind::ColumnCount, 7),
            (Kind::Port, 8),
        ]
    );
}

#[test]
fn the_short_form_may_have_a_header_comments_blanks_and_quotes() {
    for header in [
        "",
        "Name,Port,Transport,Description\n",
        "name,port,transport\r\n",
    ] {
        let (registry, findings) = read(&format!(
            "# ours, \"all of them\n{header}web , 8080 , TCP , Our pages\n\n#no\ngame,1-3,,\"one, \"\"two\"\"\"\n,5,udp,Reserved\nname,,\n"
        ));
        assert_eq!(findings.kept(), []);
        let rows: Vec<_> = registry
            .records()
            .iter()
            .map(|record| {
                let transport = record.transport().map(|transport| transport.name());
                let description = record.column(Column::Description);
                (
                    record.name(),
                    record.ports().map(|ports| ports.to_string()),
                    transport,
                    description,
                )
            })
            .collect();
        let port = |text: &str| Some(text.to_owned());
        assert_eq!(
            rows,
            [
                ("web", port("8080"), Some("tcp"), "Our pages"),
                ("game", port("1-3"), None, "one, \"two\""),
                ("", port("5"), Some("udp"), "Reserved"),
                ("name", None, None, ""),
            ]
        );
    }
}

#[test]
fn one_bad_line_of_the_short_form_loses_no_other() {
    let (registry, findings) =
        read("a,1,tcp\nb,2\nc,3,tcp,x,y\nd,9-8,tcp\ne,5,quic\n\"f,6,tcp\ng,7,udp\n");
    let names: Vec<_> = registry
        .records()
        .iter()
        .map(|record| record.name())
        .collect();
    assert_eq!(names, ["a", "g"]);
    assert_eq!(
        kinds(&findings),
        [
            (Kind::ColumnCount, 2),
            (Kind::ColumnCount, 3),
            (Kind::Port, 4),
            (Kind::Transport, 5),
            (Kind::Quote, 6),
        ]
    );
}

#[test]
fn bytes_that_are_no_text_lose_their_own_record_in_every_format() {
    let broken = |text: &str| {
        let (before, after) = text.rsplit_once("alpha_old").expect("a record");
        [before.as_bytes(), b"alpha\xff\xfe", after.as_bytes()].concat()
    };
    for text in [CSV, XML, HTML] {
        let (registry, findings) =
            Registry::of_bytes("file", &broken(text), None).expect("a registry");
        assert_eq!(registry.records().len(), 10);
        let [finding] = findings.kept() else {
            panic!("one finding")
        };
        assert_eq!(
            (finding.kind, finding.column),
            (Kind::Utf8, Some(Column::ServiceName))
        );
    }
    let (registry, findings) =
        Registry::of_bytes("file", b"a 1/tcp\nb\xff 2/tcp\nc 3/tcp\n", None).expect("a registry");
    assert_eq!(registry.records().len(), 2);
    assert_eq!(kinds(&findings), [(Kind::Utf8, 2)]);
}

#[test]
fn a_byte_order_mark_is_no_text() {
    let (registry, findings) = read(&format!("\u{feff}{CSV}"));
    assert_eq!((registry.records().len(), findings.kept()), (11, &[][..]));
}

#[test]
fn characters_that_could_drive_a_terminal_are_replaced_and_warned_of() {
    for text in [
        "red\u{1b}[31m,1,tcp\nb\u{202e}d,2,tcp\nn\0l,3,tcp\nfine,4,tcp,\u{fffd} as it was\n"
            .to_owned(),
        "red\u{1b}[31m 1/tcp\nb\u{202e}d 2/tcp\nn\0l 3/tcp\nfine 4/tcp # \u{fffd} as it was\n"
            .to_owned(),
    ] {
        let (registry, findings) = read(&text);
        let names: Vec<_> = registry
            .records()
            .iter()
            .map(|record| record.name())
            .collect();
        assert_eq!(
            names,
            ["red\u{fffd}[31m", "b\u{fffd}d", "n\u{fffd}l", "fine"]
        );
        let expected = [1, 2, 3].map(|line| (Kind::ControlCharacters, line));
        assert_eq!(kinds(&findings), expected);
    }
}
