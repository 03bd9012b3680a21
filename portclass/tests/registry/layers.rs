//! Files on top of each other: later ones win, and every answer says who spoke.

use std::{fs, path::PathBuf};

use portclass::{
    registry::{
        Findings, Format, Found, Index, Kind, Layer, Registry, RegistryError, Sources, Status,
        check,
    },
    report::registry_csv,
};
use portclass_common::label::Class;
use tempfile::TempDir;

/// A folder of files, and the sources that name them.
struct Files {
    folder: TempDir,
    sources: Sources,
}

impl Files {
    fn new() -> Self {
        Self {
            folder: TempDir::new().expect("a temporary folder"),
            sources: Sources::default(),
        }
    }

    fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, content).expect("a temporary file");
        path
    }

    fn overlay(mut self, name: &str, content: &str) -> Self {
        let path = self.file(name, content);
        self.sources.overlays.push(path);
        self
    }

    fn etc_services(mut self, content: &str) -> Self {
        self.sources.etc_services = Some(self.file("services", content));
        self
    }

    fn try_load(&self) -> Result<(Registry, Findings), RegistryError> {
        Registry::load(&self.sources)
    }

    fn load(&self) -> Registry {
        let (registry, findings) = self.try_load().expect("a registry");
        assert_eq!(findings.kept(), []);
        registry
    }
}

fn ask<'registry>(registry: &'registry Registry, query: &str) -> Vec<Found<'registry>> {
    Index::new(registry).lookup(&query.parse().expect(query))
}

fn one<'registry>(registry: &'registry Registry, query: &str) -> Found<'registry> {
    let mut found = ask(registry, query);
    assert_eq!(found.len(), 1, "{query}");
    found.remove(0)
}

/// Layers and what they say, the highest first.
fn said<'registry>(found: &Found<'registry>) -> Vec<(Layer, Option<&'registry str>)> {
    let top = found.layer.map(|layer| (layer, found.service));
    let beneath = found.beneath.iter().map(|said| (said.layer, said.service));
    top.into_iter().chain(beneath).collect()
}

#[test]
fn an_overlay_adds_renames_extends_over_ranges_and_withdraws() {
    let files = Files::new().overlay(
        "site.csv",
        "intranet,8080,tcp,Our pages\ngame,27000-27050,udp,Games\n,23,tcp,Taken back\nours,60000,tcp\n",
    );
    let registry = files.load();
    let found = one(&registry, "8080/tcp");
    assert_eq!(
        said(&found),
        [
            (Layer::Overlay, Some("intranet")),
            (Layer::Iana, Some("http-alt"))
        ]
    );
    assert_eq!(found.description, Some("Our pages"));
    assert!(found.file.is_some_and(|file| file.ends_with("site.csv")));
    assert_eq!(found.line, Some(1));
    assert_eq!(
        said(&one(&registry, "8080/udp")),
        [(Layer::Iana, Some("http-alt"))]
    );
    for port in [27_000, 27_025, 27_050] {
        assert_eq!(one(&registry, &format!("{port}/udp")).service, Some("game"));
    }
    assert_ne!(one(&registry, "27051/udp").service, Some("game"));
    let found = one(&registry, "23/tcp");
    assert_eq!((found.service, found.status), (None, Status::Withdrawn));
    assert_eq!(
        said(&found),
        [(Layer::Overlay, None), (Layer::Iana, Some("telnet"))]
    );
    assert_eq!(one(&registry, "60000/tcp").status, Status::Assigned);
    let layers: Vec<_> = registry.layers().iter().collect();
    assert_eq!(layers, [Layer::Iana, Layer::Preferred, Layer::Overlay]);
}

#[test]
fn the_kernel_gets_what_the_highest_layer_says() {
    let registry = Files::new()
        .overlay(
            "site.csv",
            ",23,tcp,Taken back\n,80,tcp,Unassigned\nweb,81,\n",
        )
        .load();
    let entry = |port, transport: &str| {
        let mut entries = registry.entries();
        entries
            .find(|entry| {
                entry.key.port() == port
                    && entry
                        .key
                        .transport()
                        .is_some_and(|own| own.name() == transport)
            })
            .map(|entry| (entry.class, entry.name, entry.any_transport))
    };
    assert_eq!(entry(23, "tcp"), Some((Class::Withdrawn, "", false)));
    assert_eq!(entry(80, "tcp"), None);
    assert_eq!(entry(80, "udp"), Some((Class::Labelled, "http", false)));
    for transport in ["tcp", "udp", "dccp", "sctp"] {
        assert_eq!(entry(81, transport), Some((Class::Labelled, "web", true)));
    }
}

#[test]
fn later_overlays_win_over_services_over_preferred_names_over_iana() {
    let files = Files::new()
        .etc_services("nfs-host 2049/tcp nfsd\nident 113/tcp\n")
        .overlay("one.csv", "first,2049,tcp\nkept,113,tcp\n")
        .overlay("two.csv", "second,2049,tcp\n");
    let registry = files.load();
    assert_eq!(
        said(&one(&registry, "2049/tcp")),
        [
            (Layer::Overlay, Some("second")),
            (Layer::Overlay, Some("first")),
            (Layer::EtcServices, Some("nfs-host")),
            (Layer::Preferred, Some("nfs")),
            (Layer::Iana, Some("shilp")),
        ]
    );
    assert_eq!(
        said(&one(&registry, "113/tcp")),
        [
            (Layer::Overlay, Some("kept")),
            (Layer::EtcServices, Some("ident")),
            (Layer::Preferred, Some("auth")),
            (Layer::Iana, Some("ident")),
        ]
    );
}

#[test]
fn aliases_of_a_services_file_are_other_names() {
    let registry = Files::new()
        .etc_services("nfs 2049/tcp nfsd shilp\n")
        .load();
    let found = one(&registry, "2049/tcp");
    assert_eq!(
        (found.service, found.layer),
        (Some("nfs"), Some(Layer::EtcServices))
    );
    assert_eq!(found.other_names, ["nfsd", "shilp"]);
    assert_eq!(one(&registry, "nfsd").service, Some("nfs"));
}

#[test]
fn a_name_that_lies_beneath_still_finds_its_port() {
    let registry = Files::new()
        .overlay("site.csv", "intranet,8080,tcp\n")
        .load();
    let found = ask(&registry, "http-alt/tcp");
    let at_8080 = found
        .iter()
        .find(|found| found.port == Some(8_080))
        .expect("8080/tcp");
    assert_eq!(
        said(at_8080),
        [
            (Layer::Overlay, Some("intranet")),
            (Layer::Iana, Some("http-alt"))
        ]
    );
}

#[test]
fn an_overlay_for_any_transport_is_one_answer_and_shows_all_that_lies_beneath() {
    let registry = Files::new().overlay("site.csv", "ours,2049,\n").load();
    let found = one(&registry, "2049");
    assert_eq!((found.transport, found.service), (None, Some("ours")));
    assert_eq!(
        said(&found),
        [
            (Layer::Overlay, Some("ours")),
            (Layer::Preferred, Some("nfs")),
            (Layer::Iana, Some("shilp")),
            (Layer::Iana, Some("nfs")),
        ]
    );
}

#[test]
fn an_overlay_that_contradicts_itself_keeps_what_it_says_first() {
    let files = Files::new().overlay(
        "site.csv",
        "a,1,tcp\nb,1,tcp\na,1,tcp\nwide,100-200,udp\nnarrow,150,udp\n,180,udp,Reserved\nany,150,\nc,201,udp\n",
    );
    let (registry, findings) = files.try_load().expect("a registry");
    let found: Vec<_> = findings
        .kept()
        .iter()
        .map(|finding| (finding.kind, finding.line))
        .collect();
    let expected = [2, 5, 6].map(|line| (Kind::Contradiction, line));
    assert_eq!(found, expected);
    let message = &findings.kept()[1].message;
    assert_eq!(
        message,
        "150 on udp is \"narrow\" here and \"wide\" in line 4; expected one of them"
    );
    assert_eq!(one(&registry, "1/tcp").service, Some("a"));
    assert_eq!(one(&registry, "150/udp").service, Some("wide"));
    assert_eq!(one(&registry, "150/tcp").service, Some("any"));
    assert_eq!(one(&registry, "201/udp").service, Some("c"));
}

#[test]
fn aliases_in_an_overlay_are_no_contradiction() {
    let header = include_str!("fixtures/small.csv")
        .lines()
        .next()
        .expect("a header");
    let registry = Files::new()
        .overlay(
            "site.csv",
            &format!("{header}\na,1,tcp,,,,,,,,,\nb,1,tcp,,,,,,,,,\"This entry is an alias to \"\"a\"\".\"\n"),
        )
        .load();
    assert_eq!(one(&registry, "1/tcp").other_names, ["b"]);
}

#[test]
fn an_overlay_may_be_all_comments_and_may_start_with_a_bad_line() {
    let registry = Files::new()
        .overlay("none.csv", "# nothing\n  # for now\n\n")
        .load();
    assert_eq!(one(&registry, "80/tcp").layer, Some(Layer::Iana));
    let files = Files::new().overlay("site.csv", "game,80x,tcp\n  # ours\nweb,8080,tcp\n");
    let (registry, findings) = files.try_load().expect("a registry");
    assert_eq!(one(&registry, "8080/tcp").service, Some("web"));
    let found: Vec<_> = findings
        .kept()
        .iter()
        .map(|finding| (finding.kind, finding.line))
        .collect();
    assert_eq!(found, [(Kind::Port, 1)]);
}

#[test]
fn registries_made_to_be_slow_are_asked_and_written_in_no_time() {
    let header = include_str!("fixtures/small.csv")
        .lines()
        .next()
        .expect("a header");
    let shared: String = (0..100_000)
        .map(|number| format!("n{number},80,tcp,,,,,,,,,\n"))
        .collect();
    let ranges: String = (0..2_000)
        .map(|last| format!("a,0-{},tcp,,,,,,,,,\n", 65_535 - last))
        .collect();
    for rows in [shared, ranges] {
        let mut files = Files::new().overlay("site.csv", "web,8080,tcp\n");
        files.sources.registry = Some(files.file("slow.csv", &format!("{header}\n{rows}")));
        let registry = files.load();
        assert!(
            !ask(&registry, "80/tcp")[0].other_names.is_empty() || !ask(&registry, "a").is_empty()
        );
        assert!(!ask(&registry, "0-65535").is_empty());
        registry_csv(&mut Vec::new(), &registry).expect("memory");
        check(&registry, &mut Findings::default());
    }
}

#[test]
fn an_overlay_made_to_be_slow_is_laid_in_no_time() {
    let ranges = |name: &str| {
        (0..60_000)
            .map(|last| format!("{name},0-{},\n", 65_535 - last % 60_000))
            .collect::<String>()
    };
    let files = Files::new().overlay("site.csv", &format!("{}{}", ranges("a"), ranges("b")));
    let (registry, findings) = files.try_load().expect("a registry");
    assert_eq!(one(&registry, "443").service, Some("a"));
    assert_eq!(
        findings.counts().collect::<Vec<_>>(),
        [(Kind::Contradiction, 60_000)]
    );
}

#[test]
fn strict_refuses_the_first_error_and_counts_the_others() {
    let mut files = Files::new().overlay(
        "site.csv",
        "a_b,1,tcp\nb,99999,tcp\nc,2,quic\nd\u{1b},3,tcp\n",
    );
    assert!(files.try_load().is_ok());
    files.sources.strict = true;
    let refused = files.try_load().err().expect("refused").to_string();
    assert!(
        refused.ends_with(
            "site.csv:2: column 'Port Number': \"99999\" is no port; expected a number up to 65535, or two \
             with a hyphen; there is another error; with --strict a registry must have no errors"
        ),
        "{refused}"
    );
}

#[test]
fn the_date_is_the_one_given_the_files_own_or_the_shipped_ones() {
    let mut files = Files::new();
    let date = |files: &Files| {
        let (registry, _) = files.try_load().expect("a registry");
        registry.updated().map(|date| date.to_string())
    };
    assert_eq!(date(&files).as_deref(), Some("2024-06-12"));
    files.sources.registry = Some(files.file("small.csv", include_str!("fixtures/small.csv")));
    assert_eq!(date(&files), None);
    files.sources.date = Some("2020-02-29".parse().expect("a day"));
    assert_eq!(date(&files).as_deref(), Some("2020-02-29"));
    files.sources.registry = Some(files.file("small.xml", include_str!("fixtures/small.xml")));
    assert_eq!(date(&files).as_deref(), Some("2025-03-01"));
    let shipped = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/data/service-names-port-numbers.csv"
    );
    files.sources.date = None;
    files.sources.registry = Some(shipped.into());
    assert_eq!(date(&files).as_deref(), Some("2024-06-12"));
}

#[test]
fn rows_for_any_transport_keep_their_order_when_one_of_them_is_taken_apart() {
    let mut files = Files::new().overlay("site.csv", "zz,1,tcp\n");
    let header = include_str!("fixtures/small.csv")
        .lines()
        .next()
        .expect("a header");
    let rows =
        "first,2,,,,,,,,,,\nwide,1-2,,,,,,,,,,\n,3,,Unassigned,,,,,,,,\n,1-4,,Reserved,,,,,,,,\n";
    files.sources = Sources {
        registry: Some(files.file("any.csv", &format!("{header}\n{rows}"))),
        preferred_names: false,
        ..files.sources
    };
    let layered = files.load();
    let mut written = Vec::new();
    registry_csv(&mut written, &layered).expect("memory");
    let (again, _) = Registry::of_bytes("file", &written, None).expect("a registry");
    for port in 0..6 {
        for transport in ["tcp", "udp", "dccp", "sctp"] {
            let query = format!("{port}/{transport}");
            let answer = |registry| {
                let found = one(registry, &query);
                (found.service.map(str::to_owned), found.status)
            };
            assert_eq!(answer(&again), answer(&layered), "{query}");
        }
    }
}

#[test]
fn all_layers_written_as_one_file_say_the_same() {
    let mut files = Files::new()
        .etc_services("nfs 2049/tcp nfsd\nmine 4750/tcp\n")
        .overlay(
            "site.csv",
            "intranet,8080,tcp\ngame,27000-27050,udp\n,23,tcp,Taken back\nall,4740-4745,\nx,6010,tcp\nspare,4760,\nlm,27005,sctp\n",
        )
        .overlay("more.csv", "game,27010-27012,udp\n,4741,,Reserved\nexact,4742,sctp\n");
    files.sources.preferred_names = false;
    let layered = files.load();
    let mut written = Vec::new();
    registry_csv(&mut written, &layered).expect("memory");
    let (again, findings) =
        Registry::of_bytes("file", &written, Some(Format::Csv)).expect("a registry");
    assert_eq!(findings.kept(), []);
    let differing: Vec<_> = layered
        .entries()
        .zip(again.entries())
        .filter(|(one, other)| {
            (one.key, one.class, one.name) != (other.key, other.class, other.name)
        })
        .collect();
    assert_eq!(differing, []);
    assert_eq!(layered.entries().count(), again.entries().count());
}
