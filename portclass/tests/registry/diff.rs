//! What changed from one registry to another.

use portclass::registry::{Change, Diff, DiffSubject, Registry};
use portclass_common::transport::Transport;

fn registry(text: &str) -> Registry {
    Registry::of_bytes("file", text.as_bytes(), None)
        .expect("a registry")
        .0
}

#[test]
fn each_change_is_told_once_by_its_kind() {
    let old = registry(
        "same,1,tcp,Same\nmoved,2,tcp\nold-name,3,tcp\ngone,4,tcp\n,5,tcp,Unassigned\ntold,6,tcp,One\n\
         spaced,7,tcp,two  words\nportless,,tcp\nleft,,\nexact,8,tcp\n",
    );
    let new = registry(
        "same,1,tcp,Same\nmoved,12,tcp\nnew-name,3,tcp\n,4,tcp,Reserved\n,5,tcp,Reserved\ntold,6,tcp,Two\n\
         spaced,7,tcp,two words\nportless,,tcp\ncame,,udp\nexact,8,tcp\n",
    );
    let told: Vec<_> = Diff::between(&old, &new)
        .into_iter()
        .map(|diff| {
            let subject = match diff.subject {
                DiffSubject::Pair(port, transport) => format!("{port}/{}", transport.name()),
                DiffSubject::Name(name, transport) => {
                    format!("{name}/{}", transport.map_or("any", Transport::name))
                }
            };
            (diff.change, subject, diff.columns.join(", "))
        })
        .collect();
    let expected = [
        (Change::Removed, "2/tcp", ""),
        (Change::Renamed, "3/tcp", ""),
        (Change::Removed, "4/tcp", ""),
        (Change::Status, "5/tcp", "Description"),
        (Change::Amended, "6/tcp", "Description"),
        (Change::Added, "12/tcp", ""),
        (Change::Added, "came/udp", ""),
        (Change::Removed, "left/any", ""),
    ];
    assert_eq!(
        told,
        expected.map(|(change, subject, columns)| (change, subject.to_owned(), columns.to_owned()))
    );
}

#[test]
fn a_registry_does_not_differ_from_itself_in_another_format() {
    let csv = registry(include_str!("fixtures/small.csv"));
    for text in [
        include_str!("fixtures/small.xml"),
        include_str!("fixtures/small.html"),
    ] {
        assert_eq!(Diff::between(&csv, &registry(text)), []);
    }
}

#[test]
fn another_description_of_another_name_is_a_change() {
    let registry = |word: &str| {
        let alias = format!("b,1,tcp,{word},,,,,,,,\"This entry is an alias to \"\"a\"\".\"\n");
        registry(&format!(
            "{}\na,1,tcp,,,,,,,,,\n{alias}",
            include_str!("fixtures/small.csv")
                .lines()
                .next()
                .expect("a header")
        ))
    };
    let (old, new) = (registry("One"), registry("Two"));
    let told: Vec<_> = Diff::between(&old, &new)
        .into_iter()
        .map(|diff| (diff.change, diff.columns))
        .collect();
    assert_eq!(told, [(Change::Amended, vec!["Other Names"])]);
}

#[test]
fn a_row_for_any_transport_changes_each_transport_that_it_decides() {
    let old = registry("exact,1,udp\n,1,,Unassigned\n");
    let new = registry("exact,1,udp\nnamed,1,\n");
    let pairs: Vec<_> = Diff::between(&old, &new)
        .into_iter()
        .map(|diff| (diff.change, diff.subject))
        .collect();
    let expected = [Transport::Tcp, Transport::Dccp, Transport::Sctp]
        .map(|transport| (Change::Added, DiffSubject::Pair(1, transport)));
    assert_eq!(pairs, expected);
}
