//! The page in a browser, against real packets.

use std::{collections::BTreeMap, io::Write as _};

use portclass::report::grouped;
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use testbed::{frame, ip, packet_socket::PacketSocket, privilege::is_root_or_skips, segment};

use super::{
    browser::{Browser, browser_is_there_or_skips},
    count::{send_plan, totals},
    metrics::{serve, serve_at},
    process::{Hosts, leave_room},
};

/// A name that would do something where it is not text.
const HOSTILE: &str = "x<img src=x onerror=document.title='broken'>";

/// The rows of a table as its cells' texts.
const ROWS: &str =
    "return [...document.querySelectorAll('#services tbody tr')].filter(row => row.offsetParent)
    .map(row => [...row.cells].map(cell => cell.textContent))";

/// How many pixels of the chart have the colour of the service that its legend names first. A copy is looked at, since the
/// browser complains of canvases that are read again and again.
const PAINTED: &str = "const chart = document.querySelector('#chart canvas');
    const swatch = document.querySelector('#legend li:not([hidden]) .swatch');
    const copy = document.createElement('canvas');
    [copy.width, copy.height] = [chart.width, chart.height];
    const context = copy.getContext('2d', { willReadFrequently: true });
    context.drawImage(chart, 0, 0);
    const [red, green, blue] = getComputedStyle(swatch).backgroundColor.match(/\\d+/g).map(Number);
    const pixels = context.getImageData(0, 0, copy.width, copy.height).data;
    let painted = 0;
    for (let at = 0; at < pixels.length; at += 4) {
        painted += pixels[at] === red && pixels[at + 1] === green && pixels[at + 2] === blue;
    }
    return painted";

/// Name, detail and packets of the rows of both tables.
const PACKETS: &str = "return [['services', 'Transport'], ['unlabelled', 'Of']].flatMap(([id, detail]) => {
        const table = document.getElementById(id);
        const headings = [...table.tHead.rows[0].cells].map(cell => cell.textContent);
        const columns = [0, headings.indexOf(detail), headings.indexOf('Packets')];
        return [...table.tBodies[0].rows].map(row => columns.map(column => row.cells[column].textContent.trim()));
    })";

const STATE: &str = "return document.getElementById('state').textContent";
const ALL_PACKETS: &str = "return document.getElementById('packets').textContent";

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
    let (run, port) = serve(&hosts, &format!("--overlay {}", overlay.path().display()));
    let browser = Browser::start(&hosts.server);
    browser.open(&format!("http://127.0.0.1:{port}/"));
    browser.wait_for("live", STATE, |state| state == "live");

    veth.client.up().expect("up");
    let datagram = segment::udp(&ip::Hosts::V4, 50_123, 40_000, b"text");
    let hostile = frame::ethernet(
        frame::ether_type::IPV4,
        &ip::ipv4(ip::protocol::UDP, &datagram),
    );
    const HOSTILE_FRAMES: u64 = 1_234;
    let socket = PacketSocket::open(&veth.client).expect("a packet socket");
    for count in 1..=HOSTILE_FRAMES {
        socket.send(&hostile).expect("sent");
        leave_room(&veth.server, 0, count);
    }
    let (sent, total) = send_plan(&veth, 50);
    let total = total.0 + HOSTILE_FRAMES;

    // Every frame in its row.
    browser.wait_for("all packets", ALL_PACKETS, |packets| {
        *packets == grouped(total)
    });
    let packets = sent.into_iter().map(|(row, (packets, _))| (row, packets));
    let mut packets: BTreeMap<_, _> = packets.collect();
    packets.insert((HOSTILE.to_owned(), "udp".to_owned()), HOSTILE_FRAMES);
    let packets: Vec<_> = packets
        .into_iter()
        .map(|((name, detail), packets)| [name, detail, grouped(packets)])
        .collect();
    let mut shown: Vec<[String; 3]> = serde_json::from_value(browser.run(PACKETS)).expect("rows");
    shown.sort();
    assert_eq!(shown, packets);
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

    // The run's end, after which the last numbers stay.
    assert_eq!(totals(&run.interrupt()).0, total);
    browser.wait_for("the end", STATE, |state| {
        state
            .as_str()
            .is_some_and(|state| state.starts_with("ended at "))
    });
    assert_eq!(browser.run(ALL_PACKETS), grouped(total));

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

#[test]
fn a_page_whose_run_is_killed_goes_on_with_the_next_one() {
    const TEST: &str = "a_page_whose_run_is_killed_goes_on_with_the_next_one";
    if !is_root_or_skips(TEST) || !browser_is_there_or_skips(TEST) {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    veth.server.up().expect("up");
    let (run, port) = serve(&hosts, "");
    let browser = Browser::start(&hosts.server);
    browser.open(&format!("http://127.0.0.1:{port}/"));
    browser.wait_for("live", STATE, |state| state == "live");
    drop(run);
    browser.wait_for("its loss", STATE, |state| state == "reconnecting");

    let _run = serve_at(&hosts, port, "");
    browser.wait_for("the next run", STATE, |state| state == "live");
    veth.client.up().expect("up");
    let (_, total) = send_plan(&veth, 1);
    browser.wait_for("its packets", ALL_PACKETS, |packets| {
        *packets == grouped(total.0)
    });
}

/// What a script returns that has the page's `Chart` and `History`, whatever the page itself shows.
fn run_with_modules(test: &str, script: &str) -> Option<Value> {
    if !is_root_or_skips(test) || !browser_is_there_or_skips(test) {
        return None;
    }
    let hosts = Hosts::new();
    let _veth = hosts.veth();
    let (_run, port) = serve(&hosts, "");
    let browser = Browser::start(&hosts.server);
    browser.open(&format!("http://127.0.0.1:{port}/"));
    Some(browser.run(&format!(
        "return Promise.all([import('/chart.js'), import('/history.js')])
            .then(([{{ Chart }}, {{ History }}]) => {{ {script} }})"
    )))
}

#[test]
fn a_chart_that_is_not_drawn_keeps_its_numbers() {
    const SCRIPT: &str = "const [box, legend, moment] = ['div', 'ul', 'p']
            .map(name => document.body.appendChild(document.createElement(name)));
        const history = new History();
        const chart = new Chart(history, box, legend, moment);
        const shown = () => {
            const layers = [...legend.querySelectorAll('li:not([hidden])')];
            return [moment, ...layers].map(element => element.textContent);
        };
        for (let second = 1; second <= 60; second += 1) {
            history.add(second, 1, new Map([['https', 8e3], [null, 1e3]]));
        }
        chart.draw();
        const drawn = shown();
        for (let second = 61; second <= 1_200; second += 1) {
            history.add(second, 1, new Map([['https', 9e6], ['domain', 4e6]]));
        }
        const button = legend.querySelector('button');
        button.click();
        button.click();
        const clicked = shown();
        chart.draw();
        return [drawn, clicked, shown()];";
    let test = "a_chart_that_is_not_drawn_keeps_its_numbers";
    let Some(shown) = run_with_modules(test, SCRIPT) else {
        return;
    };
    let [drawn, clicked, drawn_again]: [Vec<String>; 3] =
        serde_json::from_value(shown).expect("what was shown");
    let layers = |shown: &[String]| shown[1..].join(" ").replace('\u{a0}', " ");
    assert_eq!(
        layers(&drawn),
        "https8.00 kbit/s other services0 bit/s unlabelled1.00 kbit/s"
    );
    assert_eq!(clicked, drawn);
    assert_ne!(drawn_again[0], drawn[0]);
    assert_eq!(
        layers(&drawn_again),
        "https9.00 Mbit/s domain4.00 Mbit/s other services0 bit/s unlabelled0 bit/s"
    );
}

#[test]
fn of_a_scan_of_all_ports_the_page_keeps_the_largest_services_and_the_sum() {
    const SCRIPT: &str = "const history = new History();
        const names = Array.from({ length: 10_000 }, (_, at) => `service-${at}`);
        const scan = names.map((name, at) => [name, at === 5_000 ? 1e6 : 480]);
        history.add(1, 1, new Map([...scan, [null, 1]]));
        history.add(2, 1, new Map([['https', 8e3]]));
        const afterwards = history.sums();
        const [largest, unlabelled] = [history.of('service-5000'), history.of(null)];
        const labelled = history.labelled;
        history.add(1_000, 1, new Map([['https', 8e3]]));
        history.add(2_000, 1, new Map([['https', 8e3]]));
        return { kept: afterwards.length, largest, unlabelled, labelled, later: history.sums() };";
    let test = "of_a_scan_of_all_ports_the_page_keeps_the_largest_services_and_the_sum";
    let Some(history) = run_with_modules(test, SCRIPT) else {
        return;
    };
    let kept = history["kept"].as_u64().expect("a number");
    assert!((100..1_000).contains(&kept), "{kept}");
    assert_eq!(history["largest"], json!([1_000_000, 0]));
    assert_eq!(history["unlabelled"], json!([1, 0]));
    assert_eq!(history["labelled"], json!([9_999 * 480 + 1_000_000, 8_000]));
    assert_eq!(history["later"], json!([["https", 16_000]]));
}
