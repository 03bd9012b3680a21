//! What the time until a run has attached is made of.

use std::time::Instant;

use anyhow::{Context as _, Result};
use portclass::{
    dataplane::{Dataplane, Maps, Mode, Role, Settings, interfaces},
    registry::{Registry, Sources},
};
use portclass_common::packet::Link;
use serde::Serialize;
use testbed::netns::Netns;

use crate::statistics::Quartiles;

/// One stage of a start.
#[derive(Debug, Serialize)]
pub struct Stage {
    /// What happens in it.
    pub name: &'static str,
    /// Milliseconds.
    pub milliseconds: Quartiles,
}

const STAGES: [&str; 6] = [
    "read the registry",
    "make the maps",
    "fill them",
    "load the XDP program",
    "attach it",
    "all of these",
];

/// Goes through them `times` times, with the XDP program of `interface` alone.
pub fn measure(netns: &Netns, interface: &str, times: usize) -> Result<Vec<Stage>> {
    let rounds = netns.enter(|| {
        let rounds = (0..times).map(|_| round(interface));
        rounds.collect::<Result<Vec<_>>>()
    })?;
    let stages = STAGES.iter().enumerate().map(|(column, &name)| Stage {
        name,
        milliseconds: Quartiles::of(rounds.iter().map(|round| round[column])),
    });
    Ok(stages.collect())
}

/// Milliseconds of each stage.
fn round(interface: &str) -> Result<[f64; STAGES.len()]> {
    let interfaces = interfaces()?;
    let interface = interfaces
        .iter()
        .find(|it| it.name == interface)
        .context("no such interface")?;
    let start = Instant::now();
    let now = || start.elapsed().as_secs_f64() * 1e3;
    let (registry, _) = Registry::load(&Sources::plain(None))?;
    let read = now();
    let entries = registry.entries().count();
    let mut dataplane = Dataplane::open(Maps::Private { entries }, Settings::default())?;
    let made = now();
    dataplane.fill(&registry)?;
    let filled = now();
    dataplane.image(0).load(Role::Ingress, Link::Ethernet)?;
    let loaded = now();
    dataplane.attach(0, interface, Mode::Auto)?;
    let attached = now();
    Ok([
        read,
        made - read,
        filled - made,
        loaded - filled,
        attached - loaded,
        attached,
    ])
}
