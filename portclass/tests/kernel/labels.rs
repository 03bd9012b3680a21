//! Ports: their status, their transport, and which of two decides.

use portclass::dataplane::Settings;
use portclass_common::{
    counter::Counter, label::Class, labelling::Matching, names, packet::Reason,
    transport::Transport,
};
use testbed::{
    frame::{ether_type, ethernet},
    ip::{Hosts, ipv4, protocol},
    privilege::is_root_or_skips,
    segment,
};

use super::subject::{Case, Kernel, Program, programs};

fn tcp(source: u16, destination: u16) -> Vec<u8> {
    let segment = segment::tcp(&Hosts::V4, source, destination, b"");
    ethernet(ether_type::IPV4, &ipv4(protocol::TCP, &segment))
}

#[test]
fn ports_are_told_apart_by_status_and_by_transport() {
    if !is_root_or_skips("ports_are_told_apart_by_status_and_by_transport") {
        return;
    }
    let hosts = Hosts::V4;
    let frames = |to_port: u16| {
        [
            (protocol::TCP, segment::tcp(&hosts, 40_000, to_port, b"")),
            (protocol::UDP, segment::udp(&hosts, 40_000, to_port, b"")),
            (
                protocol::UDP_LITE,
                segment::udp_lite(&hosts, 40_000, to_port, b""),
            ),
            (protocol::DCCP, segment::dccp(&hosts, 40_000, to_port, b"")),
            (protocol::SCTP, segment::sctp(40_000, to_port, b"")),
        ]
        .map(|(number, segment)| {
            let frame = ethernet(ether_type::IPV4, &ipv4(number, &segment));
            Case::new(format!("protocol {number} to {to_port}"), frame)
        })
    };
    let mut kernel = Kernel::new(Settings::default());
    let cases = (0..=u16::MAX)
        .step_by(23)
        .chain([22, 53, 443, 49_151, 49_152, 65_535])
        .flat_map(frames);
    kernel.assert_agrees(Program::of_name(names::XDP), cases.collect());
}

#[test]
fn matching_chooses_the_port_in_every_program() {
    const TEST: &str = "matching_chooses_the_port_in_every_program";
    if !is_root_or_skips(TEST) {
        return;
    }
    let programs = programs(TEST);
    for (matching, ports) in [
        (Matching::Destination, [443, 50_123, 8_080, 60_000]),
        (Matching::Source, [50_123, 443, 443, 60_001]),
        (Matching::Best, [443, 443, 443, 60_000]),
    ] {
        let mut kernel = Kernel::new(Settings {
            matching,
            ..Settings::default()
        });
        let pairs = [(50_123, 443), (443, 50_123), (443, 8_080), (60_001, 60_000)];
        let program = Program::of_name(names::XDP);
        let by_port = pairs.map(|(source, destination)| {
            let parsed = kernel.parsed(program, &tcp(source, destination));
            kernel.labelling(&parsed).port()
        });
        assert_eq!(by_port, ports, "{matching:?}");
        let edges = [0, 1, 80, 1_023, 1_024, 8_080, 49_151, 49_152, 65_535];
        for &program in &programs {
            let mut cases = Vec::new();
            for source in edges {
                for destination in edges {
                    let frame = tcp(source, destination);
                    cases.push(Case::new(format!("{source} to {destination}"), frame));
                }
            }
            kernel.assert_agrees(program, cases);
        }
    }
}

/// What [`Kernel`] takes for granted: the host's registry says what it should.
#[test]
fn well_known_ports_have_their_class() {
    if !is_root_or_skips("well_known_ports_have_their_class") {
        return;
    }
    let mut kernel = Kernel::new(Settings::default());
    let program = Program::of_name(names::XDP);
    for (to_port, class) in [
        (443, Class::Labelled),
        (0, Class::Reserved),
        (60_000, Class::Dynamic),
    ] {
        let parsed = kernel.parsed(program, &tcp(40_000, to_port));
        assert_eq!(
            kernel.labelling(&parsed).class_code(),
            class as u8,
            "{to_port}"
        );
    }
    let frame = tcp(40_000, 60_000);
    let length = frame.len() as u64;
    let counted = kernel.counted(program, |kernel| {
        kernel.assert_agrees(program, vec![Case::new("", frame)]);
    });
    let dynamic = Reason::Dynamic(Transport::Tcp).counter_index();
    assert_eq!(counted, [(dynamic, Counter::new(1, length))].into());
}
