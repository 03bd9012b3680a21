//! How long portclass takes to count, from its start on.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context as _, Result, ensure};
use testbed::{netns::Netns, veth::Veth};

/// What it says once it counts, followed by where and how.
const ATTACHED: &str = "portclass: attached to ";

/// Starts portclass on an interface, in both directions, and says how long that took.
pub fn start() -> Result<()> {
    let (client, server) = (Netns::new()?, Netns::new()?);
    let _veth = Veth::new((&client, "eth0"), (&server, "eth0"))?;
    let start = Instant::now();
    let mut child = server.spawn(
        Command::new("portclass")
            .args([
                "run",
                "--iface",
                "eth0",
                "--direction",
                "both",
                "--duration",
                "1ms",
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::piped()),
    )?;
    let said = BufReader::new(child.stderr.take().context("no standard error")?);
    let mut attached = None;
    for line in said.lines().map_while(Result::ok) {
        if let Some(how) = line.strip_prefix(ATTACHED) {
            attached = Some((start.elapsed(), how.to_owned()));
        }
    }
    let status = child.wait()?;
    ensure!(status.success(), "portclass: {status}");
    let (took, how) = attached.context("portclass has not attached")?;
    println!("guest: measured: {:.1} s to {how}", took.as_secs_f32());
    Ok(())
}
