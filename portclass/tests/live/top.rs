//! `portclass top` at a real terminal, with real traffic.

use rustix::process::{Signal, kill_process};
use testbed::{privilege::is_root_or_skips, veth::Veth};

use super::{
    count::{Rows, send_plan},
    flood::Replaced,
    process::{Hosts, wait_until, xdp_on},
    tmux::{Pane, is_gone, is_held_up, tmux_is_there_or_skips},
};

const WIDE: (u16, u16) = (120, 40);

fn may_run(test: &str) -> bool {
    is_root_or_skips(test) && tmux_is_there_or_skips(test)
}

fn is_attached(hosts: &Hosts) -> bool {
    !xdp_on(&hosts.server, Hosts::SERVER).is_empty()
}

/// A terminal with something on it, and then the program.
fn start(hosts: &Hosts, veth: &Veth<'_>, options: &str) -> Pane {
    veth.server.up().expect("up");
    let pane = Pane::new(&hosts.server, WIDE);
    pane.enter("stty -a > before; echo what was there before");
    pane.wait_until("what was there", |screen| {
        screen.lines().any(|line| line == "what was there before")
    });
    pane.enter(&format!("portclass top -i server0 {options}"));
    pane.wait_for("q quit");
    assert!(pane.is_taken() && is_attached(hosts));
    // Nothing that was said before has moved it.
    let screen = pane.screen();
    assert!(
        screen.starts_with("server0 (native)  registry of "),
        "{screen}"
    );
    pane
}

/// The shell has its screen again, its terminal is as it was, and nothing is attached.
fn assert_given_back(hosts: &Hosts, pane: &Pane, status: i32) {
    pane.wait_until("the shell", |screen| {
        screen.contains("what was there before") && !screen.contains("q quit")
    });
    wait_until("nothing is attached", || !is_attached(hosts));
    pane.wait_for_prompt();
    pane.enter("echo status $?; stty -a | cmp - before && echo as it was");
    pane.wait_until("the terminal as it was", |screen| {
        let has = |wanted: &str| screen.lines().any(|line| line == wanted);
        has(&format!("status {status}")) && has("as it was")
    });
    assert!(!pane.is_taken());
}

/// Name and detail, packets and bytes of the rows on a screen that is wide enough for all digits.
fn rows(screen: &str, detail: usize) -> Rows {
    let mut rows = Rows::new();
    for line in screen.lines().skip(5) {
        let words: Vec<_> = line.split_ascii_whitespace().collect();
        let [name, .., packets, bytes, share] = words[..] else {
            continue;
        };
        if !share.ends_with('%') {
            continue;
        }
        let number = |text: &str| text.replace(',', "").parse().expect("a number");
        let detail = words.get(detail).copied().unwrap_or_default();
        let key = (name.to_owned(), detail.to_owned());
        rows.insert(key, (number(packets), number(bytes)));
    }
    rows
}

#[test]
fn a_screen_shows_what_was_sent_and_does_what_keys_say() {
    if !may_run("a_screen_shows_what_was_sent_and_does_what_keys_say") {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    let pane = start(&hosts, &veth, "--interval 100ms");
    veth.client.up().expect("up");
    let (sent, total) = send_plan(&veth, 50);
    pane.wait_for(&format!("{} packets", total.0));
    let is_service = |row: &(String, String)| {
        let reasons = ["dynamic", "unassigned", "reserved", "fragment", "protocol"];
        let others = ["non-ip", "truncated", "malformed", "too-deep"];
        !reasons.contains(&row.0.as_str()) && !others.contains(&row.0.as_str())
    };
    let (services, reasons): (Rows, Rows) = sent.into_iter().partition(|(row, _)| is_service(row));
    // SERVICE 443 tcp ...
    assert_eq!(rows(&pane.screen(), 2), services);

    pane.types("u");
    pane.wait_for("UNLABELLED");
    let seen = rows(&pane.screen(), 1);
    for ((name, detail), count) in reasons {
        let row = seen
            .iter()
            .find(|((seen, of), _)| *seen == name && (detail.is_empty() || *of == detail));
        assert_eq!(
            row.map(|(_, count)| *count),
            Some(count),
            "{name}: {seen:?}"
        );
    }
    pane.types("u");
    pane.wait_for("SERVICE");

    pane.types("/domain");
    pane.wait_for("filter: domain_");
    pane.press("Enter");
    pane.wait_until("one row", |screen| {
        rows(screen, 2).len() == 1 && !screen.contains("domain_")
    });
    pane.press("Enter");
    pane.wait_for("Domain Name Server");
    pane.wait_until("its packets", |screen| {
        let is_row = |line: &str| line.starts_with("53/udp") && line.contains(" 50 ");
        screen.lines().any(is_row)
    });
    pane.press("Escape");
    pane.wait_for("SERVICE");
    pane.press("Escape");
    pane.wait_until("all rows", |screen| rows(screen, 2).len() == services.len());

    pane.types(" ");
    pane.wait_for("PAUSED");
    send_plan(&veth, 1);
    pane.types("+");
    pane.wait_for("every 200ms");
    assert_eq!(rows(&pane.screen(), 2), services);
    pane.types(" ");
    pane.wait_for(&format!("{} packets", total.0 + total.0 / 50));

    pane.resize(40, 10);
    pane.wait_until("a narrow screen", |screen| {
        screen.lines().any(|line| line.ends_with("PKTS/S  BITS/S"))
    });
    pane.resize(10, 2);
    pane.wait_for("too small");
    pane.resize(120, 40);
    pane.wait_for("SHARE");
    pane.types("?");
    pane.wait_for("pause the screen");
    pane.types("q");
    assert_given_back(&hosts, &pane, 0);
}

#[test]
fn every_way_out_gives_the_terminal_back_and_detaches() {
    if !may_run("every_way_out_gives_the_terminal_back_and_detaches") {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    for way in ["C-c", "TERM", "HUP", "INT", "QUIT", "--duration 1s"] {
        let is_duration = way.starts_with("--");
        let pane = start(&hosts, &veth, if is_duration { way } else { "" });
        match way {
            "C-c" => pane.press(way),
            "TERM" => kill_process(pane.child(), Signal::TERM).expect("it is ours"),
            "HUP" => kill_process(pane.child(), Signal::HUP).expect("it is ours"),
            "INT" => kill_process(pane.child(), Signal::INT).expect("it is ours"),
            "QUIT" => kill_process(pane.child(), Signal::QUIT).expect("it is ours"),
            _ => {}
        }
        assert_given_back(&hosts, &pane, 0);
    }
}

#[test]
fn a_screen_is_not_stopped_on_the_terminal_that_it_has_taken() {
    if !may_run("a_screen_is_not_stopped_on_the_terminal_that_it_has_taken") {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    let pane = start(&hosts, &veth, "");
    kill_process(pane.child(), Signal::TSTP).expect("it is ours");
    pane.types("q");
    assert_given_back(&hosts, &pane, 0);
}

#[test]
fn a_terminal_that_vanishes_ends_the_screen() {
    if !may_run("a_terminal_that_vanishes_ends_the_screen") {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    // Somebody who is in no session of the terminal's is told by nobody.
    for options in ["", "--interval 1h"] {
        let pane = start(&hosts, &veth, options);
        let portclass = pane.child();
        pane.vanish();
        wait_until("it has ended", || is_gone(portclass));
        wait_until("nothing is attached", || !is_attached(&hosts));
    }
}

#[test]
fn a_keyboard_that_vanishes_ends_the_screen() {
    if !may_run("a_keyboard_that_vanishes_ends_the_screen") {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    let keyboard = Pane::new(&hosts.server, WIDE);
    let options = format!("--interval 1h < {}", keyboard.device());
    let pane = start(&hosts, &veth, &options);
    keyboard.vanish();
    assert_given_back(&hosts, &pane, 0);
}

#[test]
fn the_first_screen_knows_no_rate_yet() {
    if !may_run("the_first_screen_knows_no_rate_yet") {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    let pane = start(&hosts, &veth, "--interval 1h");
    let screen = pane.screen();
    let header = screen.lines().nth(1).unwrap_or_default();
    assert!(
        header.starts_with("    - packets/s      - bits/s"),
        "{screen}"
    );
}

#[test]
fn a_terminal_that_takes_nothing_holds_nobody_up() {
    if !may_run("a_terminal_that_takes_nothing_holds_nobody_up") {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    let pane = start(&hosts, &veth, "--interval 10ms");
    veth.client.up().expect("up");
    let portclass = pane.child();
    pane.stop();
    wait_until("the terminal is full", || {
        send_plan(&veth, 1);
        is_held_up(portclass)
    });
    kill_process(portclass, Signal::TERM).expect("it is ours");
    wait_until("nothing is attached", || !is_attached(&hosts));
    wait_until("it has ended", || is_gone(portclass));
    pane.go_on();
}

#[test]
fn what_is_said_does_not_tear_the_screen_and_is_there_afterwards() {
    if !may_run("what_is_said_does_not_tear_the_screen_and_is_there_afterwards") {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    let pane = start(&hosts, &veth, "");
    const SAID: &str = "warning: server0 has gone from this network namespace";
    hosts.server.ip("link del dev server0").expect("deleted");
    pane.wait_until("the line on the screen", |screen| {
        screen.lines().rev().nth(1) == Some(SAID)
    });
    pane.types("q");
    pane.wait_until("the line in the shell", |screen| {
        screen.contains(&format!("portclass: {SAID}")) && screen.contains("what was there before")
    });
}

#[test]
fn colours_are_those_of_the_terminal_or_none() {
    if !may_run("colours_are_those_of_the_terminal_or_none") {
        return;
    }
    let is_coloured = |screen: &str| {
        let sequences = screen.split("\u{1b}[").skip(1);
        let parameters = sequences.filter_map(|rest| rest.split_once('m'));
        parameters
            .flat_map(|(parameters, _)| parameters.split(';'))
            .any(|parameter| matches!(parameter, "38" | "48"))
            || screen.split("\u{1b}[").skip(1).any(|rest| {
                let number = rest
                    .split(['m', ';'])
                    .next()
                    .and_then(|text| text.parse().ok());
                number.is_some_and(|number: u8| matches!(number, 30..=37 | 40..=47 | 90..=107))
            })
    };
    let hosts = Hosts::new();
    let veth = hosts.veth();
    let pane = start(&hosts, &veth, "");
    assert!(is_coloured(&pane.styled_screen()));
    pane.types("q");
    assert_given_back(&hosts, &pane, 0);
    pane.enter("export NO_COLOR=1; clear; portclass top -i server0");
    pane.wait_for("q quit");
    let screen = pane.styled_screen();
    assert!(!is_coloured(&screen), "{screen:?}");
    // Bold is no colour.
    assert!(screen.contains("\u{1b}[1m"), "{screen:?}");
}

#[test]
fn names_of_an_overlay_drive_no_terminal() {
    if !may_run("names_of_an_overlay_drive_no_terminal") {
        return;
    }
    let hosts = Hosts::new();
    let veth = hosts.veth();
    let file = Replaced::new("\u{1b}]2;owned\u{7}\u{1b}[2J\u{202e}x,443,tcp\n");
    let pane = start(&hosts, &veth, &format!("--overlay {}", file.name()));
    veth.client.up().expect("up");
    send_plan(&veth, 1);
    pane.wait_for("\u{fffd}]2;owned");
    pane.wait_for("q quit");
    assert!(!pane.title().contains("owned"), "{}", pane.title());
}
