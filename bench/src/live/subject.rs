//! What is attached to the receiving end.

use anyhow::{Context as _, Result, ensure};
use portclass::{
    dataplane::{Dataplane, Interface, Maps, Mode, Role, Settings, interfaces},
    registry::{Registry, Sources},
};
use portclass_common::{counter::is_of_totals, packet::Link};
use testbed::{
    veth::End,
    xdp::{self, Verdict, XdpProgram},
};

use super::line::{Line, Run};

/// What is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// Nothing.
    Nothing,
    /// A program that passes every frame.
    Empty(xdp::Mode),
    /// One that reads the destination port and passes every frame: what it takes to have the frame in the cache, which
    /// whoever comes next finds there.
    Reader(xdp::Mode),
    /// Portclass.
    Ours(xdp::Mode),
}

/// All of them.
pub const VARIANTS: [Variant; 7] = [
    Variant::Nothing,
    Variant::Empty(xdp::Mode::Native),
    Variant::Reader(xdp::Mode::Native),
    Variant::Ours(xdp::Mode::Native),
    Variant::Empty(xdp::Mode::Generic),
    Variant::Reader(xdp::Mode::Generic),
    Variant::Ours(xdp::Mode::Generic),
];

impl Variant {
    /// What a table calls it.
    pub const fn name(self) -> &'static str {
        use xdp::Mode::{Generic, Native};
        match self {
            Self::Nothing => "nothing attached",
            Self::Empty(Native) => "empty program, native",
            Self::Reader(Native) => "one that reads the port, native",
            Self::Ours(Native) => "portclass, native",
            Self::Empty(Generic) => "empty program, generic",
            Self::Reader(Generic) => "one that reads the port, generic",
            Self::Ours(Generic) => "portclass, generic",
        }
    }

    /// The empty program in the same mode.
    pub const fn empty(self) -> Option<Self> {
        match self {
            Self::Reader(mode) | Self::Ours(mode) => Some(Self::Empty(mode)),
            Self::Nothing | Self::Empty(_) => None,
        }
    }
}

/// The programs, loaded once, and attached for one run at a time.
pub struct Subjects<'end> {
    end: &'end End<'end>,
    interface: Interface,
    dataplane: Dataplane,
    empty: XdpProgram,
    reader: XdpProgram,
}

impl<'end> Subjects<'end> {
    /// Loads them, from a thread in the namespace of `end`.
    pub fn new(end: &'end End<'end>) -> Result<Self> {
        let (registry, _) = Registry::load(&Sources::plain(None))?;
        let entries = registry.entries().count();
        let mut dataplane = Dataplane::open(Maps::Private { entries }, Settings::default())?;
        dataplane.fill(&registry)?;
        dataplane.image(0).load(Role::Ingress, Link::Ethernet)?;
        let interface = interfaces()?
            .into_iter()
            .find(|interface| interface.name == end.name)
            .context("the receiving end is not in this namespace")?;
        Ok(Self {
            end,
            interface,
            dataplane,
            empty: XdpProgram::load("empty", Verdict::Pass, true)?,
            reader: XdpProgram::load_reader("reader", Verdict::Pass, true)?,
        })
    }

    /// Sends `count` frames to this variant.
    pub fn run(&mut self, variant: Variant, line: &Line<'_>, count: u32) -> Result<Run> {
        match variant {
            Variant::Nothing => line.send(count),
            Variant::Empty(mode) => {
                let _link = self.empty.link(self.end, mode)?;
                line.send(count)
            }
            Variant::Reader(mode) => {
                let _link = self.reader.link(self.end, mode)?;
                line.send(count)
            }
            Variant::Ours(mode) => {
                let mode = match mode {
                    xdp::Mode::Native => Mode::Native,
                    xdp::Mode::Generic => Mode::Generic,
                };
                self.dataplane.attach(0, &self.interface, mode)?;
                let before = self.counted();
                let run = line.send(count);
                self.dataplane.detach_from(&self.interface);
                let run = run?;
                let counted = self.counted() - before;
                ensure!(
                    counted == run.received,
                    "the driver has received {} frames, and {counted} were counted",
                    run.received
                );
                Ok(run)
            }
        }
    }

    /// Frames that were counted.
    fn counted(&self) -> u64 {
        let counters = self.dataplane.counters().into_iter().flatten();
        (0..)
            .zip(counters)
            .filter(|&(index, _)| is_of_totals(index))
            .map(|(_, counter)| counter.packets())
            .sum()
    }
}
