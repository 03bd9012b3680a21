//! What a check finds beside records that cannot be used.

use portclass::registry::{Findings, Kind, Registry, Severity, Sources, check};

fn checked(text: &str) -> Findings {
    let (registry, mut findings) =
        Registry::of_bytes("file", text.as_bytes(), None).expect("a registry");
    check(&registry, &mut findings);
    findings
}

#[test]
fn the_shipped_registry_has_no_errors_and_the_known_warnings() {
    let (registry, mut findings) =
        Registry::load(&Sources::plain(None)).expect("the shipped registry is readable");
    check(&registry, &mut findings);
    let counts: Vec<_> = findings.counts().collect();
    assert_eq!(
        counts,
        [
            (Kind::NameSyntax, 189),
            (Kind::SharedPair, 226),
            (Kind::Overlap, 1)
        ]
    );
    assert_eq!(findings.count(Severity::Error), 0);
    assert!(findings.kept().is_sorted_by_key(|finding| finding.line));
    let overlap = findings
        .kept()
        .iter()
        .find(|finding| finding.kind == Kind::Overlap);
    let overlap = overlap.expect("one overlap").to_string();
    assert!(
        overlap.ends_with("7776 lies across 7748-7776 of line 11140"),
        "{overlap}"
    );
}

#[test]
fn names_shared_pairs_and_overlaps_are_found_in_the_order_of_the_lines() {
    let findings = checked(
        "fine,1-10,tcp\nbad_name,20,tcp\nother,20,tcp\ninside,5,tcp\ninside,5,udp\nfine,30,\nfine,30,\n,40,,\nfine,40,\n",
    );
    let found: Vec<_> = findings
        .kept()
        .iter()
        .map(|finding| (finding.line, finding.kind))
        .collect();
    assert_eq!(
        found,
        [
            (2, Kind::NameSyntax),
            (3, Kind::Contradiction),
            (4, Kind::Contradiction),
            (7, Kind::Overlap),
            (9, Kind::Contradiction),
        ]
    );
}

#[test]
fn an_error_behind_any_number_of_warnings_is_kept() {
    let mut text = "a 1/ddp\n".repeat(10_001);
    text.push_str("bad 99999/tcp\ngood 1/tcp\n");
    let findings = checked(&text);
    let errors: Vec<_> = findings
        .kept()
        .iter()
        .filter(|finding| finding.kind.severity() == Severity::Error)
        .map(|finding| (finding.kind, finding.line))
        .collect();
    assert_eq!(errors, [(Kind::Port, 10_002)]);
    assert_eq!(findings.kept().len(), 10_001);
}

#[test]
fn a_file_full_of_findings_keeps_the_first_and_counts_all() {
    let findings = checked(&"a_b,1,tcp\n".repeat(50_000));
    assert_eq!(findings.kept().len(), 10_000);
    assert_eq!(findings.first_error(), None);
    let counts: Vec<_> = findings.counts().collect();
    assert_eq!(
        counts,
        [(Kind::NameSyntax, 50_000), (Kind::Overlap, 49_999)]
    );
}
