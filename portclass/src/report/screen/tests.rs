use std::time::{Duration, Instant};

use insta::assert_snapshot;
use portclass_common::{
    counter::{Counter, FIRST_SLOT},
    label::{Class, Service},
    packet::{Reason, Tunnel},
    settings::Contents,
    transport::Transport::{self, Tcp, Udp},
};
use ratatui::{
    Terminal,
    backend::TestBackend,
    style::{Color, Style},
};

use super::{Colours, Described, Key, Order, Screen, ScreenOptions, history};
use crate::{
    account::{Account, Direction, InterfaceInfo, Observed, Origin, Sort},
    registry::{Registry, Sources},
};

const INTERVAL: Duration = Duration::from_secs(1);

/// Names, ports and transports, in the order of their slots, with the packets of an interval.
const SERVICES: [(&str, u16, Transport, u64); 9] = [
    ("https", 443, Tcp, 900),
    ("https", 443, Udp, 70),
    ("domain", 53, Udp, 40),
    ("ssh", 22, Tcp, 8),
    ("x11", 6_000, Tcp, 5),
    ("x11", 6_001, Tcp, 5),
    ("x11", 6_005, Tcp, 1),
    (
        "a-service-with-quite-a-long-name-in-an-overlay",
        40_000,
        Tcp,
        3,
    ),
    ("ntp", 123, Udp, 0),
];

/// Bytes of every packet.
const BYTES: u64 = 1_000;

/// Interfaces that are counted, and a screen that has seen some intervals of it.
struct World {
    account: Account,
    names: Vec<&'static str>,
    counters: Vec<Vec<Counter>>,
    now: Instant,
    screen: Screen,
}

fn interface(name: &str, index: u32, directions: &[Direction]) -> InterfaceInfo {
    InterfaceInfo {
        name: name.to_owned(),
        index,
        mode: Some("native"),
        egress: directions.contains(&Direction::Egress).then_some("tcx"),
        directions: directions.to_vec(),
        features: Vec::new(),
    }
}

fn screen_of(observed: Observed, names: Vec<&'static str>) -> World {
    let now = Instant::now();
    let origins = observed.origins.len();
    let mut account = Account::new(observed, now);
    let (registry, _) = Registry::load(&Sources::default()).expect("the shipped one");
    let options = ScreenOptions {
        interval: INTERVAL,
        order: Order::Bits,
        colours: Colours::Sixteen,
    };
    let nothing = account.whole(&vec![Vec::new(); origins], |_| None);
    World {
        account,
        counters: vec![vec![Counter::default(); FIRST_SLOT as usize + names.len()]; origins],
        names,
        now,
        screen: Screen::new(nothing, Described::ByLabels(registry), options),
    }
}

fn observed(interfaces: Vec<InterfaceInfo>, origins: Vec<Origin>) -> Observed {
    let contents = Contents {
        registry_date: 20_240_612,
        named_pairs: 11_598,
        layers: 3,
        ..Contents::default()
    };
    Observed {
        registry: contents.into(),
        interfaces,
        origins,
        sort: Sort::Name,
        tunnels: false,
        tags: false,
    }
}

/// One interface, one direction.
fn plain() -> World {
    let origin = Origin {
        interface: None,
        direction: Direction::Ingress,
    };
    let interfaces = vec![interface("eth0", 2, &[Direction::Ingress])];
    let names = SERVICES.map(|(name, ..)| name).to_vec();
    screen_of(observed(interfaces, vec![origin]), names)
}

impl World {
    fn count(&mut self, origin: usize, index: u32, packets: u64) {
        let counter = &mut self.counters[origin][index as usize];
        *counter = counter.plus(Counter::new(packets, packets * BYTES));
    }

    /// Lets an interval pass in which every service has as many packets as it is to have, times `factor`.
    fn pass(&mut self, factor: u64) {
        for origin in 0..self.counters.len() {
            for (slot, (.., packets)) in (0..).zip(SERVICES) {
                self.count(origin, FIRST_SLOT + slot, packets * factor);
            }
            let dynamic = Reason::Dynamic(Udp).counter_index();
            let icmp = Reason::Protocol { protocol: 1 }.counter_index();
            self.count(origin, dynamic, 20 * factor);
            self.count(origin, icmp, factor);
        }
        self.tick();
    }

    fn tick(&mut self) {
        self.now += INTERVAL;
        let names = &self.names;
        let meaning = |slot: u32| {
            let (_, port, transport, _) = SERVICES[slot as usize];
            Service::new(names[slot as usize], port, transport, Class::Labelled)
        };
        let counters = self.counters.clone();
        let snapshot = self.account.interval(counters, self.now, meaning);
        self.screen.update(snapshot);
    }

    /// Some intervals, no two alike.
    fn passed(mut self) -> Self {
        for factor in [1, 3, 0, 2, 5, 4, 1, 2] {
            self.pass(factor);
        }
        self
    }

    fn press(&mut self, keys: &str) {
        for key in keys.chars() {
            self.screen.press(match key {
                '\n' => Key::Enter,
                '\u{1b}' => Key::Escape,
                character => Key::Char(character),
            });
        }
    }

    fn drawn(&mut self, width: u16, height: u16) -> TestBackend {
        let backend = TestBackend::new(width, height);
        let mut terminal = Terminal::new(backend).expect("a terminal");
        terminal
            .draw(|frame| self.screen.draw(frame))
            .expect("a frame");
        terminal.backend().clone()
    }

    /// The lines of the screen, without what is blank at their ends.
    fn lines(&mut self, width: u16, height: u16) -> Vec<String> {
        let backend = self.drawn(width, height);
        let buffer = backend.buffer();
        let rows = buffer.content.chunks(width.into());
        rows.map(|row| row.iter().map(|cell| cell.symbol()).collect::<String>())
            .map(|line| line.trim_end().to_owned())
            .collect()
    }

    /// The first words of the rows of a list.
    fn first_words(&mut self) -> Vec<String> {
        let lines = self.lines(120, 30);
        let rows = lines[5..].iter().take_while(|line| !line.is_empty());
        rows.map(|line| {
            let words = line.split_ascii_whitespace();
            words.take(3).collect::<Vec<_>>().join(" ")
        })
        .collect()
    }
}

#[test]
fn services_at_every_size() {
    let mut world = plain().passed();
    assert_snapshot!("services_80x24", world.drawn(80, 24));
    assert_snapshot!("services_120x30", world.drawn(120, 30));
    assert_snapshot!("services_40x10", world.drawn(40, 10));
    assert_snapshot!("services_20x4", world.drawn(20, 4));
}

#[test]
fn a_screen_before_anything_has_come() {
    assert_snapshot!(plain().drawn(80, 24));
}

#[test]
fn several_interfaces_and_directions_at_every_size() {
    let both = [Direction::Ingress, Direction::Egress];
    let interfaces = vec![interface("eth0", 2, &both), interface("wlan0", 3, &both)];
    let origins = [2, 3].into_iter().flat_map(|index| {
        both.map(|direction| Origin {
            interface: Some(index),
            direction,
        })
    });
    let names = SERVICES.map(|(name, ..)| name).to_vec();
    let mut world = screen_of(observed(interfaces, origins.collect()), names).passed();
    assert_snapshot!("directions_80x24", world.drawn(80, 24));
    assert_snapshot!("directions_120x30", world.drawn(120, 30));
    assert_snapshot!("directions_40x10", world.drawn(40, 10));
    world.press("/x11\n\n");
    assert_snapshot!("directions_detail_80x24", world.drawn(80, 24));
}

#[test]
fn a_filter_while_it_is_written_and_when_it_is_kept() {
    let mut world = plain().passed();
    world.press("/udp");
    assert_snapshot!("filter_written_80x24", world.drawn(80, 24));
    world.press("\n");
    assert_snapshot!("filter_kept_40x10", world.drawn(40, 10));
    assert_eq!(world.first_words(), ["https 443 udp", "domain 53 udp"]);
    // A letter in a filter is no command.
    world.press("fq");
    assert!(!world.screen.is_over());
    world.screen.press(Key::Backspace);
    assert_eq!(world.first_words().len(), 2);
    world.press("\u{1b}");
    assert_eq!(world.first_words().len(), 6);
}

#[test]
fn a_service_by_itself() {
    let mut world = plain().passed();
    world.press("\n");
    assert_snapshot!("detail_80x24", world.drawn(80, 24));
    assert_snapshot!("detail_120x30", world.drawn(120, 30));
    assert_snapshot!("detail_40x10", world.drawn(40, 10));
    assert_snapshot!("detail_24x7", world.drawn(24, 7));
    // Whatever comes first now, it stays with what it was opened for.
    world.count(0, FIRST_SLOT + 3, 1_000_000);
    world.tick();
    assert!(world.lines(80, 24)[4].starts_with("https · tcp"));
    world.press("\u{1b}");
    assert_eq!(world.first_words()[0], "ssh 22 tcp");
}

#[test]
fn a_service_that_the_registry_says_nothing_of_and_one_by_another_registry() {
    let mut world = plain().passed();
    world.press("/quite\n\n");
    assert_snapshot!("detail_unknown_80x24", world.drawn(80, 24));
    let Described::ByLabels(registry) = world.screen.described else {
        unreachable!("that is how it began");
    };
    world.screen.described = Described::ByShipped(registry);
    let lines = world.lines(80, 24);
    let says =
        |line: &String| line == "REGISTRY (the shipped one; labels come from the pinned one)";
    assert!(lines.iter().any(says), "{lines:#?}");
}

#[test]
fn reasons_at_every_size() {
    let mut world = plain().passed();
    world.press("u");
    assert_snapshot!("unlabelled_80x24", world.drawn(80, 24));
    assert_snapshot!("unlabelled_40x10", world.drawn(40, 10));
    world.press("\n");
    assert_snapshot!("unlabelled_detail_80x24", world.drawn(80, 24));
    world.press("\u{1b}u");
    assert_eq!(world.first_words()[0], "https 443 tcp");
}

#[test]
fn tunnels_where_frames_are_decapsulated() {
    let origin = Origin {
        interface: None,
        direction: Direction::Ingress,
    };
    let interfaces = vec![interface("eth0", 2, &[Direction::Ingress])];
    let mut observed = observed(interfaces, vec![origin]);
    observed.tunnels = true;
    let mut world = screen_of(observed, SERVICES.map(|(name, ..)| name).to_vec());
    world.press("t");
    assert!(world.lines(80, 24).contains(&"no tunnel yet".to_owned()));
    world.count(0, Tunnel::ALL[0].counter_index(), 7);
    world.tick();
    assert_snapshot!("tunnels_80x24", world.drawn(80, 24));
    // Without them there is nothing to see.
    let mut world = plain().passed();
    world.press("t");
    assert_eq!(world.first_words()[0], "https 443 tcp");
}

#[test]
fn help_at_every_size() {
    let mut world = plain().passed();
    world.press("?");
    assert_snapshot!("help_80x24", world.drawn(80, 24));
    assert_snapshot!("help_40x10", world.drawn(40, 10));
    world.press("jjjj?");
    assert_eq!(world.first_words()[0], "https 443 tcp");
}

#[test]
fn a_paused_screen_keeps_still_and_goes_on_without_a_gap() {
    let mut world = plain().passed();
    world.press(" ");
    assert_snapshot!("paused_80x24", world.drawn(80, 24));
    let before = world.lines(80, 24);
    world.pass(9);
    assert_eq!(world.lines(80, 24), before);
    world.press(" ");
    assert_ne!(world.lines(80, 24), before);
    let mut other = plain().passed();
    other.pass(9);
    assert_eq!(world.lines(80, 24), other.lines(80, 24));
}

#[test]
fn a_line_that_was_said_shows_until_a_key_is_pressed() {
    let mut world = plain().passed();
    world
        .screen
        .say("warning: \u{1b}[2Jeth0 has gone".to_owned());
    assert_snapshot!("note_40x10", world.drawn(40, 10));
    world.press("j");
    assert!(!world.lines(40, 10).concat().contains("warning"));
}

#[test]
fn names_from_outside_drive_nothing_and_keep_their_place() {
    let origin = Origin {
        interface: Some(2),
        direction: Direction::Ingress,
    };
    let interfaces = vec![interface("e\u{1b}[31m\u{202e}h", 2, &[Direction::Ingress])];
    let mut names = SERVICES.map(|(name, ..)| name).to_vec();
    names[0] = "\u{1b}]0;title\u{7}\u{9b}2J";
    names[1] = "\u{202e}drawkcab\r\nnew line\ttab";
    names[2] = "日本語日本語日本語日本語日本語";
    names[3] = "e\u{301}\u{301}\u{301}\u{200b}zero";
    names[4] = "👩‍👩‍👧‍👦 family";
    let mut world = screen_of(observed(interfaces, vec![origin]), names).passed();
    assert_snapshot!("hostile_80x24", world.drawn(80, 24));
    assert_snapshot!("hostile_40x10", world.drawn(40, 10));
    for keys in ["", "\n", "\u{1b}u", "?"] {
        world.press(keys);
        for (width, height) in [(80, 24), (40, 10), (24, 7)] {
            for line in world.lines(width, height) {
                let is_wrong = |character: char| {
                    character.is_control() || ('\u{202a}'..='\u{202e}').contains(&character)
                };
                assert!(!line.contains(is_wrong), "{line:?}");
            }
        }
    }
}

#[test]
fn no_size_is_too_small_to_draw_in() {
    for view in ["", "\n", "?", "u", "/x", " ", "n"] {
        let mut world = plain().passed();
        world.press(view);
        world.screen.say("a line".to_owned());
        for width in (1..=30).chain([40, 60, 80, 90]) {
            for height in 1..=26 {
                let lines = world.lines(width, height);
                let is_small = width < 24 || height < 7;
                let says_so = lines[0].starts_with('t');
                assert_eq!(is_small, says_so, "{width}x{height}: {lines:#?}");
            }
        }
    }
}

#[test]
fn the_mark_follows_its_service_and_at_the_top_it_stays_there() {
    let mut world = plain().passed();
    let marked = |world: &mut World| {
        let backend = world.drawn(80, 24);
        let buffer = backend.buffer();
        let is_marked = |y: &u16| {
            let style = buffer[(0, *y)].style();
            style
                .add_modifier
                .contains(ratatui::style::Modifier::REVERSED)
        };
        let marked: Vec<_> = (0..24).filter(is_marked).collect();
        assert_eq!(marked.len(), 1, "{marked:?}");
        world.lines(80, 24)[usize::from(marked[0])].clone()
    };
    assert!(marked(&mut world).starts_with("https 443"));
    world.press("jj");
    assert!(marked(&mut world).starts_with("domain 53"));
    // It comes first now, and the mark with it.
    world.count(0, FIRST_SLOT + 2, 1_000_000);
    world.tick();
    assert_eq!(world.first_words()[0], "domain 53 udp");
    assert!(marked(&mut world).starts_with("domain 53"));
    world.press("G");
    assert!(marked(&mut world).starts_with("a-service"));
    world.press("g");
    world.count(0, FIRST_SLOT + 3, 9_000_000);
    world.tick();
    assert!(marked(&mut world).starts_with("ssh 22"));
    world.screen.press(Key::PageDown);
    assert!(marked(&mut world).starts_with("a-service"));
    world.screen.press(Key::PageUp);
    assert!(marked(&mut world).starts_with("ssh 22"));
}

#[test]
fn a_list_scrolls_with_its_mark() {
    let mut world = plain().passed();
    let list = |world: &mut World| world.lines(40, 7)[4..6].to_vec();
    assert!(list(&mut world)[0].starts_with("https 443"));
    world.press("G");
    let last = list(&mut world);
    assert!(last[0].starts_with("ssh 22"), "{last:#?}");
    assert!(last[1].starts_with("a-"), "{last:#?}");
    world.press("k");
    assert_eq!(list(&mut world), last);
    world.press("k");
    assert!(list(&mut world)[0].starts_with("x11 6000"));
}

#[test]
fn every_order_and_its_reverse() {
    let mut world = plain().passed();
    world.count(0, FIRST_SLOT + 8, 1);
    world.counters[0][FIRST_SLOT as usize + 3] = Counter::new(100_000, 1_000_000);
    world.pass(1);
    let mut first = Vec::new();
    for _ in 0..7 {
        let words = world.first_words();
        world.press("r");
        let mut reversed = world.first_words();
        reversed.reverse();
        assert_eq!(words, reversed);
        world.press("rs");
        first.push(words[0].clone());
    }
    assert_eq!(
        first,
        [
            "https 443 tcp",
            "ssh 22 tcp",
            "https 443 tcp",
            "ssh 22 tcp",
            "a-service-with-quite-a-long-nam… 40000 tcp",
            "ssh 22 tcp",
            "https 443 tcp",
        ]
    );
}

#[test]
fn numbers_instead_of_names() {
    let mut world = plain().passed();
    world.press("n");
    assert_eq!(world.first_words()[0].split(' ').next(), Some("443"));
    assert!(world.lines(80, 24)[4].starts_with("PORT "));
    world.press("n");
    assert_eq!(world.first_words()[0], "https 443 tcp");
}

#[test]
fn keys_change_the_interval_within_bounds() {
    let mut world = plain();
    world.press("+");
    assert_eq!(world.screen.interval(), Duration::from_secs(2));
    world.press("++++++++++");
    assert_eq!(world.screen.interval(), Duration::from_secs(60));
    world.press("--------------------");
    assert_eq!(world.screen.interval(), Duration::from_millis(100));
}

#[test]
fn two_keys_end_it() {
    for key in [Key::Char('q'), Key::Quit] {
        let mut world = plain();
        world.screen.press(key);
        assert!(world.screen.is_over());
    }
    let mut world = plain();
    world.press("/q");
    assert!(!world.screen.is_over());
    world.screen.press(Key::Quit);
    assert!(world.screen.is_over());
}

#[test]
fn colours_are_the_sixteen_of_every_terminal_or_none() {
    for (colours, has_some) in [(Colours::Sixteen, true), (Colours::None, false)] {
        let mut world = plain().passed();
        world.screen.colours = colours;
        world.screen.say("a line".to_owned());
        let mut seen = false;
        for keys in ["", "\n", "?", "\u{1b} ", "u", "/x"] {
            world.press(keys);
            let backend = world.drawn(80, 24);
            for cell in &backend.buffer().content {
                let Style { fg, bg, .. } = cell.style();
                for colour in [fg, bg].into_iter().flatten() {
                    let is_of_sixteen = !matches!(colour, Color::Rgb(..) | Color::Indexed(_));
                    assert!(is_of_sixteen, "{colour:?}");
                    seen |= colour != Color::Reset;
                }
            }
        }
        assert_eq!(seen, has_some);
    }
}

#[test]
fn what_is_remembered_has_an_end() {
    let mut world = plain();
    world.pass(1);
    let id = super::Row::all(&world.screen.now.snapshot, super::Subject::Services)
        .iter()
        .find(|row| row.name == "ssh")
        .map(super::Row::id)
        .expect("it was seen");
    let history = |world: &World| world.screen.now.history.clone();
    assert_eq!(history(&world).rows(), 8);
    assert_eq!(history(&world).last(&id, 2), [0.0, 64_000.0]);
    for _ in 1..history::INTERVALS {
        world.tick();
    }
    let last = history(&world).last(&id, usize::MAX);
    assert_eq!((last.len(), last[0]), (history::INTERVALS, 64_000.0));
    assert_eq!(history(&world).seconds(usize::MAX), 300.0);
    world.tick();
    assert_eq!(history(&world).rows(), 0);
    assert_eq!(history(&world).seconds(usize::MAX), 300.0);
}
