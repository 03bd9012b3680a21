//! What a run serves over HTTP: numbers of real packets, to whoever asks, and nothing that holds the run up.

use std::{
    collections::BTreeMap,
    io::Write as _,
    net::TcpStream,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::Signal;
use testbed::{privilege::is_root_or_skips, tool::is_there_or_skips};

use super::{
    count::{rows, send_plan, totals},
    http::{ask, connect, get, read_some},
    process::{Hosts, Run, assert_one_line, portclass, wait_until},
};

/// A run that serves, and its port.
pub fn serve(hosts: &Hosts, options: &str) -> (Run, u16) {
    serve_at(hosts, 0, options)
}

/// The same at a port that is known.
pub fn serve_at(hosts: &Hosts, port: u16, options: &str) -> (Run, u16) {
    hosts.server.ip("link set dev lo up").expect("up");
    let arguments = format!(
        "-i server0 --metrics-listen 127.0.0.1:{port} --interval 100ms --format json {options}"
    );
    let mut run = Run::start(&hosts.server, &arguments);
    let line = run.next_line();
    let port = line
        .trim_end()
        .strip_suffix('/')
        .and_then(|line| line.rsplit(':').next());
    let port = port.and_then(|port| port.parse().ok());
    (run, port.unwrap_or_else(|| panic!("no address: {line}")))
}

/// The values of a metric by one of its labels, summed.
fn sums(text: &str, metric: &str, label: &str) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for line in text.lines() {
        let Some(rest) = line
            .strip_prefix(metric)
            .and_then(|rest| rest.strip_prefix('{'))
        else {
            continue;
        };
        let (labels, value) = rest.rsplit_once("} ").expect("a sample");
        let key = format!("{label}=\"");
        let name = labels
            .split_once(&key)
            .and_then(|(_, rest)| rest.split('"').next());
        *sums.entry(name.expect("the label").to_owned()).or_default() +=
            value.parse::<u64>().expect("a whole number");
    }
    sums
}

#[test]
fn metrics_and_json_have_the_packets_that_were_sent() {
    if !is_root_or_skips("metrics_and_json_have_the_packets_that_were_sent") {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.up().expect("up");
    let (run, port) = serve(&hosts, "--metrics-run-time");
    veth.client.up().expect("up");
    let (sent, total) = send_plan(&veth, 20);
    let snapshot = || get(&hosts.server, port, "/api/snapshot").json();
    wait_until("all frames", || totals(&snapshot()) == total);
    let served = snapshot();
    assert_eq!(served["schema"], "portclass.snapshot/1");
    assert_eq!(rows(&served), sent);
    assert_eq!(served["services"][0]["interface"], "server0");
    let text = get(&hosts.server, port, "/metrics");
    assert!(
        text.headers
            .contains("content-type: text/plain; version=0.0.4")
    );
    let services = sums(&text.body, "portclass_packets_total", "service");
    let reasons = sums(&text.body, "portclass_unlabelled_packets_total", "class");
    assert_eq!(services["https"], 20 * 4);
    assert_eq!(services["vxlan"], 20);
    let all: u64 = services.values().chain(reasons.values()).sum();
    assert_eq!(all, total.0);
    // Frames that leave are not observed, so every run is a frame.
    let runs = sums(&text.body, "portclass_program_runs_total", "program");
    assert_eq!(runs.values().sum::<u64>(), total.0);
    let accept = "Host: localhost\r\nAccept: application/openmetrics-text; version=1.0.0, text/plain;q=0.5\r\n";
    let open = ask(&hosts.server, port, "GET /metrics", accept, "");
    assert!(
        open.headers
            .contains("content-type: application/openmetrics-text; version=1.0.0")
    );
    assert!(open.body.ends_with("# EOF\n"));
    assert_eq!(
        sums(&open.body, "portclass_packets_total", "service"),
        services
    );
    let whole = run.interrupt();
    assert_eq!(rows(&whole), sent);
}

#[test]
fn promtool_has_no_complaint() {
    const TEST: &str = "promtool_has_no_complaint";
    if !is_root_or_skips(TEST) || !is_there_or_skips("promtool", "prometheus", TEST) {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.up().expect("up");
    let (_run, port) = serve(&hosts, "--decapsulate --tag metadata --metrics-run-time");
    veth.client.up().expect("up");
    let (_, total) = send_plan(&veth, 2);
    let snapshot = || get(&hosts.server, port, "/api/snapshot").json();
    wait_until("all frames", || totals(&snapshot()).0 >= total.0);
    let metrics = get(&hosts.server, port, "/metrics").body;
    let mut check = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool starts");
    let mut stdin = check.stdin.take().expect("a pipe");
    stdin.write_all(metrics.as_bytes()).expect("it reads");
    drop(stdin);
    let output = check.wait_with_output().expect("its end");
    let said = [output.stdout, output.stderr].concat();
    assert!(
        output.status.success() && said.is_empty(),
        "{}",
        String::from_utf8_lossy(&said)
    );
}

/// Events as they come.
struct Events {
    stream: TcpStream,
    text: String,
}

impl Events {
    fn of(hosts: &Hosts, port: u16) -> Self {
        let mut stream = connect(&hosts.server, port).expect("connected");
        let request = "GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
        stream.write_all(request.as_bytes()).expect("sent");
        let text = String::new();
        Self { stream, text }
    }

    fn read_until(&mut self, wanted: &str) -> &str {
        let mut bytes = [0; 4_096];
        while !self.text.contains(wanted) {
            let read = read_some(&self.stream, &mut bytes).expect("events");
            assert!(read > 0, "{wanted} is not in {}", self.text);
            self.text.push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
        &self.text
    }
}

#[test]
fn events_begin_with_the_past_and_end_with_the_run() {
    if !is_root_or_skips("events_begin_with_the_past_and_end_with_the_run") {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.up().expect("up");
    let (run, port) = serve(&hosts, "");
    let mut events = Events::of(&hosts, port);
    let past = events.read_until("event: snapshot");
    assert!(past.contains("content-type: text/event-stream"), "{past}");
    assert!(past.contains("event: history\ndata: {\"schema\":\"portclass.history/1\""));
    let start = Instant::now();
    run.send(Signal::INT);
    events.read_until("event: end");
    let (status, _, said) = run.wait();
    assert!(status.success(), "{said}");
    assert!(start.elapsed() < Duration::from_secs(60));
}

#[test]
fn events_have_an_end_when_nobody_reads_stdout_any_more() {
    if !is_root_or_skips("events_have_an_end_when_nobody_reads_stdout_any_more") {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.up().expect("up");
    let (mut run, port) = serve(&hosts, "");
    let mut events = Events::of(&hosts, port);
    events.read_until("event: snapshot");
    drop(run.stdout());
    events.read_until("event: end");
    let (status, _, said) = run.wait();
    assert!(status.success(), "{said}");
}

#[test]
fn a_port_in_use_is_one_line_before_anything_is_attached() {
    if !is_root_or_skips("a_port_in_use_is_one_line_before_anything_is_attached") {
        return;
    }
    let hosts = Hosts::new();
    let _veth = hosts.veth();
    let (_run, port) = serve(&hosts, "");
    let mut second = portclass(&format!("run -i lo --metrics-listen 127.0.0.1:{port}"));
    let output = hosts.server.output(&mut second).expect("portclass starts");
    let address = format!("127.0.0.1:{port}");
    assert_one_line(
        &output,
        1,
        &["cannot listen on", &address, "in use", "--metrics-listen"],
    );
}
