//! The parser against the fixture table, against random bytes, and against an independent parser.

mod fixtures;
mod generated;
mod quick;
mod random;
mod sources;
mod tags;
mod truncation;
mod witness;

use portclass_common::packet::{Linear, Parsed, Start, Tunnel, parse};

/// Not looking into tunnels, and looking into them.
const MODES: [bool; 2] = [false, true];

fn parsed(frame: &[u8], start: Start, decapsulate: bool) -> Parsed {
    parse(Linear::new(frame), start, decapsulate)
}

/// The tunnels that were found, the outermost one first.
fn found(parsed: &Parsed) -> Vec<Tunnel> {
    parsed.tunnels.iter().collect()
}
