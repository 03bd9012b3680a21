//! A sender that does not pause, and two registries that label what it sends.

use std::{
    fmt::Write as _,
    fs,
    ops::Range,
    path::PathBuf,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    thread,
};

use serde_json::Value;
use tempfile::TempDir;
use testbed::{
    frame, ip, ip::Hosts as Addresses, machine::unless_slow, packet_socket::PacketSocket, segment,
    veth::Veth,
};

use super::{
    count::{rows, totals},
    process::wait_until,
};

/// Ports that both registries give the same name. IANA assigns none of those here.
const COMMON: Range<u16> = 50_000..50_016;
/// Ports that each registry gives its own name.
const RENAMED: Range<u16> = 51_000..51_016;
/// Ports that one of them names.
const ONLY: [(&str, Range<u16>); 2] = [("alpha", 52_000..52_008), ("beta", 53_000..53_008)];

const TRANSPORTS: [&str; 2] = ["tcp", "udp"];

/// The names of the two registries.
pub const REGISTRIES: [&str; 2] = ["alpha", "beta"];

/// One of the two registries, in the short form.
pub fn registry(name: &str) -> String {
    // Nobody sends there: entries that keep a reload busy between those that matter.
    let mut lines = format!("{name}-filler,1-500,\n");
    let only = ONLY.into_iter().filter(|(owner, _)| *owner == name);
    let of_all = [("common", COMMON), (name, RENAMED)];
    for (name, ports) in of_all.into_iter().chain(only) {
        for (port, transport) in with_transports(ports) {
            writeln!(lines, "{name}-{port},{port},{transport}").expect("a string");
        }
    }
    lines
}

fn with_transports(ports: Range<u16>) -> impl Iterator<Item = (u16, &'static str)> {
    ports.flat_map(|port| TRANSPORTS.map(|transport| (port, transport)))
}

/// How many times a registry is replaced during a flood.
pub fn reloads() -> usize {
    unless_slow(100, 10)
}

/// Registries that take turns, for whoever starts with the first one.
pub fn turns() -> impl Iterator<Item = &'static str> {
    REGISTRIES.into_iter().cycle().skip(1).take(reloads())
}

/// A file that is replaced in one step, as careful writers do.
pub struct Replaced {
    folder: TempDir,
}

impl Replaced {
    pub fn new(content: &str) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let file = Self { folder };
        file.replace(content);
        file
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("registry")
    }

    /// As an argument.
    pub fn name(&self) -> String {
        self.path().display().to_string()
    }

    pub fn replace(&self, content: &str) {
        let new = self.folder.path().join("new");
        fs::write(&new, content).expect("a temporary file");
        fs::rename(new, self.path()).expect("replaced");
    }
}

/// A frame to each port of both registries.
pub struct Flood {
    frames: Vec<Vec<u8>>,
}

/// How far a flood is.
#[derive(Default)]
pub struct Progress {
    rounds: AtomicU64,
    is_over: AtomicBool,
}

impl Progress {
    /// Waits until all frames have been sent once more.
    pub fn wait_for_a_round(&self) {
        // The current round has begun before.
        let enough = self.rounds.load(SeqCst) + 2;
        wait_until("a whole round of the flood", || {
            self.rounds.load(SeqCst) >= enough
        });
    }
}

/// Ends a flood, also when a test fails meanwhile.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

impl Flood {
    pub fn new() -> Self {
        let [alpha, beta] = ONLY.map(|(_, ports)| ports);
        let ports = [COMMON, RENAMED, alpha, beta].into_iter().flatten();
        let frames = ports.flat_map(|port| {
            let tcp = segment::tcp(&Addresses::V4, 50_123, port, b"some text");
            let udp = segment::udp(&Addresses::V4, 50_123, port, b"text");
            [(ip::protocol::TCP, tcp), (ip::protocol::UDP, udp)].map(|(protocol, segment)| {
                frame::ethernet(frame::ether_type::IPV4, &ip::ipv4(protocol, &segment))
            })
        });
        Self {
            frames: frames.collect(),
        }
    }

    /// Frames a round.
    pub fn frames(&self) -> u64 {
        self.frames.len() as u64
    }

    /// Sends rounds of all frames as long as `meanwhile` lasts, and gives their number once they have all arrived.
    pub fn send<T>(&self, veth: &Veth<'_>, meanwhile: impl FnOnce(&Progress) -> T) -> (u64, T) {
        let progress = Progress::default();
        let result = thread::scope(|scope| {
            scope.spawn(|| self.send_rounds(veth, &progress));
            let _end = End(&progress.is_over);
            meanwhile(&progress)
        });
        (progress.rounds.into_inner(), result)
    }

    fn send_rounds(&self, veth: &Veth<'_>, progress: &Progress) {
        // The driver's ring has room for 256 frames, and what does not fit in is dropped.
        const IN_FLIGHT: u64 = 128;
        const BURST: usize = 64;
        let socket = PacketSocket::open(&veth.client).expect("a packet socket");
        let received = || veth.server.received().expect("counters");
        let mut sent = received();
        while !progress.is_over.load(SeqCst) {
            for burst in self.frames.chunks(BURST) {
                for frame in burst {
                    socket.send(frame).expect("sent");
                }
                sent += burst.len() as u64;
                wait_until("the frames received", || sent - received() <= IN_FLIGHT);
            }
            progress.rounds.fetch_add(1, SeqCst);
        }
        wait_until("all frames received", || received() == sent);
    }

    /// Asserts that a report counts so many rounds, each frame under a name that a registry gives its port, and each
    /// registry's names at least once.
    pub fn assert_counted(&self, report: &Value, rounds: u64) {
        let mut rows = rows(report);
        let mut take = |name: &str, port: u16, transport: &str| {
            let key = (format!("{name}-{port}"), transport.to_owned());
            rows.remove(&key).map_or(0, |(packets, _)| packets)
        };
        for (port, transport) in with_transports(COMMON) {
            assert_eq!(
                take("common", port, transport),
                rounds,
                "{port}/{transport}"
            );
        }
        for (port, transport) in with_transports(RENAMED) {
            let [alpha, beta] = REGISTRIES.map(|name| take(name, port, transport));
            assert_eq!(alpha + beta, rounds, "{port}/{transport}");
            assert!(alpha > 0 && beta > 0, "{port}/{transport}: {alpha}, {beta}");
        }
        let mut named = [0; 2];
        let mut sent = [0; 2];
        for (name, ports) in ONLY {
            for (position, transport) in TRANSPORTS.into_iter().enumerate() {
                for port in ports.clone() {
                    let packets = take(name, port, transport);
                    assert!((1..rounds).contains(&packets), "{port}/{transport}");
                    named[position] += packets;
                    sent[position] += rounds;
                }
            }
        }
        for (position, transport) in TRANSPORTS.into_iter().enumerate() {
            let dynamic = rows.remove(&("dynamic".to_owned(), transport.to_owned()));
            let (dynamic, _) = dynamic.expect("each registry leaves out what only the other names");
            assert_eq!(named[position] + dynamic, sent[position], "{transport}");
        }
        assert_eq!(rows, [].into(), "nothing else was sent");
        let bytes: u64 = self.frames.iter().map(|frame| frame.len() as u64).sum();
        assert_eq!(totals(report), (rounds * self.frames(), rounds * bytes));
    }
}
