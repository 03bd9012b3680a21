//! The page in a browser, against real packets.

use std::io::Write as _;

use serde_json::Value;
use tempfile::NamedTempFile;
use testbed::{frame, ip, packet_socket::PacketSocket, privilege::is_root_or_skips, segment};

use super::{
    browser::{Browser, browser_is_there_or_skips},
    count::send_plan,
    metrics::serve,
    process::Hosts,
};

/// A name that would do something where it is not text.
const HOSTILE: &str = "x<img src=x onerror=document.title='broken'>";

/// The rows of a table as its cells' texts.
const ROWS: &str =
    "return [...document.querySelectorAll('#services tbody tr')].filter(row => row.offsetParent)
    .map(row => [...row.cells].map(cell => cell.textContent))";

/// How many pixels of the chart are not as its corner.
const PAINTED: &str = "const canvas = document.querySelector('#chart canvas');
    if (!canvas) return 0;
    const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    let painted = 0;
    for (let at = 3; at < pixels.length; at += 4) if (pixels[at] > 60) painted += 1;
    return painted";

/// The first cell of each row.
fn names(rows: &Value) -> Vec<String> {
    let rows = rows.as_array().expect("rows").iter();
    rows.map(|row| row[0].as_str().expect("text").to_owned())
        .collect()
}

#[test]
fn the_page_shows_what_was_sent_and_does_what_is_clicked() {
    const TEST: &str = "the_page_shows_what_was_sent_and_does_what_is_clicked";
    if !is_root_or_skips(TEST) || !browser_is_there_or_skips(TEST) {
        return;
    }
    let mut overlay = NamedTempFile::with_suffix(".csv").expect("a temporary file");
    writeln!(overlay, "{HOSTILE},40000,udp").expect("room");
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.up().expect("up");
    let (_run, port) = serve(&hosts, &format!("--overlay {}", overlay.path().display()));
    let browser = Browser::start(&hosts.server);
    browser.open(&format!("http://127.0.0.1:{port}/"));
    browser.wait_for(
        "live",
        "return document.getElementById('state').textContent",
        |state| state == "live",
    );

    veth.client.up().expect("up");
    let socket = PacketSocket::open(&veth.client).expect("a packet socket");
    let datagram = segment::udp(&ip::Hosts::V4, 50_123, 40_000, b"text");
    let hostile = frame::ethernet(
        frame::ether_type::IPV4,
        &ip::ipv4(ip::protocol::UDP, &datagram),
    );
    for _ in 0..1_234 {
        socket.send(&hostile).expect("sent");
    }
    send_plan(&socket, 50);

    // Numbers of real frames, each service in its row.
    let has = |rows: &Value, name: &str, packets: &str| {
        let rows = rows.as_array().expect("rows").iter();
        rows.filter_map(Value::as_array).any(|row| {
            row[0].as_str() == Some(name) && row.iter().any(|cell| cell.as_str() == Some(packets))
        })
    };
    browser.wait_for("the rows", ROWS, |rows| {
        has(rows, HOSTILE, "1,234") && has(rows, "domain", "50") && has(rows, "ssh", "50")
    });
    browser.wait_for("the chart", PAINTED, |painted| painted.as_u64() > Some(500));

    // Sorted by name at a click, and the other way at the next one.
    let heading = "#services th:first-child button";
    browser.click(heading);
    let rows = browser.wait_for("sorted", ROWS, |rows| {
        names(rows).is_sorted_by_key(|name| name.to_lowercase())
    });
    assert!(names(&rows).len() > 5);
    browser.click(heading);
    browser.wait_for("sorted backwards", ROWS, |rows| {
        let mut names = names(rows);
        names.reverse();
        names.is_sorted_by_key(|name| name.to_lowercase())
    });

    // By the keyboard alone: filter, clear.
    browser.types("/dom");
    browser.wait_for("the filter", ROWS, |rows| names(rows) == ["domain"]);
    browser.types("\u{e00c}");
    browser.wait_for("no filter", ROWS, |rows| names(rows).len() > 5);

    assert_eq!(browser.run("return document.title"), "portclass");
    assert_eq!(
        browser.run("return document.querySelectorAll('main img').length"),
        0
    );
    // The browser's own first page has something to say as well.
    let is_own = |entry: &&Value| {
        entry["message"]
            .as_str()
            .is_some_and(|text| text.starts_with("chrome:"))
    };
    let console = browser.log("browser");
    let console: Vec<_> = console.iter().filter(|entry| !is_own(entry)).collect();
    assert!(console.is_empty(), "{console:?}");
    let requests = browser.log("performance");
    let mut urls = 0;
    for entry in &requests {
        let message: Value =
            serde_json::from_str(entry["message"].as_str().expect("text")).expect("JSON");
        let message = &message["message"];
        if message["method"] != "Network.requestWillBeSent" {
            continue;
        }
        let url = message["params"]["request"]["url"]
            .as_str()
            .expect("an address");
        let is_own = url.starts_with(&format!("http://127.0.0.1:{port}/"));
        let is_inside = ["data:", "chrome:"]
            .iter()
            .any(|scheme| url.starts_with(scheme));
        assert!(is_own || is_inside, "{url}");
        urls += usize::from(is_own);
    }
    assert!(urls >= 8, "{urls}");
    if let Some(path) = std::env::var_os("TEST_SCREENSHOT") {
        std::fs::write(path, browser.screenshot()).expect("room");
    }
}
