use std::{collections::BTreeSet, fs, path::Path, time::Instant};

use portclass_common::{
    counter::{Counter, FIRST_SLOT},
    label::{Class, Service},
    packet::{Reason, Tunnel},
    settings::Contents,
    transport::Transport,
};

use super::{Exposition, Metrics};
use crate::account::{
    Account, Direction, InterfaceInfo, Observed, Origin, ProgramRuns, Snapshot, Sort,
};

const HOSTILE: &str = "a\"} 1\nportclass_packets_total{service=\"b\\";

/// Slots of a few names, on one port each.
fn meaning(slot: u32) -> Option<Service> {
    let name = ["https", "domain", "other", HOSTILE].get(slot as usize)?;
    Service::new(name, 443, Transport::Tcp, Class::Labelled)
}

/// What counters of these slots are told as, at an interface of this name.
fn snapshot(interface: &str, slots: &[(u64, u64)]) -> Snapshot {
    let now = Instant::now();
    let observed = Observed {
        registry: Contents {
            registry_date: 20_240_612,
            named_pairs: 4,
            ..Contents::default()
        }
        .into(),
        interfaces: vec![InterfaceInfo {
            name: interface.to_owned(),
            index: 7,
            mode: Some("native"),
            egress: None,
            directions: vec![Direction::Ingress],
            features: Vec::new(),
        }],
        origins: vec![Origin {
            interface: Some(7),
            direction: Direction::Ingress,
        }],
        sort: Sort::default(),
        tunnels: true,
        tags: true,
    };
    let mut counters = vec![Counter::default(); FIRST_SLOT as usize];
    counters[Reason::Malformed.counter_index() as usize] = Counter::new(5, 50);
    counters[Tunnel::Gre.counter_index() as usize] = Counter::new(2, 20);
    counters.extend(
        slots
            .iter()
            .map(|&(packets, bytes)| Counter::new(packets, bytes)),
    );
    Account::new(observed, now).whole(&[counters], meaning)
}

fn lines(text: &str, name: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| line.starts_with(name));
    lines.map(str::to_owned).collect()
}

#[test]
fn every_row_is_a_series_in_both_forms() {
    let snapshot = snapshot("eth0", &[(3, 300), (1, 60)]);
    let metrics = Metrics::new(None);
    for exposition in [Exposition::Prometheus, Exposition::OpenMetrics] {
        let text = metrics.text(&snapshot, &[], exposition);
        let labels = "transport=\"tcp\",direction=\"ingress\",interface=\"eth0\"";
        assert_eq!(
            lines(&text, "portclass_packets_total"),
            [
                format!("portclass_packets_total{{service=\"domain\",{labels}}} 1"),
                format!("portclass_packets_total{{service=\"https\",{labels}}} 3"),
            ]
        );
        assert_eq!(
            lines(&text, "portclass_unlabelled_bytes_total"),
            [
                "portclass_unlabelled_bytes_total{class=\"malformed\",transport=\"\",detail=\"\",\
              direction=\"ingress\",interface=\"eth0\"} 50"
            ]
        );
        assert_eq!(
            lines(&text, "portclass_registry"),
            [
                "portclass_registry_info{updated=\"2024-06-12\",layers=\"\"} 1",
                "portclass_registry_entries 4"
            ]
        );
        let is_open = exposition == Exposition::OpenMetrics;
        assert_eq!(text.ends_with("# EOF\n"), is_open);
        assert!(!text.contains("program_run"));
    }
}

#[test]
fn programs_are_told_where_they_are_timed() {
    let program = ProgramRuns {
        name: "portclass_frags".to_owned(),
        id: 3,
        runs: 1_000,
        time: std::time::Duration::from_micros(7),
    };
    let text = Metrics::new(None).text(&snapshot("eth0", &[]), &[program], Exposition::Prometheus);
    assert_eq!(
        lines(&text, "portclass_program"),
        [
            "portclass_program_runs_total{program=\"portclass_frags\",id=\"3\"} 1000",
            "portclass_program_run_seconds_total{program=\"portclass_frags\",id=\"3\"} 0.000007"
        ]
    );
}

#[test]
fn hostile_names_stay_inside_of_their_labels() {
    let snapshot = snapshot("e\"th\n0}", &[(0, 0), (0, 0), (0, 0), (3, 300)]);
    for exposition in [Exposition::Prometheus, Exposition::OpenMetrics] {
        let text = Metrics::new(None).text(&snapshot, &[], exposition);
        let found = lines(&text, "portclass_packets_total");
        assert_eq!(found.len(), 1, "{text}");
        assert!(
            found[0].starts_with("portclass_packets_total{service=\"a\\\"} 1 portclass_packets"),
            "{found:?}"
        );
        assert!(
            found[0].ends_with("interface=\"e\\\"th 0}\"} 3"),
            "{found:?}"
        );
    }
}

#[test]
fn services_beyond_the_limit_are_other_for_the_whole_run() {
    let mut metrics = Metrics::new(Some(1));
    let packets = |metrics: &Metrics, snapshot: &Snapshot| -> Vec<(String, u64)> {
        let text = metrics.text(snapshot, &[], Exposition::Prometheus);
        let found = lines(&text, "portclass_packets_total");
        let split = found.iter().map(|line| {
            let name = line.split('"').nth(1).expect("a name");
            let value = line.rsplit(' ').next().expect("a value");
            (name.to_owned(), value.parse().expect("a number"))
        });
        split.collect()
    };
    let first = snapshot("eth0", &[(1, 100)]);
    metrics.see(&first);
    assert_eq!(packets(&metrics, &first), [("https".to_owned(), 1)]);
    // Later ones have more, one of them by the very name.
    let next = snapshot("eth0", &[(2, 200), (30, 3_000), (4, 400)]);
    metrics.see(&next);
    let told = packets(&metrics, &next);
    assert_eq!(told, [("https".to_owned(), 2), ("other".to_owned(), 34)]);
    let none = Metrics::new(Some(0));
    assert_eq!(packets(&none, &next), [("other".to_owned(), 36)]);
}

#[test]
fn interfaces_that_swap_their_names_keep_their_series() {
    let now = Instant::now();
    let info = |name: &str, index| InterfaceInfo {
        name: name.to_owned(),
        index,
        mode: Some("native"),
        egress: None,
        directions: vec![Direction::Ingress],
        features: Vec::new(),
    };
    let origin = |index| Origin {
        interface: Some(index),
        direction: Direction::Ingress,
    };
    let observed = Observed {
        registry: Contents::default().into(),
        interfaces: vec![info("eth0", 7), info("eth1", 8)],
        origins: vec![origin(7), origin(8)],
        sort: Sort::default(),
        tunnels: true,
        tags: false,
    };
    let counters = [(3, 300), (5, 500)].map(|(packets, bytes)| {
        let mut counters = vec![Counter::default(); FIRST_SLOT as usize];
        counters[Reason::Malformed.counter_index() as usize] = Counter::new(packets, bytes);
        counters[Tunnel::Gre.counter_index() as usize] = Counter::new(packets, bytes);
        counters.push(Counter::new(packets, bytes));
        counters
    });
    let mut account = Account::new(observed, now);
    let mut metrics = Metrics::new(None);
    let mut text = |account: &mut Account| {
        let snapshot = account.whole(&counters, meaning);
        metrics.see(&snapshot);
        metrics.text(&snapshot, &[], Exposition::Prometheus)
    };
    let before = text(&mut account);
    let packets = lines(&before, "portclass_packets_total");
    assert!(packets[0].ends_with("interface=\"eth0\"} 3"), "{before}");
    assert!(packets[1].ends_with("interface=\"eth1\"} 5"), "{before}");
    account.rename_interface(7, "eth1");
    assert_eq!(text(&mut account), before);
    account.rename_interface(8, "eth0");
    assert_eq!(text(&mut account), before);
}

#[test]
fn open_metrics_are_for_those_who_ask() {
    let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                      text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    assert_eq!(Exposition::accepted(prometheus), Exposition::OpenMetrics);
    for accept in [
        "",
        "*/*",
        "text/html,*/*;q=0.8",
        "text/plain",
        "application/openmetrics-text;q=0",
        "application/openmetrics-text;q=0.3, text/plain;q=0.9",
        "application/openmetrics-text;q=x",
    ] {
        assert_eq!(
            Exposition::accepted(accept),
            Exposition::Prometheus,
            "{accept}"
        );
    }
}

/// The names of metrics in a text: words that begin with ours, in the middle of none.
fn metric_names(text: &str) -> BTreeSet<String> {
    let is_word = |character: char| character.is_ascii_alphanumeric() || "_:".contains(character);
    let words = text.split(|character: char| !is_word(character));
    let ours = words.filter(|word| word.starts_with("portclass_"));
    ours.map(str::to_owned).collect()
}

#[test]
fn the_dashboard_and_the_rules_ask_for_metrics_that_there_are() {
    let program = ProgramRuns {
        name: "portclass".to_owned(),
        id: 1,
        runs: 1,
        time: std::time::Duration::ZERO,
    };
    let all = snapshot("eth0", &[(1, 100)]);
    let text = Metrics::new(None).text(&all, &[program], Exposition::Prometheus);
    let there_are = metric_names(&text);
    let contrib = Path::new(env!("CARGO_MANIFEST_DIR")).join("../contrib");
    for file in ["grafana-dashboard.json", "prometheus-rules.yml"] {
        let text = fs::read_to_string(contrib.join(file)).expect("a file");
        let asked = metric_names(&text);
        assert!(asked.len() > 2, "{asked:?}");
        for name in asked {
            assert!(
                there_are.contains(&name),
                "{file}: {name} is not in {there_are:?}"
            );
        }
    }
    let dashboard = fs::read(contrib.join("grafana-dashboard.json")).expect("a file");
    let dashboard: serde_json::Value = serde_json::from_slice(&dashboard).expect("JSON");
    assert!(
        dashboard["panels"]
            .as_array()
            .is_some_and(|panels| panels.len() > 5)
    );
}
