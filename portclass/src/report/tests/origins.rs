//! Reports of more than one origin, of tunnels and of tags.

use std::time::{Duration, Instant};

use portclass_common::{
    counter::{Counter, FIRST_SLOT, TAGGED, UNTAGGED},
    label::{Class, Service},
    packet::{Reason, Tunnel},
    settings::Contents,
    transport::Transport,
};
use serde_json::{Value, json};

use super::{Format, Layout, Reporter, table};
use crate::account::{Account, Direction, Frames, InterfaceInfo, Observed, Origin, Snapshot, Sort};

use Direction::{Egress, Ingress};

fn interface(name: &str, index: u32, mode: Option<&'static str>) -> InterfaceInfo {
    InterfaceInfo {
        name: name.to_owned(),
        index,
        mode,
        egress: None,
        directions: vec![Ingress],
        features: Vec::new(),
    }
}

/// One interface in one direction, and nothing beside the totals.
fn observed() -> Observed {
    let contents = Contents {
        registry_date: 20_240_612,
        named_pairs: 11_598,
        ..Contents::default()
    };
    Observed {
        registry: contents.into(),
        interfaces: vec![interface("eth0", 2, Some("native"))],
        origins: vec![Origin {
            interface: None,
            direction: Ingress,
        }],
        sort: Sort::Bytes,
        tunnels: false,
        tags: false,
    }
}

/// Both directions of two interfaces, told apart, with tunnels and tags.
fn observed_in_full() -> Observed {
    let interfaces = [("eth0", 2, "native"), ("wlan0", 3, "generic")];
    let interfaces = interfaces.map(|(name, index, mode)| InterfaceInfo {
        egress: Some("tcx"),
        directions: vec![Ingress, Egress],
        ..interface(name, index, Some(mode))
    });
    let origins = [2, 3].map(|index| {
        [Ingress, Egress].map(|direction| Origin {
            interface: Some(index),
            direction,
        })
    });
    Observed {
        interfaces: interfaces.into(),
        origins: origins.concat(),
        tunnels: true,
        tags: true,
        ..observed()
    }
}

fn meaning(slot: u32) -> Option<Service> {
    let (name, port) = [("https", 443), ("x11", 6_000), ("x11", 6_001)][slot as usize];
    Service::new(name, port, Transport::Tcp, Class::Labelled)
}

/// A set of counters, each of whose frames has 1,000 bytes.
fn counters(slots: [u64; 3], others: &[(u32, u64)]) -> Vec<Counter> {
    let mut counters = vec![Counter::default(); FIRST_SLOT as usize];
    for &(index, packets) in others {
        counters[index as usize] = Counter::new(packets, packets * 1_000);
    }
    counters.extend(slots.map(|packets| Counter::new(packets, packets * 1_000)));
    counters
}

fn counters_in_full() -> Vec<Vec<Counter>> {
    let dynamic = Reason::Dynamic(Transport::Udp).counter_index();
    let (vxlan, gre) = (Tunnel::Vxlan.counter_index(), Tunnel::Gre.counter_index());
    vec![
        counters(
            [900, 3, 4],
            &[(dynamic, 5), (vxlan, 250), (TAGGED, 1_911), (UNTAGGED, 1)],
        ),
        counters([80, 0, 0], &[(Reason::Truncated.counter_index(), 1)]),
        counters([0, 0, 0], &[(gre, 2)]),
        counters([7, 0, 0], &[]),
    ]
}

fn whole(observed: Observed, counters: &[Vec<Counter>]) -> Snapshot {
    Account::new(observed, Instant::now()).whole(counters, meaning)
}

fn interval(observed: Observed, counters: Vec<Vec<Counter>>) -> Snapshot {
    let start = Instant::now();
    Account::new(observed, start).interval(counters, start + Duration::from_secs(2), meaning)
}

/// The lines of a table without the time that they start with.
fn lines(snapshot: &Snapshot) -> Vec<String> {
    let mut lines = table(snapshot, Layout::default());
    lines[0] = lines[0].split_once("  ").expect("a title").1.to_owned();
    lines
}

#[test]
fn a_table_tells_interfaces_directions_tunnels_and_tags() {
    assert_eq!(
        lines(&interval(observed_in_full(), counters_in_full())),
        [
            "eth0 (native, egress tcx), wlan0 (generic, egress tcx)  registry of 2024-06-12, 11,598 names",
            "",
            "SERVICE     TRANSPORT  PORTS      INTERFACE  DIRECTION  PACKETS      BYTES  PACKETS/S  BITS/S   SHARE",
            "https       tcp        443        eth0       ingress        900    900,000        450   3.60M   90.0%",
            "https       tcp        443        eth0       egress          80     80,000       40.0    320k    8.0%",
            "https       tcp        443        wlan0      egress           7      7,000       3.50   28.0k    0.7%",
            "x11         tcp        6000-6001  eth0       ingress          7      7,000       3.50   28.0k    0.7%",
            "TOTAL                                                     1,000  1,000,000        500   4.00M  100.0%",
            "",
            "UNLABELLED                        INTERFACE  DIRECTION  PACKETS      BYTES  PACKETS/S  BITS/S   SHARE",
            "dynamic     udp                   eth0       ingress          5      5,000       2.50   20.0k    0.5%",
            "truncated                         eth0       egress           1      1,000       0.50   4.00k    0.1%",
            "",
            "TUNNELS (not in TOTAL)            INTERFACE  DIRECTION  PACKETS      BYTES  PACKETS/S  BITS/S",
            "vxlan       udp                   eth0       ingress        250    250,000        125   1.00M",
            "gre                               wlan0      ingress          2      2,000       1.00   8.00k",
            "",
            "TAGS  1,911 tagged, 1 untagged",
        ]
    );
}

#[test]
fn a_table_has_a_column_for_what_differs_alone() {
    let both = Observed {
        interfaces: vec![InterfaceInfo {
            egress: Some("clsact"),
            directions: vec![Ingress, Egress],
            ..interface("eth0", 2, Some("native"))
        }],
        ..observed()
    };
    // Nothing has gone out so far, but it could.
    let both = lines(&whole(both, &[counters([1, 0, 0], &[])]));
    assert!(
        both[0].starts_with("eth0 (native, egress clsact)  "),
        "{both:#?}"
    );
    assert!(both[2].starts_with("SERVICE  TRANSPORT  PORTS  DIRECTION  PACKETS"));
    assert!(both[3].starts_with("https    tcp        443    ingress "));

    let out = Observed {
        interfaces: vec![InterfaceInfo {
            egress: Some("clsact"),
            directions: vec![Egress],
            ..interface("eth0", 2, None)
        }],
        origins: vec![Origin {
            interface: Some(2),
            direction: Egress,
        }],
        ..observed()
    };
    let out = lines(&whole(out, &[counters([1, 0, 0], &[])]));
    assert!(out[0].starts_with("eth0 (egress clsact)  "), "{out:#?}");
    assert!(out[2].starts_with("SERVICE  TRANSPORT  PORTS  INTERFACE  PACKETS"));
    assert!(out[3].starts_with("https    tcp        443    eth0 "));
}

#[test]
fn no_tunnel_is_told_in_a_line() {
    let told = Observed {
        tunnels: true,
        ..observed()
    };
    let lines = lines(&whole(told, &[counters([1, 0, 0], &[])]));
    assert_eq!(lines[lines.len() - 2..], ["", "TUNNELS (none)"]);
}

#[test]
fn a_replay_tells_its_frames_in_place_of_interfaces() {
    let replayed = Observed {
        interfaces: Vec::new(),
        ..observed()
    };
    let mut snapshot = whole(replayed, &[counters([1_200, 0, 0], &[])]);
    let registry = "registry of 2024-06-12, 11,598 names";
    assert_eq!(lines(&snapshot)[0], registry);
    let mut title = |kernel, host| {
        snapshot.frames = Some(Frames { kernel, host });
        lines(&snapshot)[0].clone()
    };
    assert_eq!(
        title(1_200, 0),
        format!("replay of 1,200 frames  {registry}")
    );
    assert_eq!(
        title(1_197, 3),
        format!("replay of 1,200 frames, 3 of them outside the kernel  {registry}")
    );
    snapshot.frames = Some(Frames {
        kernel: 1_197,
        host: 3,
    });
    let document = document(snapshot);
    assert_eq!(document["interfaces"], json!([]));
    assert_eq!(document["frames"], json!({ "kernel": 1_197, "host": 3 }));
}

#[test]
fn a_table_with_tunnels_and_tags_fits_the_terminal_as_well() {
    let mut snapshot = whole(observed_in_full(), &counters_in_full());
    let parts = |snapshot: &Snapshot| {
        let tunnels = snapshot.tunnels.as_ref().map_or(0, Vec::len);
        snapshot.services.len() + snapshot.unlabelled.len() + tunnels
    };
    for more in 0..12 {
        for rows in 7..60 {
            for limit in [None, Some(0), Some(2), Some(100)] {
                let layout = Layout {
                    limit,
                    rows: Some(rows),
                };
                let lines = table(&snapshot, layout);
                assert!(lines.len() < rows, "{rows} rows, {limit:?}: {lines:#?}");
                let shown = |start: &str| lines.iter().any(|line| line.starts_with(start));
                assert!(shown("TOTAL"), "{lines:#?}");
                assert!(rows < 12 || shown("TAGS"), "{rows} rows: {lines:#?}");
                let has_all = ["TAGS", "TUNNELS", "vxlan", "dynamic"].map(shown);
                assert!(rows < 18 || has_all == [true; 4], "{rows} rows: {lines:#?}");
                // Eleven lines of titles, headings, totals, tags and the cursor.
                let is_room_for_all = rows >= parts(&snapshot) + 11;
                let may_show_all = limit.is_none_or(|limit| limit >= snapshot.services.len());
                assert!(
                    rows < 18 || (is_room_for_all && may_show_all) != shown("("),
                    "{rows} rows, {limit:?}: {lines:#?}"
                );
            }
        }
        let service = snapshot.services[0].clone();
        snapshot.services.push(service);
        let tunnels = snapshot.tunnels.as_mut().expect("tunnels are told");
        for _ in 0..more % 3 {
            tunnels.push(tunnels[0].clone());
        }
    }
}

#[test]
fn an_interface_cannot_drive_the_terminal() {
    let mut hostile = observed_in_full();
    hostile.interfaces[0].name = "a\u{1b}[2J\nb".to_owned();
    let text = table(&whole(hostile, &counters_in_full()), Layout::default()).concat();
    assert!(text.contains("a\u{fffd}[2J b"), "{text}");
    assert!(!text.chars().any(char::is_control), "{text:?}");
}

#[test]
fn csv_names_interface_and_direction_and_leaves_out_what_is_not_in_the_totals() {
    let mut out = Vec::new();
    Reporter::new(Format::Csv, None, None, &mut out)
        .whole(whole(observed_in_full(), &counters_in_full()))
        .expect("a vector");
    let text = String::from_utf8(out).expect("text");
    let rows = text.lines().skip(1).map(|line| {
        let (_time, rest) = line.split_once(',').expect("a time");
        rest
    });
    assert_eq!(
        rows.collect::<Vec<_>>(),
        [
            "eth0,ingress,https,labelled,,tcp,443,900,900000",
            "eth0,egress,https,labelled,,tcp,443,80,80000",
            "wlan0,egress,https,labelled,,tcp,443,7,7000",
            "eth0,ingress,x11,labelled,,tcp,6000,3,3000",
            "eth0,ingress,x11,labelled,,tcp,6001,4,4000",
            "eth0,ingress,,dynamic,,udp,,5,5000",
            "eth0,egress,,truncated,,,,1,1000",
        ]
    );
}

fn document(snapshot: Snapshot) -> Value {
    let mut out = Vec::new();
    Reporter::new(Format::Json, None, None, &mut out)
        .whole(snapshot)
        .expect("a vector");
    serde_json::from_slice(&out).expect("JSON")
}

/// The names of an object's fields, in the order of the text.
fn fields(text: &str) -> Vec<&str> {
    let names = text.lines().filter_map(|line| line.strip_prefix("  \""));
    names.filter_map(|line| line.split('"').next()).collect()
}

#[test]
fn json_has_the_fields_that_were_asked_for_and_no_others() {
    let text = |snapshot: &Snapshot| serde_json::to_string_pretty(snapshot).expect("JSON");
    let always = [
        "schema",
        "time",
        "interval_seconds",
        "registry",
        "interfaces",
        "totals",
        "services",
        "unlabelled",
    ];
    let plain = text(&whole(observed(), &[counters([1, 0, 0], &[])]));
    assert_eq!(fields(&plain), always);
    assert!(!plain.contains("\"interface\""), "{plain}");

    let full = text(&interval(observed_in_full(), counters_in_full()));
    assert_eq!(fields(&full), [&always[..], &["tunnels", "tags"]].concat());
    let full: Value = serde_json::from_str(&full).expect("JSON");
    assert_eq!(
        full["services"][1],
        json!({ "interface": "eth0", "service": "https", "transport": "tcp", "direction": "egress",
                "packets": 80, "bytes": 80_000, "packets_per_second": 40.0, "bits_per_second": 320_000.0,
                "ports": [{ "port": 443, "packets": 80, "bytes": 80_000 }] })
    );
    assert_eq!(
        full["unlabelled"][1],
        json!({ "interface": "eth0", "class": "truncated", "direction": "egress", "packets": 1, "bytes": 1_000,
                "packets_per_second": 0.5, "bits_per_second": 4_000.0 })
    );
    assert_eq!(
        full["tunnels"],
        json!([{ "interface": "eth0", "service": "vxlan", "transport": "udp", "direction": "ingress",
                 "packets": 250, "bytes": 250_000, "packets_per_second": 125.0, "bits_per_second": 1_000_000.0 },
               { "interface": "wlan0", "service": "gre", "transport": null, "direction": "ingress",
                 "packets": 2, "bytes": 2_000, "packets_per_second": 1.0, "bits_per_second": 8_000.0 }])
    );
    assert_eq!(full["tags"], json!({ "tagged": 1_911, "untagged": 1 }));

    let told = Observed {
        tunnels: true,
        ..observed()
    };
    let document = document(whole(told, &[counters([1, 0, 0], &[])]));
    assert_eq!(document["tunnels"], json!([]));
}

#[test]
fn an_interface_cannot_drive_a_terminal_by_its_name() {
    let mut observed = observed_in_full();
    observed.interfaces[0].name = "e\u{1b}[2J".to_owned();
    let sets = vec![counters([1, 0, 0], &[]); 4];
    let mut out = Vec::new();
    let snapshot = Account::new(observed, Instant::now()).whole(&sets, meaning);
    Reporter::new(Format::Csv, None, None, &mut out)
        .whole(snapshot)
        .expect("a vector");
    let csv = String::from_utf8(out).expect("text");
    assert!(csv.contains(",e\u{fffd}[2J,ingress,https,"), "{csv}");
}
