//! The same frames through the kernel's parser and the host's.

use portclass::{
    dataplane::{Dataplane, Maps, Settings},
    registry::{Registry, Sources},
};
use portclass_common::{
    counter::{Counter, FIRST_SLOT},
    label::Service,
    labelling::Matching,
    names,
    packet::{Flow, Linear, Link, Reason, Start, parse},
    port::{FIRST_DYNAMIC, PortKey},
    tag::MarkMask,
};
use testbed::{
    fixture::{self, Fixture},
    frame, ip,
    ip::Hosts,
    privilege::is_root_or_skips,
    segment,
};

const XDP_PASS: u32 = 2;

fn parsed(frame: &[u8]) -> Result<Flow, Reason> {
    parse(Linear::new(frame), Start::of(Link::Ethernet), false).outcome()
}

/// XDP sees no frames but those of Ethernet.
fn fixtures() -> impl Iterator<Item = Fixture> {
    let of_ethernet = |fixture: &Fixture| fixture.link == Link::Ethernet;
    fixture::fixtures().into_iter().filter(of_ethernet)
}

struct Kernel {
    dataplane: Dataplane,
    services: Vec<Service>,
    before: Vec<Counter>,
}

impl Kernel {
    fn new(program: &'static str, settings: Settings) -> Self {
        let (registry, _) = Registry::load(&Sources::default()).expect("the shipped registry");
        let entries = registry.entries().count();
        let mut dataplane = Dataplane::open(Maps::Private { entries }, settings).expect("the maps");
        let changes = dataplane.fill(&registry).expect("room for the registry");
        dataplane
            .image(0)
            .load_program(program)
            .expect("the verifier accepts the program");
        let services =
            (0..changes.contents.slots).map(|slot| dataplane.service(slot).expect("a slot in use"));
        Self {
            services: services.collect(),
            before: dataplane.image(0).counters(),
            dataplane,
        }
    }

    /// The counters that one run on `frame` has changed, and by how much.
    fn count(&mut self, frame: &[u8]) -> Vec<(u32, Counter)> {
        let mut after = vec![0; frame.len()];
        let verdict = self
            .dataplane
            .image(0)
            .run_frame(Link::Ethernet, frame, &mut after)
            .expect("a test run");
        assert_eq!(verdict, XDP_PASS);
        assert_eq!(after, frame, "an observer changes nothing");
        let now = self.dataplane.image(0).counters();
        let changed = (0..)
            .zip(now.iter().zip(&self.before))
            .filter(|(_, (now, before))| now != before)
            .map(|(index, (now, before))| (index, now.since(*before)))
            .collect();
        self.before = now;
        changed
    }

    /// The counter that the host's parser and the registry give `frame`.
    fn expected(&self, frame: &[u8]) -> u32 {
        let flow = match parsed(frame) {
            Ok(flow) => flow,
            Err(reason) => return reason.counter_index(),
        };
        let key = PortKey::new(flow.destination, flow.transport);
        match self
            .services
            .iter()
            .position(|service| service.key() == Some(key))
        {
            Some(slot) => FIRST_SLOT + slot as u32,
            None if flow.destination >= FIRST_DYNAMIC => {
                Reason::Dynamic(flow.transport).counter_index()
            }
            None => Reason::Unassigned(flow.transport).counter_index(),
        }
    }

    fn agrees_on(&mut self, description: &str, frame: &[u8]) {
        let expected = (self.expected(frame), Counter::new(1, frame.len() as u64));
        assert_eq!(self.count(frame), [expected], "{description}");
    }
}

/// The kernel refuses to run shorter frames (`bpf_test_init`).
const SHORTEST: usize = 14;

#[test]
fn both_programs_count_every_fixture_once_where_the_host_parser_says() {
    if !is_root_or_skips("both_programs_count_every_fixture_once_where_the_host_parser_says") {
        return;
    }
    for program in [names::XDP, names::XDP_FRAGS] {
        let mut kernel = Kernel::new(program, Settings::default());
        let mut count = 0;
        for fixture in fixtures() {
            if fixture.frame.len() >= SHORTEST {
                assert_eq!(
                    parsed(&fixture.frame),
                    fixture.expected,
                    "{}",
                    fixture.description
                );
                kernel.agrees_on(&fixture.description, &fixture.frame);
                count += 1;
            }
        }
        assert!(count > 100, "only {count} fixtures");
    }
}

#[test]
fn the_kernel_agrees_with_the_host_on_every_fixture_cut_at_every_length() {
    if !is_root_or_skips("the_kernel_agrees_with_the_host_on_every_fixture_cut_at_every_length") {
        return;
    }
    let mut kernel = Kernel::new(names::XDP_FRAGS, Settings::default());
    for fixture in fixtures() {
        // What lies behind the last header that the parser reads makes no difference.
        let start = Start::of(Link::Ethernet);
        let read = parse(Linear::new(&fixture.frame), start, false).offset;
        for length in SHORTEST..fixture.frame.len().min(read + 4).min(200) {
            kernel.agrees_on(
                &format!("{} cut at {length}", fixture.description),
                &fixture.frame[..length],
            );
        }
    }
}

#[test]
fn ports_are_told_apart_by_status_and_by_transport() {
    if !is_root_or_skips("ports_are_told_apart_by_status_and_by_transport") {
        return;
    }
    let mut kernel = Kernel::new(names::XDP_FRAGS, Settings::default());
    let hosts = Hosts::V4;
    for port in [
        0, 22, 53, 443, 4_748, 4_788, 4_789, 6_063, 49_151, 49_152, 60_000, 65_535,
    ] {
        for (protocol, segment) in [
            (ip::protocol::TCP, segment::tcp(&hosts, 40_000, port, b"")),
            (ip::protocol::UDP, segment::udp(&hosts, 40_000, port, b"")),
            (
                ip::protocol::UDP_LITE,
                segment::udp_lite(&hosts, 40_000, port, b""),
            ),
            (ip::protocol::DCCP, segment::dccp(&hosts, 40_000, port, b"")),
            (ip::protocol::SCTP, segment::sctp(40_000, port, b"")),
        ] {
            let frame = frame::ethernet(frame::ether_type::IPV4, &ip::ipv4(protocol, &segment));
            kernel.agrees_on(&format!("protocol {protocol}, port {port}"), &frame);
        }
    }
}

#[test]
fn bytes_are_those_of_the_whole_frame_also_in_several_buffers() {
    if !is_root_or_skips("bytes_are_those_of_the_whole_frame_also_in_several_buffers") {
        return;
    }
    let mut kernel = Kernel::new(names::XDP_FRAGS, Settings::default());
    for payload in [0, 900, 1_000, 1_100, 1_472, 3_400, 3_600, 9_000, 60_000] {
        let segment = segment::udp(&Hosts::V4, 40_000, 53, &vec![0; payload]);
        let frame = frame::ethernet(
            frame::ether_type::IPV4,
            &ip::ipv4(ip::protocol::UDP, &segment),
        );
        kernel.agrees_on(&format!("{payload} bytes of payload"), &frame);
    }
}

#[test]
fn counting_is_the_same_with_the_log_on() {
    if !is_root_or_skips("counting_is_the_same_with_the_log_on") {
        return;
    }
    for program in [names::XDP, names::XDP_FRAGS] {
        let mut kernel = Kernel::new(
            program,
            Settings {
                log_unlabelled: true,
                ..Settings::default()
            },
        );
        for fixture in fixtures() {
            if fixture.frame.len() >= SHORTEST {
                kernel.agrees_on(&fixture.description, &fixture.frame);
            }
        }
    }
}

#[test]
fn every_program_loads_with_every_setting() {
    if !is_root_or_skips("every_program_loads_with_every_setting") {
        return;
    }
    let plain = Settings::default();
    let all = Settings {
        log_unlabelled: true,
        matching: Matching::Best,
        decapsulate: true,
        tag_metadata: true,
        mark: Some(MarkMask::default()),
        original_length: true,
    };
    for settings in [
        plain,
        all,
        Settings {
            decapsulate: true,
            ..plain
        },
    ] {
        let mut dataplane = Dataplane::open(Maps::Private { entries: 1 }, settings).expect("maps");
        for name in names::PROGRAMS {
            let loaded = dataplane.image(0).load_program(name);
            assert!(loaded.is_ok(), "{name}, {settings:?}: {loaded:?}");
        }
    }
}
