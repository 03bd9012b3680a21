//! `portclass doctor`: whether a run would work, and what is in the way.

use std::{
    io::{self, BufWriter, Write as _},
    process::ExitCode,
};

use portclass::{
    dataplane::probe::{HostFacts, InterfaceFacts, Tried},
    doctor::{Diagnosis, why_not_loaded},
    report::{diagnosis_json, diagnosis_table},
};

use portclass_common::packet::Link;

use super::{Failure, interfaces::choose, unless_closed};
use crate::cli::{DoctorArgs, DoctorFormat};

/// The exit status says whether a run would work.
pub fn run(args: &DoctorArgs) -> Result<ExitCode, Failure> {
    let choice = choose(&args.interfaces);
    let chosen = choice.as_ref().map_or(&[][..], |choice| &choice.interfaces);
    let mut links: Vec<_> = chosen
        .iter()
        .filter_map(|interface| interface.link)
        .collect();
    links.dedup();
    if links.is_empty() {
        // Whoever names another one finds what the kernel says of most.
        links.push(Link::Ethernet);
    }
    let host = HostFacts::find(&links, &args.pins.pin_dir);
    let mut diagnosis = Diagnosis::of(&host);
    match &choice {
        Ok(choice) => {
            let mut refused = Vec::new();
            let facts = choice.interfaces.iter().map(|interface| {
                let mut facts = InterfaceFacts::read(interface);
                if args.probe && host.loaded.is_ok() {
                    match Tried::on(interface) {
                        Ok(tried) => facts.tried = Some(tried),
                        Err(error) => refused.push(why_not_loaded(&error, &host.process)),
                    }
                }
                facts
            });
            let facts: Vec<_> = facts.collect();
            diagnosis.findings.extend(refused);
            diagnosis.judge_interfaces(&facts, &host, |facts| {
                choice.matched.contains(&facts.interface.index)
            });
        }
        Err(why) => diagnosis.add_no_interface(&why.summary, &why.remedy),
    }
    let mut out = BufWriter::new(io::stdout().lock());
    let written = match args.format {
        DoctorFormat::Table => diagnosis_table(&mut out, &diagnosis),
        DoctorFormat::Json => diagnosis_json(&mut out, &diagnosis),
    };
    unless_closed(written.and_then(|()| out.flush()))?;
    Ok(if diagnosis.can_run() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
