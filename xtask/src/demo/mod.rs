//! `cargo xtask demo`: real traffic between two network namespaces, shown labelled, every count checked.

mod plan;
mod report;
mod senders;
mod subject;
mod verdict;

use std::{
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use testbed::{netns::Netns, tap::Tap, veth::Veth, witness::Witness};

use crate::{interrupt::Interrupt, program};

use senders::Senders;
use subject::Subject;

/// The server's interface, which portclass observes.
const SERVER_INTERFACE: &str = "server0";
const CLIENT_INTERFACE: &str = "client0";
const TO_ARRIVE: Duration = Duration::from_secs(5);

/// Shows `portclass run ARGUMENTS`, or builds portclass and shows that, and compares its report with what was sent.
///
/// Everything happens in namespaces without a name, which end with this process and the one it shows.
///
/// # Errors
///
/// Something cannot be set up, or a count differs from what was sent.
pub fn demo(program: Option<PathBuf>, arguments: &[String]) -> Result<()> {
    let program = match program {
        Some(program) => program,
        None => program::build()?,
    };
    if !program::is_root() {
        let itself = std::env::current_exe()?;
        let options = [
            "demo".as_ref(),
            "--program".as_ref(),
            program.as_os_str(),
            "--".as_ref(),
        ];
        let arguments = arguments.iter().map(AsRef::as_ref);
        return program::become_root_and(itself.as_os_str(), options.into_iter().chain(arguments));
    }
    let interrupt = Interrupt::catch()?;
    let (client, server) = (Netns::new()?, Netns::new()?);
    let veth = Veth::new((&client, CLIENT_INTERFACE), (&server, SERVER_INTERFACE))?;
    veth.server.up()?;
    let mut subject = Subject::start(&server, &program, SERVER_INTERFACE, arguments)?;
    subject.wait_until_attached(&interrupt)?;

    let tap = Tap::open(&veth.client)?;
    veth.client.up()?;
    let plan = plan::plan();
    let senders = Senders::new(&veth)?;
    for sending in &plan {
        interrupt.check()?;
        senders.send(&sending.how)?;
    }
    veth.client.down()?;
    let witness: Witness = tap.frames()?.iter().collect();
    wait_until_arrived(&veth, witness.total.packets, &interrupt)?;

    let report = report::parse(&subject.finish()?)?;
    eprintln!("demo: {}", verdict::verdict(&plan, &witness, &report)?);
    Ok(())
}

fn wait_until_arrived(veth: &Veth<'_>, sent: u64, interrupt: &Interrupt) -> Result<()> {
    let deadline = Instant::now() + TO_ARRIVE;
    loop {
        let arrived = veth.server.received()?;
        if arrived == sent {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "{arrived} frames of {sent} sent have arrived"
        );
        interrupt.check()?;
        thread::sleep(Duration::from_millis(1));
    }
}
