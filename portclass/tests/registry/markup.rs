//! XML and HTML that are broken, hostile, or something else.

use portclass::registry::{Column, Findings, Format, Kind, Registry, RegistryError};

fn read(text: &str) -> Result<(Registry, Findings), RegistryError> {
    Registry::of_bytes("file", text.as_bytes(), None)
}

fn names(registry: &Registry) -> Vec<&str> {
    registry
        .records()
        .iter()
        .map(|record| record.name())
        .collect()
}

fn found(findings: &Findings) -> Vec<(Kind, u64)> {
    findings
        .kept()
        .iter()
        .map(|finding| (finding.kind, finding.line))
        .collect()
}

fn record(name: &str) -> String {
    format!("<record><name>{name}</name><number>1</number></record>\n")
}

#[test]
fn entities_are_never_followed() {
    let text = format!(
        "<!DOCTYPE registry [\n\
         <!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">\n\
         <!ENTITY file SYSTEM \"file:///etc/passwd\">\n\
         <!ENTITY % remote SYSTEM \"http://127.0.0.1:1/x.dtd\"> %remote;\n\
         ]>\n<registry>\n{}{}{}{}</registry>",
        record("good"),
        record("&b;"),
        record("&file;"),
        record("also&amp;&#33;&#x21;"),
    );
    let (registry, findings) = read(&text).expect("a registry");
    assert_eq!(names(&registry), ["good", "also&!!"]);
    assert_eq!(found(&findings), [(Kind::Markup, 8), (Kind::Markup, 9)]);
    let finding = &findings.kept()[0];
    assert_eq!(finding.column, Some(Column::ServiceName));
    assert!(finding.message.contains("&b;"), "{}", finding.message);
}

#[test]
fn an_entity_in_an_attribute_is_an_error_of_its_record() {
    let text = format!(
        "<registry><record date=\"&x;\"><name>a</name></record>{}</registry>",
        record("b")
    );
    let (registry, findings) = read(&text).expect("a registry");
    assert_eq!(names(&registry), ["b"]);
    assert_eq!(found(&findings), [(Kind::Markup, 1)]);
}

#[test]
fn broken_xml_loses_the_record_around_it_only() {
    let text = format!(
        "<registry>\n{}<record><name>b</nmae></record>\n{}<record><name>d & e</name></record>\n{}\
         <record><name>g</name <number>1</number></record>\n{}</registry>\n",
        record("a"),
        record("c"),
        record("f"),
        record("h"),
    );
    let (registry, findings) = read(&text).expect("a registry");
    assert_eq!(names(&registry), ["a", "c", "f", "h"]);
    let expected = [3, 5, 7].map(|line| (Kind::Markup, line));
    assert_eq!(found(&findings), expected);
}

#[test]
fn xml_that_ends_too_soon_says_so() {
    let (registry, findings) = read(&format!(
        "<registry>\n{}<record>\n<name>b</name>",
        record("a")
    ))
    .expect("a registry");
    assert_eq!(names(&registry), ["a"]);
    assert_eq!(found(&findings), [(Kind::EndsEarly, 3)]);
    let (_, findings) = read(&format!("<registry>\n{}", record("a"))).expect("a registry");
    assert_eq!(found(&findings), [(Kind::EndsEarly, 3)]);
}

#[test]
fn xml_that_ends_inside_a_tag_says_that_all_the_rest_is_missing() {
    let (registry, findings) =
        read(&format!("<registry>\n{}<record>\n<na", record("a"))).expect("a registry");
    assert_eq!(names(&registry), ["a"]);
    assert_eq!(found(&findings), [(Kind::EndsEarly, 3)]);
    assert!(
        findings.kept()[0]
            .message
            .ends_with("the file ends before </registry>")
    );
}

#[test]
fn stray_end_tags_lose_no_good_record() {
    let text = format!(
        "<registry>\n{}</foo>\n{}</foo></record>\n{}</registry>",
        record("a"),
        record("b"),
        record("c")
    );
    let (registry, findings) = read(&text).expect("a registry");
    assert_eq!(names(&registry), ["a", "b", "c"]);
    assert_eq!(findings.kept()[0].kind, Kind::Markup);
}

#[test]
fn any_number_of_broken_records_loses_no_good_one() {
    let broken = "<record><name>b</nmae></record>\n";
    let text: String = (0..200)
        .map(|number| broken.to_owned() + &record(&format!("n{number}")))
        .collect();
    let (registry, findings) = read(&format!("<registry>{text}</registry>")).expect("a registry");
    assert_eq!(registry.records().len(), 200);
    assert_eq!(findings.kept().len(), 200);
}

#[test]
fn a_file_of_broken_markup_ends_soon() {
    let hostile = "<record><!-- <record><![CDATA[ ".repeat(300_000);
    let (_, findings) = read(&format!("<registry>{}{hostile}", record("a"))).expect("a registry");
    assert!(findings.kept().len() < 100);
    let deep = "<a>".repeat(1_000_000);
    let (registry, _) = read(&format!("<registry>{}{deep}", record("a"))).expect("a registry");
    assert_eq!(names(&registry), ["a"]);
}

#[test]
fn another_document_is_refused_by_name() {
    let refused = |text: &str, format| {
        let refused = Registry::of_bytes("file", text.as_bytes(), Some(format));
        refused.err().expect("refused").to_string()
    };
    for text in ["<svg/>", "text <registry/>", "<html><registry/></html>"] {
        assert_eq!(
            refused(text, Format::Xml),
            "file:1: not the registry as XML: expected a <registry> of <record> elements"
        );
    }
    let page =
        "<html><body>\n<table><tr><th>Name</th></tr><tr><td>a</td></tr></table></body></html>";
    assert!(refused(page, Format::Html).starts_with(
        "file:1: not the registry as HTML: expected a table with the headings 'Service Name', "
    ));
    assert!(refused("<registry></registry>", Format::Xml).contains("no usable record"));
    assert!(read("<svg><path/></svg>").is_err());
}

#[test]
fn a_page_of_many_says_that_the_others_are_not_there() {
    let small = include_str!("fixtures/small.html");
    let paginated = small.replace(
        "<h1 class=\"people\">",
        "<div class=\"pagination\"> 1 <a href=\"?&amp;page=2\">2</a></div><h1>",
    );
    let (registry, findings) = read(&paginated).expect("a registry");
    assert_eq!(registry.records().len(), 11);
    let kinds: Vec<_> = findings.kept().iter().map(|finding| finding.kind).collect();
    assert_eq!(kinds, [Kind::Page]);
}

#[test]
fn rows_of_a_page_that_are_short_or_cut_off_are_left_out() {
    let small = include_str!("fixtures/small.html");
    let (before, _) = small.split_once("<td>epsilon").expect("the last row");
    let (registry, findings) = read(before).expect("a registry");
    assert_eq!(registry.records().len(), 10);
    let kinds: Vec<_> = findings.kept().iter().map(|finding| finding.kind).collect();
    assert_eq!(kinds, [Kind::EndsEarly]);
    let (registry, findings) = read(&small.replace("<td>epsilon</td>", "")).expect("a registry");
    assert_eq!(registry.records().len(), 10);
    let finding = &findings.kept()[0];
    assert_eq!(finding.kind, Kind::ColumnCount);
    assert_eq!(finding.message, "11 cells; expected 12");
}
