//! A server of Prometheus: what it collects from a run, and what the examples in `contrib/` make of it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use testbed::{privilege::is_root_or_skips, tool::is_there_or_skips};

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
struct Prometheus(Child);

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
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
    let folder = tempfile::tempdir().expect("a temporary folder");
    let configuration = folder.path().join("prometheus.yml");
    let job = format!(
        "global: {{scrape_interval: 1s}}\nscrape_configs:\n- job_name: portclass\n  static_configs:\n  - targets: ['localhost:{port}']\n"
    );
    fs::write(&configuration, job).expect("room");
    // The namespace is ours alone, so every port of it is free.
    const PORT: u16 = 9_090;
    let mut server = Command::new("prometheus");
    server
        .arg(format!("--config.file={}", configuration.display()))
        .arg(format!("--storage.tsdb.path={}", folder.path().display()))
        .arg(format!("--web.listen-address=127.0.0.1:{PORT}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let _prometheus = Prometheus(hosts.server.spawn(&mut server).expect("prometheus starts"));
    veth.client.up().expect("up");
    send_plan(&veth, 30);
    wait_until("Prometheus listens", || {
        connect(&hosts.server, PORT).is_ok()
    });
    let query = "/api/v1/query?query=sum(portclass_packets_total%7Bservice=%22https%22%7D)";
    wait_until("its packets", || {
        let answer = get(&hosts.server, PORT, query);
        // It says how long its answers are only where they are short.
        let (from, to) = (answer.body.find('{'), answer.body.rfind('}'));
        let json = from.zip(to).map(|(from, to)| &answer.body[from..=to]);
        let json: Option<serde_json::Value> = json.and_then(|json| serde_json::from_str(json).ok());
        json.is_some_and(|json| json["data"]["result"][0]["value"][1] == "120")
    });
}
