//! How many packets a second a veth's receiving end takes, with nothing attached to it, an empty program, and ours.
//!
//! The frames come from `BPF_PROG_TEST_RUN` with live frames: the fastest sender that needs no hardware. They are for
//! another host's Ethernet address, so that the stack drops them right behind the hook, and what is attached weighs as
//! much as it can.

mod line;
mod subject;

use std::fmt;

use anyhow::Result;
use serde::Serialize;
use testbed::{
    frame::{ether_type, ethernet, padded},
    ip::{Hosts, ipv4, protocol},
    netns::Netns,
    segment,
    veth::Veth,
};

use crate::{measure::Plan, statistics::Quartiles};
use line::{Line, Run};
use subject::{Subjects, VARIANTS, Variant};

/// Frames that are sent at once, as many as a driver's poll takes.
const BATCH: u32 = 64;
/// The port of the frames.
const PORT: u16 = 443;

/// What was measured.
#[derive(Debug, Serialize)]
pub struct Live {
    /// Bytes of each frame, without FCS.
    pub frame_bytes: usize,
    /// Frames that were sent at once.
    pub batch: u32,
    /// Frames of each round and variant.
    pub frames: u32,
    /// Rounds; in each one all variants take turns.
    pub rounds: usize,
    /// By where sender and receiver ran.
    pub placements: Vec<Placement>,
    /// Why there is no measurement on two cores, where there is none.
    pub not_on_two_cores: Option<String>,
}

/// The measurements of one arrangement of sender and receiver.
#[derive(Debug, Serialize)]
pub struct Placement {
    /// Cores that sender and receiver share out among them: 1 or 2.
    pub cores: u32,
    /// By variant.
    pub rows: Vec<Row>,
}

/// The measurements of one variant.
#[derive(Debug, Serialize)]
pub struct Row {
    /// What is attached to the receiving end.
    pub variant: &'static str,
    /// Millions of packets received a second.
    pub mpps: Quartiles,
    /// Packets lost, of a hundred sent, over all rounds.
    pub loss_percent: f64,
    /// Nanoseconds for each packet received: of both sides on one core, of the slower one on two.
    pub nanoseconds: Quartiles,
    /// Nanoseconds more than with nothing attached in the same round.
    pub over_nothing: Option<Quartiles>,
    /// Nanoseconds more than with an empty program in the same mode and round.
    pub over_empty: Option<Quartiles>,
}

/// Measures, in as many rounds of as many frames as planned.
///
/// # Errors
///
/// The process is not root, `ip` or `ethtool` is missing, the kernel has no live frames (before Linux 5.18), or our
/// counters say something else than the driver.
pub fn measure(plan: Plan) -> Result<Live> {
    let (client, server) = (Netns::new()?, Netns::new()?);
    // Programs are attached to interfaces of the namespace that the thread is in.
    server.enter(|| {
        let veth = Veth::new((&client, "benchtx0"), (&server, "benchrx0"))?;
        measure_over(&veth, plan)
    })
}

fn measure_over(veth: &Veth<'_>, plan: Plan) -> Result<Live> {
    let (rounds, frames) = (plan.rounds as usize, plan.runs);
    let frame = frame();
    let mut subjects = Subjects::new(&veth.server)?;
    let mut line = Line::new(veth, &frame, BATCH)?;
    let mut placements = vec![placement(1, &line, &mut subjects, rounds, frames)?];
    let mut not_on_two_cores = None;
    match line.spread() {
        Ok(()) => placements.push(placement(2, &line, &mut subjects, rounds, frames)?),
        Err(error) => not_on_two_cores = Some(format!("{error:#}")),
    }
    Ok(Live {
        frame_bytes: frame.len(),
        batch: BATCH,
        frames,
        rounds,
        placements,
        not_on_two_cores,
    })
}

/// The shortest frame of TCP over IPv4, for somebody else.
fn frame() -> Vec<u8> {
    const SOMEBODY_ELSE: [u8; 6] = [0x02, 0, 0, 0, 0, 9];
    let segment = segment::tcp(&Hosts::V4, 40_000, PORT, &[]);
    let mut frame = padded(ethernet(ether_type::IPV4, &ipv4(protocol::TCP, &segment)));
    frame[..SOMEBODY_ELSE.len()].copy_from_slice(&SOMEBODY_ELSE);
    frame
}

fn placement(
    cores: u32,
    line: &Line<'_>,
    subjects: &mut Subjects<'_>,
    rounds: usize,
    frames: u32,
) -> Result<Placement> {
    let mut runs: Vec<(Variant, Vec<Run>)> = VARIANTS.map(|it| (it, Vec::new())).into();
    // The first round finds cold caches and pages that are not there yet.
    for round in 0..=rounds {
        let count = runs.len();
        for turn in 0..count {
            let (variant, runs) = &mut runs[(turn + round) % count];
            let run = subjects.run(*variant, line, frames)?;
            if round > 0 {
                runs.push(run);
            }
        }
    }
    let rows = runs.iter().map(|(variant, own)| {
        let over = |baseline: Variant| {
            let (_, base) = runs.iter().find(|(it, _)| *it == baseline)?;
            let pairs = own.iter().zip(base);
            Some(Quartiles::of(
                pairs.map(|(own, base)| own.nanoseconds() - base.nanoseconds()),
            ))
        };
        let sent: u64 = own.iter().map(|run| run.sent).sum();
        let received: u64 = own.iter().map(|run| run.received).sum();
        Row {
            variant: variant.name(),
            mpps: Quartiles::of(own.iter().map(|run| 1_000.0 / run.nanoseconds())),
            loss_percent: 100.0 * sent.saturating_sub(received) as f64 / sent as f64,
            nanoseconds: Quartiles::of(own.iter().map(Run::nanoseconds)),
            over_nothing: (*variant != Variant::Nothing)
                .then(|| over(Variant::Nothing))
                .flatten(),
            over_empty: variant.empty().and_then(over),
        }
    });
    Ok(Placement {
        cores,
        rows: rows.collect(),
    })
}

impl fmt::Display for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            frame_bytes,
            batch,
            frames,
            rounds,
            ..
        } = self;
        writeln!(
            f,
            "Throughput over veth: live frames of {frame_bytes} bytes, TCP over IPv4 to port {PORT}, {batch} at a time;"
        )?;
        writeln!(
            f,
            "{rounds} rounds of {frames} frames each; median (quartiles); packets as the driver counts them, whole ns."
        )?;
        for placement in &self.placements {
            let heading = match placement.cores {
                1 => "one core sends and receives by turns",
                _ => "one core sends, another one receives",
            };
            writeln!(f)?;
            writeln!(
                f,
                "{heading:<36} {:>16} {:>6} {:>11} {:>13} {:>12}",
                "Mpps", "loss %", "ns/packet", "+ns, nothing", "+ns, empty"
            )?;
            for row in &placement.rows {
                let over = |over: Option<Quartiles>| match over {
                    Some(over) => format!("{:+.0}", over.median),
                    None => String::new(),
                };
                let spread = |over: Option<Quartiles>| match over {
                    Some(over) => format!("±{:.0}", (over.upper - over.lower) / 2.0),
                    None => String::new(),
                };
                writeln!(
                    f,
                    "{:<36} {:>16.2} {:>6.1} {:>11.0} {:>7} {:>5} {:>6} {:>5}",
                    row.variant,
                    row.mpps,
                    row.loss_percent,
                    row.nanoseconds.median,
                    over(row.over_nothing),
                    spread(row.over_nothing),
                    over(row.over_empty),
                    spread(row.over_empty),
                )?;
            }
        }
        if let Some(why) = &self.not_on_two_cores {
            writeln!(f, "\nNot measured with a core for each side: {why}")?;
        }
        Ok(())
    }
}
