//! What a run takes of a CPU while it runs.

use std::{
    io::{self, Read as _},
    process::Stdio,
    sync::atomic::{AtomicBool, Ordering},
    thread::{self, sleep},
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use portclass::registry::{Registry, Sources};
use portclass_common::transport::Transport;
use serde::Serialize;
use testbed::{
    frame::{ether_type, ethernet, padded},
    ip::{Hosts, ipv4, protocol},
    packet_socket::PacketSocket,
    segment,
    veth::Veth,
};

use super::{INTERFACE, process::Run};

/// Services that have traffic in every interval.
const SERVICES: usize = 500;
/// The time between two frames for the same service, half of the shortest interval.
const PAUSE: Duration = Duration::from_millis(50);

/// Where a report goes.
#[derive(Clone, Copy)]
enum Sink {
    File,
    Pipe,
}

/// A run that is to be watched.
struct Scenario {
    what: &'static str,
    arguments: &'static str,
    interval: Duration,
    sink: Sink,
    traffic: bool,
}

const SCENARIOS: [Scenario; 6] = [
    Scenario {
        what: "1 Hz, no traffic, table to a file",
        arguments: "--format table",
        interval: Duration::from_secs(1),
        sink: Sink::File,
        traffic: false,
    },
    Scenario {
        what: "1 Hz, 500 services, table to a file",
        arguments: "--format table",
        interval: Duration::from_secs(1),
        sink: Sink::File,
        traffic: true,
    },
    Scenario {
        what: "10 Hz, no traffic, table to a file",
        arguments: "--format table",
        interval: Duration::from_millis(100),
        sink: Sink::File,
        traffic: false,
    },
    Scenario {
        what: "10 Hz, 500 services, table to a file",
        arguments: "--format table",
        interval: Duration::from_millis(100),
        sink: Sink::File,
        traffic: true,
    },
    Scenario {
        what: "the same, 40 of them shown",
        arguments: "--format table --limit 40",
        interval: Duration::from_millis(100),
        sink: Sink::File,
        traffic: true,
    },
    Scenario {
        what: "10 Hz, 500 services, JSON lines to a pipe",
        arguments: "--format jsonl",
        interval: Duration::from_millis(100),
        sink: Sink::Pipe,
        traffic: true,
    },
];

/// What a run took.
#[derive(Debug, Serialize)]
pub struct Upkeep {
    /// How it ran.
    pub what: &'static str,
    /// Seconds that it was watched for.
    pub seconds: f64,
    /// CPU time of that time, on all cores, in percent.
    pub percent: f64,
    /// CPU time for each report, in microseconds, whatever else it does in between included.
    pub report_us: f64,
}

/// Watches a run in each scenario.
pub fn measure(veth: &Veth<'_>, quick: bool) -> Result<Vec<Upkeep>> {
    let time = Duration::from_secs(if quick { 2 } else { 10 });
    let frames = frames()?;
    let scenarios = SCENARIOS.iter().map(|scenario| {
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let sender = scope.spawn(|| {
                if scenario.traffic {
                    send(veth, &frames, &done)
                } else {
                    Ok(())
                }
            });
            let upkeep = watch(veth, scenario, time);
            done.store(true, Ordering::Relaxed);
            sender.join().expect("it does not panic")?;
            upkeep
        })
    });
    scenarios.collect()
}

fn watch(veth: &Veth<'_>, scenario: &Scenario, time: Duration) -> Result<Upkeep> {
    let stdout = match scenario.sink {
        Sink::File => tempfile::tempfile()?.into(),
        Sink::Pipe => Stdio::piped(),
    };
    let milliseconds = scenario.interval.as_millis();
    let arguments = format!(
        "--iface {INTERFACE} --interval {milliseconds}ms {}",
        scenario.arguments
    );
    let mut run = Run::start(veth.server.netns, &arguments, 1, stdout)?;
    let reader = run.stdout().map(|mut stdout| {
        thread::spawn(move || -> io::Result<u64> {
            let (mut buffer, mut all) = (vec![0; 1 << 16], 0);
            loop {
                match stdout.read(&mut buffer)? {
                    0 => return Ok(all),
                    read => all += read as u64,
                }
            }
        })
    });
    // The first reports find tables and buffers that are still to grow.
    sleep(2 * scenario.interval + scenario.interval / 2);
    let (start, before) = (Instant::now(), run.cpu()?);
    sleep(time);
    let (took, cpu) = (start.elapsed(), run.cpu()? - before);
    run.end()?;
    if let Some(reader) = reader {
        let read = reader.join().expect("it does not panic")?;
        ensure!(read > 0, "it has reported nothing");
    }
    let (took, cpu) = (took.as_secs_f64(), cpu.as_secs_f64());
    Ok(Upkeep {
        what: scenario.what,
        seconds: took,
        percent: 100.0 * cpu / took,
        report_us: 1e6 * cpu * scenario.interval.as_secs_f64() / took,
    })
}

/// A frame for each of some registered services, to somebody else's address, so that nobody answers.
fn frames() -> Result<Vec<Vec<u8>>> {
    const SOMEBODY_ELSE: [u8; 6] = [0x02, 0, 0, 0, 0, 9];
    let (registry, _) = Registry::load(&Sources::plain(None))?;
    let tcp = registry
        .entries()
        .filter(|entry| entry.key.transport() == Some(Transport::Tcp) && !entry.name.is_empty());
    let frames: Vec<_> = tcp
        .take(SERVICES)
        .map(|entry| {
            let segment = segment::tcp(&Hosts::V4, 65_000, entry.key.port(), &[]);
            let mut frame = padded(ethernet(ether_type::IPV4, &ipv4(protocol::TCP, &segment)));
            frame[..SOMEBODY_ELSE.len()].copy_from_slice(&SOMEBODY_ELSE);
            frame
        })
        .collect();
    ensure!(
        frames.len() == SERVICES,
        "the registry has too few services"
    );
    Ok(frames)
}

fn send(veth: &Veth<'_>, frames: &[Vec<u8>], done: &AtomicBool) -> Result<()> {
    let socket = PacketSocket::open(&veth.client)?;
    while !done.load(Ordering::Relaxed) {
        for frame in frames {
            socket.send(frame)?;
        }
        sleep(PAUSE);
    }
    Ok(())
}
