//! Files that are no registry, or hold records that are none.

use std::{fs, path::PathBuf, process::Command, thread};

use portclass::registry::{
    Column, Findings, Format, MAX_FILE_BYTES, Registry, RegistryError, Sources,
};
use tempfile::TempDir;

const HEADER: &str = "Service Name,Port Number,Transport Protocol,Description,Assignee,Contact,Registration Date,\
                      Modification Date,Reference,Service Code,Unauthorized Use Reported,Assignment Notes\r\n";

fn load(content: &[u8]) -> Result<(Registry, Findings), RegistryError> {
    let folder = TempDir::new().expect("a temporary folder");
    let file = folder.path().join("registry.csv");
    fs::write(&file, content).expect("a temporary file");
    load_file(file)
}

fn load_file(file: PathBuf) -> Result<(Registry, Findings), RegistryError> {
    Registry::load(&Sources::plain(Some(file)))
}

fn load_records(records: &str) -> (Registry, Vec<(u64, Option<Column>, String)>) {
    let (registry, findings) = load(format!("{HEADER}{records}").as_bytes()).expect("a registry");
    let findings = findings
        .kept()
        .iter()
        .map(|finding| (finding.line, finding.column, finding.message.clone()));
    (registry, findings.collect())
}

fn names(registry: &Registry) -> Vec<&str> {
    registry.entries().map(|entry| entry.name).collect()
}

#[test]
fn a_file_that_is_no_registry_is_refused_by_name() {
    let refused = |content: &[u8]| load(content).err().expect("refused").to_string();
    assert!(
        refused(b"")
            .contains("registry.csv: the file is empty; expected the IANA registry as CSV, XML,")
    );
    assert!(refused(b"\xef\xbb\xbf\r\n \n").contains("the file is empty"));
    for garbage in [
        &b"\x7fELF\x02\x01\x01\0\0\0"[..],
        b"name,number,kind\nhttp,http,http\n",
        b"{\"services\": []}",
        &[0xff; 5000],
    ] {
        assert!(refused(garbage).contains("registry.csv:1: not a port registry; expected "));
    }
    assert!(refused(HEADER.as_bytes()).contains("no usable record"));
    let only_bad = format!("{HEADER}a,99999,tcp,,,,,,,,,\n");
    assert!(refused(only_bad.as_bytes()).contains("the first problem: "));
    let missing = load_file("/nonexistent/registry.csv".into())
        .err()
        .expect("refused");
    assert!(
        missing
            .to_string()
            .starts_with("/nonexistent/registry.csv: cannot read the registry: ")
    );
    let folder = load_file("/proc".into()).err().expect("refused");
    assert!(matches!(folder, RegistryError::Unreadable { .. }));
}

#[test]
fn an_endless_file_is_refused_at_its_start_or_at_the_limit() {
    let endless = load_file("/dev/zero".into()).err().expect("refused");
    assert!(matches!(endless, RegistryError::Unrecognized { .. }));
    let sources = Sources {
        format: Some(Format::Csv),
        ..Sources::plain(Some("/dev/zero".into()))
    };
    let endless = Registry::load(&sources).err().expect("refused");
    assert!(matches!(endless, RegistryError::TooLarge { .. }));
    assert!(
        endless
            .to_string()
            .contains(&format!("larger than {} MiB", MAX_FILE_BYTES >> 20))
    );
}

#[test]
fn a_file_beyond_the_limit_is_refused_unread() {
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join("large.csv");
    let file = fs::File::create(&path).expect("a temporary file");
    file.set_len(MAX_FILE_BYTES + (1 << 20)).expect("a hole");
    let refused = load_file(path).err().expect("refused");
    assert!(matches!(refused, RegistryError::TooLarge { .. }));
}

#[test]
fn a_pipe_is_read_to_its_end_and_one_that_nobody_writes_to_is_given_up() {
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join("pipe");
    let made = Command::new("mkfifo").arg(&path).status().expect("mkfifo");
    assert!(made.success());
    let refused = load_file(path.clone()).err().expect("refused");
    assert!(
        matches!(refused, RegistryError::Stalled { .. }),
        "{refused}"
    );
    // The reader that was given up still waits at the first pipe.
    let path = folder.path().join("another");
    let made = Command::new("mkfifo").arg(&path).status().expect("mkfifo");
    assert!(made.success());
    let writer = thread::spawn({
        let path = path.clone();
        move || fs::write(path, format!("{HEADER}piped,1,tcp,,,,,,,,,\r\n"))
    });
    let (registry, _) = load_file(path).expect("a registry");
    assert_eq!(names(&registry), ["piped"]);
    writer.join().expect("the writer").expect("it has written");
}

#[test]
fn a_bad_record_names_its_line_and_column_and_the_others_still_load() {
    let (registry, findings) = load_records(
        "first,1,tcp,,,,,,,,,\r\n\
         \"with\nline feed\",2,tcp,,,,,,,,,\r\n\
         big,65536,tcp,,,,,,,,,\r\n\
         sign,+5,tcp,,,,,,,,,\r\n\
         back,9-8,tcp,,,,,,,,,\r\n\
         quic,9,quic,,,,,,,,,\r\n\
         short,10,tcp\r\n\
         last,11,UDP,,,,,,,,,\r\n",
    );
    assert_eq!(names(&registry), ["first", "with\nline feed", "last"]);
    let found: Vec<_> = findings
        .iter()
        .map(|(line, column, _)| (*line, *column))
        .collect();
    assert_eq!(
        found,
        [
            (5, Some(Column::PortNumber)),
            (6, Some(Column::PortNumber)),
            (7, Some(Column::PortNumber)),
            (8, Some(Column::TransportProtocol)),
            (9, None),
        ]
    );
    assert_eq!(findings[4].2, "3 columns; expected 12");
}

#[test]
fn a_record_of_bytes_that_are_no_text_is_left_out() {
    let mut content = HEADER.as_bytes().to_vec();
    content.extend_from_slice(
        b"good,1,tcp,,,,,,,,,\nbad,2,tcp,\xff\xfe,,,,,,,,\ngood,3,tcp,,,,,,,,,\n",
    );
    let (registry, findings) = load(&content).expect("a registry");
    assert_eq!(registry.entries().count(), 2);
    assert_eq!(
        (findings.kept()[0].line, findings.kept()[0].column),
        (3, Some(Column::Description))
    );
    let shown = findings.kept()[0].to_string();
    assert!(
        shown.ends_with("registry.csv:3: column 'Description': not valid UTF-8"),
        "{shown}"
    );
}

#[test]
fn an_unterminated_quote_loses_its_own_record_only() {
    let (registry, findings) =
        load_records("a,1,tcp,,,,,,,,,\nb,2,tcp,\"never,,,,,,,,\nc,3,tcp,,,,,,,,,\n");
    assert_eq!(names(&registry), ["a", "c"]);
    assert_eq!((findings.len(), findings[0].0), (1, 3));
    assert!(
        findings[0]
            .2
            .starts_with("a quote is opened and never closed")
    );
}

#[test]
fn two_stray_quotes_swallow_no_records_between_them() {
    let (registry, findings) = load_records(
        "a,1,tcp,,,,,,,,,\nb,2,tcp,\"open,,,,,,,,\nc,3,tcp,x,,,,,,,,\nd,4,tcp,\"also open,,,,,,,,\ne,5,tcp,,,,,,,,,\n",
    );
    assert_eq!(names(&registry), ["a", "c", "e"]);
    let found: Vec<_> = findings.iter().map(|(line, _, _)| *line).collect();
    assert_eq!(found, [3, 5]);
    assert!(
        findings[0].2.starts_with("text after a closing quote"),
        "{}",
        findings[0].2
    );
}

#[test]
fn any_number_of_broken_quotes_loses_no_good_record() {
    let rows: String = (0..500)
        .map(|number| format!("bad,1,tcp,\"a\"b,,,,,,,,\ngood{number},2,tcp,,,,,,,,,\n"))
        .collect();
    let (registry, findings) = load_records(&rows);
    assert_eq!(registry.records().len(), 500);
    assert_eq!(findings.len(), 500);
}

#[test]
fn fields_and_aliases_without_end_take_no_room() {
    let (registry, findings) =
        load_records(&format!("a,1,tcp,,,,,,,,,\n{}\n", ",".repeat(5_000_000)));
    assert_eq!(names(&registry), ["a"]);
    assert_eq!(findings[0].2, "5000001 columns; expected 12");
    let line = format!(
        "name 1/tcp {}# {}\n",
        "a ".repeat(5_000),
        "long ".repeat(50_000)
    );
    let (registry, _) = load(line.as_bytes()).expect("a registry");
    let kept: usize = registry
        .records()
        .iter()
        .map(|record| {
            Column::ALL
                .map(|column| record.column(column).len())
                .iter()
                .sum::<usize>()
        })
        .sum();
    assert!(kept < 1_000_000, "{kept}");
}

#[test]
fn quotes_that_are_right_are_no_fault() {
    let (registry, findings) = load_records(
        "a,1,tcp,\"one, \"\"two\"\"\",\"\",,,,,,,\"a\nb\"\r\nin\"side,2,tcp,it\"s,,,,,,,,\n\"quoted\",3,tcp,,,,,,,,,\"end\"",
    );
    assert_eq!(findings, []);
    assert_eq!(names(&registry), ["a", "in\"side", "quoted"]);
}

#[test]
fn a_file_made_of_unterminated_quotes_ends_soon() {
    let hostile = "a\",\"\n".repeat(200_000);
    let refused = load(format!("{HEADER}{hostile}").as_bytes())
        .err()
        .expect("refused");
    assert!(matches!(refused, RegistryError::NoRecords { .. }));
}

#[test]
fn a_name_that_grows_too_long_when_it_is_made_harmless_is_left_out() {
    let (registry, findings) = load_records(&format!(
        "{},1,tcp,,,,,,,,,\n{},2,tcp,,,,,,,,,\n",
        "\u{1}".repeat(30),
        "a".repeat(59)
    ));
    assert_eq!(names(&registry), ["a".repeat(59)]);
    assert_eq!(findings[0].1, Some(Column::ServiceName));
}

#[test]
fn a_file_full_of_ranges_over_all_ports_is_laid_in_no_time() {
    // A hundred thousand million (record, port, transport) triples: no machine visits them one by one.
    let (registry, _) = load_records(&"everything,0-65535,,,,,,,,,,\n".repeat(400_000));
    assert_eq!(registry.entries().count(), 4 * 65_536);
}

#[test]
fn text_from_outside_cannot_drive_a_terminal() {
    let (registry, _) = load_records("evil\u{1b}[2J\u{202e},1,tcp,,,,,,,,,\n");
    assert_eq!(names(&registry), ["evil\u{fffd}[2J\u{fffd}"]);
}
