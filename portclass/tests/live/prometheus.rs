//! A server of Prometheus: what it collects from a run, and what the examples in `contrib/` make of it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;
use testbed::{
    frame, ip, netns::Netns, packet_socket::PacketSocket, privilege::is_root_or_skips, segment,
    tool::is_there_or_skips,
};

use super::{
    count::send_plan,
    http::{connect, get},
    metrics::serve,
    process::{Hosts, wait_until},
};

/// A file of the examples.
fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../contrib")
        .join(name)
}

#[test]
fn the_example_rules_do_what_they_are_for() {
    const TEST: &str = "the_example_rules_do_what_they_are_for";
    if !is_there_or_skips("promtool", "prometheus", TEST) {
        return;
    }
    for (action, file, expected) in [
        ("check", "prometheus-rules.yml", "rules found"),
        ("test", "prometheus-rules-test.yml", "SUCCESS"),
    ] {
        let mut promtool = Command::new("promtool");
        let output = promtool.args([action, "rules"]).arg(example(file)).output();
        let output = output.expect("promtool starts");
        // It says what failed on either of them.
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(output.status.success() && said.contains(expected), "{said}");
    }
}

/// A server of Prometheus, which ends with this value.
struct Prometheus<'ns> {
    netns: &'ns Netns,
    server: Child,
    _folder: TempDir,
}

impl<'ns> Prometheus<'ns> {
    /// The namespace is ours alone, so every port of it is free.
    const PORT: u16 = 9_090;

    /// Starts one that collects from a port.
    fn start(netns: &'ns Netns, port: u16) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let configuration = folder.path().join("prometheus.yml");
        let job = format!(
            "global: {{scrape_interval: 1s}}\nscrape_configs:\n- job_name: portclass\n  static_configs:\n  - targets: ['localhost:{port}']\n"
        );
        fs::write(&configuration, job).expect("room");
        let mut command = Command::new("prometheus");
        command
            .arg(format!("--config.file={}", configuration.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().display()))
            .arg(format!("--web.listen-address=127.0.0.1:{}", Self::PORT))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let server = netns.spawn(&mut command).expect("prometheus starts");
        let prometheus = Self {
            netns,
            server,
            _folder: folder,
        };
        wait_until("Prometheus listens", || connect(netns, Self::PORT).is_ok());
        prometheus
    }

    /// What it answers, once it does.
    fn ask(&self, path: &str, parameter: &str, value: &str) -> Option<Value> {
        let value: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let path = format!("/api/v1/{path}?{parameter}={value}");
        let answer = get(self.netns, Self::PORT, &path);
        // It says how long its answers are only where they are short.
        let (from, to) = (answer.body.find('{')?, answer.body.rfind('}')?);
        let json: Value = serde_json::from_str(&answer.body[from..=to]).ok()?;
        assert_ne!(json["status"], "error", "{json}");
        Some(json["data"].clone())
    }

    /// The value of an expression that has a single one.
    fn value(&self, expression: &str) -> Option<String> {
        let data = self.ask("query", "query", expression)?;
        data["result"][0]["value"][1].as_str().map(str::to_owned)
    }
}

impl Drop for Prometheus<'_> {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[test]
fn prometheus_collects_the_packets_that_were_sent() {
    const TEST: &str = "prometheus_collects_the_packets_that_were_sent";
    if !is_root_or_skips(TEST) || !is_there_or_skips("prometheus", "prometheus", TEST) {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.up().expect("up");
    let (_run, port) = serve(&hosts, "");
    veth.client.up().expect("up");
    send_plan(&veth, 30);
    let prometheus = Prometheus::start(&hosts.server, port);
    wait_until("its packets", || {
        let sum = prometheus.value("sum(portclass_packets_total{service=\"https\"})");
        sum.as_deref() == Some("120")
    });
}

#[test]
fn the_dashboard_has_totals_where_one_kind_of_packets_is_missing() {
    const TEST: &str = "the_dashboard_has_totals_where_one_kind_of_packets_is_missing";
    if !is_root_or_skips(TEST) || !is_there_or_skips("prometheus", "prometheus", TEST) {
        return;
    }
    let dashboard = fs::read_to_string(example("grafana-dashboard.json")).expect("a file");
    let dashboard = ["$instance", "$interface", "$direction"]
        .into_iter()
        .fold(dashboard, |text, variable| text.replace(variable, ".*"))
        .replace("$__rate_interval", "1m")
        .replace("$top", "10");
    let dashboard: Value = serde_json::from_str(&dashboard).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let asks = |panel: &Value| panel["targets"][0]["expr"].as_str().map(str::to_owned);
    let of = |title: &str| panels.iter().find(|panel| panel["title"] == title);
    let [bits, packets, share] = [
        "Bits a second",
        "Packets a second",
        "Unlabelled, of all bytes",
    ]
    .map(|title| of(title).and_then(asks).expect("an expression"));
    let variables = dashboard["templating"]["list"].as_array();
    let mut variables = variables.expect("variables").iter();
    let direction = variables.find(|variable| variable["name"] == "direction");
    let direction = direction.and_then(|direction| direction["query"]["query"].as_str());
    let direction = direction
        .and_then(|query| query.strip_prefix("label_values("))
        .and_then(|query| query.strip_suffix(", direction)"))
        .expect("values of a label");

    const LABELLED: u16 = 443;
    const UNLABELLED: u16 = 60_000;
    for (destination, unlabelled) in [(LABELLED, "0"), (UNLABELLED, "1")] {
        let hosts = Hosts::new();
        let veth = hosts.veth();
        veth.server.up().expect("up");
        let (_run, port) = serve(&hosts, "");
        veth.client.up().expect("up");
        let prometheus = Prometheus::start(&hosts.server, port);
        let socket = PacketSocket::open(&veth.client).expect("a packet socket");
        let datagram = segment::udp(&ip::Hosts::V4, 50_123, destination, b"text");
        let packet = ip::ipv4(ip::protocol::UDP, &datagram);
        let frame = frame::ethernet(frame::ether_type::IPV4, &packet);
        // A rate is one of packets that come while it is asked for.
        let is_more_than_none = |expression: &str| {
            socket.send(&frame).expect("sent");
            let value = prometheus.value(expression);
            value.is_some_and(|value| value.parse::<f64>().is_ok_and(|value| value > 0.0))
        };
        wait_until("bits", || is_more_than_none(&bits));
        wait_until("packets", || is_more_than_none(&packets));
        assert_eq!(prometheus.value(&share).as_deref(), Some(unlabelled));
        let directions = prometheus.ask("label/direction/values", "match[]", direction);
        assert_eq!(directions, Some(json!(["ingress"])));
        for expression in panels.iter().filter_map(asks) {
            let answer = prometheus.ask("query", "query", &expression);
            assert!(answer.is_some(), "{expression}");
        }
    }
}
