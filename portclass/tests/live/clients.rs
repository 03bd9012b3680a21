//! What clients of all kinds get from a run that serves: an answer, a refusal, or their connection's end.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use testbed::{netns::Netns, privilege::is_root_or_skips};

use super::{
    http::{ask, connect, exchange, get, half_close},
    metrics::serve,
    process::{Hosts, Run, wait_until},
};

#[test]
fn who_closes_their_writing_side_is_answered() {
    if !is_root_or_skips("who_closes_their_writing_side_is_answered") {
        return;
    }
    let hosts = Hosts::new();
    let _veth = hosts.veth();
    let (_run, port) = serve(&hosts, "");
    // Whether the answer or the end comes first is chance.
    for version in ["1.0", "1.1"].repeat(100) {
        let request = format!("GET /metrics HTTP/{version}\r\nHost: localhost\r\n\r\n");
        let answer = half_close(&hosts.server, port, request.as_bytes()).expect("an answer");
        let answer = String::from_utf8(answer).expect("text");
        assert!(
            answer.starts_with(&format!("HTTP/{version} 200")),
            "{answer}"
        );
        assert!(answer.contains("portclass_build_info{"), "{answer}");
    }
}

#[test]
fn a_connection_is_for_one_answer() {
    if !is_root_or_skips("a_connection_is_for_one_answer") {
        return;
    }
    let hosts = Hosts::new();
    let _veth = hosts.veth();
    let (_run, port) = serve(&hosts, "");
    let request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let answer = exchange(&hosts.server, port, request.as_bytes()).expect("an answer");
    let answer = String::from_utf8(answer).expect("text");
    assert!(answer.contains("connection: close\r\n"), "{answer}");
}

#[test]
fn a_head_is_asked_for_without_its_body() {
    if !is_root_or_skips("a_head_is_asked_for_without_its_body") {
        return;
    }
    let hosts = Hosts::new();
    let _veth = hosts.veth();
    let (_run, port) = serve(&hosts, "");
    for path in ["/", "/metrics", "/api/snapshot", "/api/events"] {
        let request =
            format!("HEAD {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let answer = exchange(&hosts.server, port, request.as_bytes()).expect("an answer");
        let answer = String::from_utf8(answer).expect("text");
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        assert!(answer.ends_with("\r\n\r\n"), "{path}: {answer}");
        assert_eq!(answer.matches("\r\n\r\n").count(), 1, "{path}: {answer}");
    }
}

/// A connection over which events were asked for, and its answer's status.
fn watch(server: &Netns, port: u16) -> (TcpStream, String) {
    let mut stream = connect(server, port).expect("connected");
    let request = b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(request).expect("sent");
    let mut status = [0; "HTTP/1.1 200".len()];
    stream.read_exact(&mut status).expect("an answer");
    (stream, String::from_utf8_lossy(&status).into_owned())
}

#[test]
fn so_many_watch_at_a_time_and_who_goes_makes_room() {
    if !is_root_or_skips("so_many_watch_at_a_time_and_who_goes_makes_room") {
        return;
    }
    let hosts = Hosts::new();
    let _veth = hosts.veth();
    let (_run, port) = serve(&hosts, "");
    let server = &hosts.server;
    let watchers = [(); 24].map(|()| watch(server, port));
    for (_, status) in &watchers {
        assert_eq!(status, "HTTP/1.1 200");
    }
    let refused = get(server, port, "/api/events");
    assert_eq!(refused.status, 503);
    assert_eq!(
        refused.body,
        "too many are watching; close a page elsewhere\n"
    );
    assert_eq!(get(server, port, "/metrics").status, 200);
    drop(watchers);
    wait_until("room", || watch(server, port).1 == "HTTP/1.1 200");
}

#[test]
fn a_watcher_that_has_vanished_keeps_no_seat() {
    if !is_root_or_skips("a_watcher_that_has_vanished_keeps_no_seat") {
        return;
    }
    let hosts = Hosts::new();
    let _veth = hosts.veth();
    let (run, port) = serve(&hosts, "");
    let (_stream, status) = watch(&hosts.server, port);
    assert_eq!(status, "HTTP/1.1 200");
    let watched = descriptors(&run);
    // Nothing comes back from the watcher any more, as after a cable was pulled.
    hosts.server.ip("link set dev lo down").expect("down");
    wait_until("its connection's end", || descriptors(&run) < watched);
    run.interrupt();
}

fn descriptors(run: &Run) -> usize {
    let folder = fs::read_dir(format!("/proc/{}/fd", run.id())).expect("its descriptors");
    folder.count()
}

#[test]
fn only_those_who_ask_this_host_for_what_there_is_are_answered() {
    if !is_root_or_skips("only_those_who_ask_this_host_for_what_there_is_are_answered") {
        return;
    }
    let hosts = Hosts::new();
    let _veth = hosts.veth();
    let (_run, port) = serve(&hosts, "--metrics-host metrics.example");
    let server = &hosts.server;
    let status = |request: &str, headers: &str| ask(server, port, request, headers, "").status;
    let local = "Host: localhost\r\n";
    for path in ["/", "/page.js", "/metrics", "/api/snapshot"] {
        let answer = get(server, port, path);
        assert_eq!(answer.status, 200, "{path}");
        assert!(
            answer
                .headers
                .contains("content-security-policy: default-src 'none'"),
            "{path}"
        );
    }
    assert_eq!(status("GET /metrics", "Host: metrics.example:80\r\n"), 200);
    for host in [
        "Host: elsewhere.example\r\n",
        "Host: localhost.elsewhere.example\r\n",
        "",
    ] {
        assert_eq!(status("GET /metrics", host), 403, "{host}");
    }
    for path in ["/etc/passwd", "/../page.js", "/metrics/", "//"] {
        assert_eq!(status(&format!("GET {path}"), local), 404, "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        assert_eq!(
            status(&format!("{method} /metrics"), local),
            405,
            "{method}"
        );
    }
}

#[test]
fn garbage_floods_and_sleepers_hold_nobody_up() {
    if !is_root_or_skips("garbage_floods_and_sleepers_hold_nobody_up") {
        return;
    }
    let hosts = Hosts::new();
    let _veth = hosts.veth();
    let (run, port) = serve(&hosts, "");
    let server = &hosts.server;
    let is_well = || get(server, port, "/metrics").status == 200;
    for garbage in [
        &b"\0\xff\x16\x03\x01"[..],
        b"GET",
        b"\r\n\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
    ] {
        let mut stream = connect(server, port).expect("connected");
        let _refused = stream.write_all(garbage);
        drop(stream);
        assert!(is_well());
    }
    // It is refused before its end is there, and before it is read whole, whether or not who writes on gets to know.
    let long = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n",
        "x".repeat(1 << 20)
    );
    let start = &long.as_bytes()[..16 * 1024];
    let answer = exchange(server, port, start).expect("an answer");
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let answer = exchange(server, port, long.as_bytes()).unwrap_or_default();
    assert!(!answer.starts_with(b"HTTP/1.1 200"));
    assert!(is_well());
    // A thousand at once, each of them with half a request. Other tests need descriptors meanwhile.
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Nofile, raised).expect("up to the maximum anybody may");
    let sleepers: Vec<_> = (0..1_000)
        .filter_map(|_| {
            let mut stream = connect(server, port).ok()?;
            let _refused = stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: loc");
            Some(stream)
        })
        .collect();
    wait_until("most of them are turned away", || {
        descriptors(&run) < 64 + 60
    });
    // They are ended though they stay.
    wait_until("somebody else's turn", || {
        let mut stream = connect(server, port).expect("connected");
        let request = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        let mut answer = String::new();
        stream.write_all(request).is_ok()
            && stream.read_to_string(&mut answer).is_ok()
            && answer.starts_with("HTTP/1.1 200")
    });
    drop(sleepers);
    run.interrupt();
}
