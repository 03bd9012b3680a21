//! How fast registries are read and asked: `cargo bench --package portclass --bench registry`.

use divan::{Bencher, black_box, counter::BytesCount};
use portclass::{
    registry::{Column, Format, Index, Registry, Sources},
    report::{registry_csv, services},
};

fn main() {
    divan::main();
}

/// The shipped registry.
fn shipped() -> Registry {
    Registry::load(&Sources::plain(None))
        .expect("the shipped registry is readable")
        .0
}

/// All shipped records as `format`.
fn written_as(format: Format) -> Vec<u8> {
    let registry = shipped();
    let mut bytes = Vec::new();
    match format {
        Format::Csv => registry_csv(&mut bytes, &registry).expect("memory"),
        Format::Services => drop(services(&mut bytes, &registry).expect("memory")),
        Format::Short => short(&mut bytes, &registry),
        Format::Xml => xml(&mut bytes, &registry),
        Format::Html => html(&mut bytes, &registry),
        Format::Text => cells(&mut bytes, &registry),
    }
    bytes
}

fn short(out: &mut Vec<u8>, registry: &Registry) {
    for record in registry.records().iter() {
        let columns = Column::ALL[..3].iter().map(|&column| record.column(column));
        out.extend_from_slice(columns.collect::<Vec<_>>().join(",").as_bytes());
        out.push(b'\n');
    }
}

fn xml(out: &mut Vec<u8>, registry: &Registry) {
    const ELEMENTS: [(Column, &str); 7] = [
        (Column::ServiceName, "name"),
        (Column::TransportProtocol, "protocol"),
        (Column::Description, "description"),
        (Column::PortNumber, "number"),
        (Column::ServiceCode, "sc"),
        (Column::UnauthorizedUse, "unauthorized"),
        (Column::AssignmentNotes, "note"),
    ];
    out.extend_from_slice(b"<?xml version='1.0' encoding='UTF-8'?>\n<registry>\n");
    for record in registry.records().iter() {
        let date = record.column(Column::RegistrationDate);
        let mut text = format!("  <record date=\"{date}\">\n");
        for (column, element) in ELEMENTS {
            let escaped = escaped(record.column(column));
            if !escaped.is_empty() {
                text.push_str(&format!("    <{element}>{escaped}</{element}>\n"));
            }
        }
        for person in record.column(Column::Contact).split_inclusive(']') {
            let person = escaped(person.trim_matches(['[', ']']));
            text.push_str(&format!("    <xref type=\"person\" data=\"{person}\"/>\n"));
        }
        text.push_str("  </record>\n");
        out.extend_from_slice(text.as_bytes());
    }
    out.extend_from_slice(b"</registry>\n");
}

fn html(out: &mut Vec<u8>, registry: &Registry) {
    let row = |tag: &str, cells: [&str; Column::COUNT]| {
        let cells = cells.map(|cell| format!("<{tag}>{}</{tag}>", escaped(cell)));
        format!("<tr>{}</tr>\n", cells.concat())
    };
    out.extend_from_slice(b"<!DOCTYPE html>\n<html><body><table>\n");
    out.extend_from_slice(row("th", Column::ALL.map(Column::heading)).as_bytes());
    for record in registry.records().iter() {
        let cells = Column::ALL.map(|column| record.column(column));
        out.extend_from_slice(row("td", cells).as_bytes());
    }
    out.extend_from_slice(b"</table></body></html>\n");
}

fn cells(out: &mut Vec<u8>, registry: &Registry) {
    let row = |cells: [&str; Column::COUNT]| {
        let full: Vec<_> = cells.into_iter().filter(|cell| !cell.is_empty()).collect();
        let bars = "|".repeat(Column::COUNT - full.len());
        format!("{} |{bars}\n", full.join(" | ").replace('\n', " "))
    };
    out.extend_from_slice(row(Column::ALL.map(Column::heading)).as_bytes());
    for record in registry.records().iter() {
        let cells = Column::ALL.map(|column| record.column(column));
        out.extend_from_slice(row(cells).as_bytes());
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}

/// From bytes to a registry that can be asked: reading and laying.
#[divan::bench(args = ["csv", "xml", "html", "text", "services", "short"])]
fn read(bencher: Bencher<'_, '_>, format: &str) {
    let bytes = written_as(match format {
        "csv" => Format::Csv,
        "xml" => Format::Xml,
        "html" => Format::Html,
        "text" => Format::Text,
        "services" => Format::Services,
        _ => Format::Short,
    });
    bencher
        .counter(BytesCount::of_slice(&bytes))
        .bench(|| Registry::of_bytes("registry", black_box(&bytes), None));
}

#[divan::bench]
fn index(bencher: Bencher<'_, '_>) {
    let registry = shipped();
    bencher.bench(|| Index::new(black_box(&registry)));
}

#[divan::bench(args = ["4789/udp", "http*", "0-65535"])]
fn lookup(bencher: Bencher<'_, '_>, query: &str) {
    let registry = shipped();
    let index = Index::new(&registry);
    let query = query.parse().expect("a query");
    bencher.bench(|| index.lookup(black_box(&query)));
}
