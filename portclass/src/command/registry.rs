//! `portclass registry`: validate, list, compare, convert; fetching has a file of its own.

use std::io::{self, BufWriter, Write};

use portclass::{
    registry::{Diff, Registry, RegistryError, Severity, Sources, check},
    report::{
        Checked, Compared, check_json, check_table, diff_json, diff_table, records_csv,
        records_json, records_table, registry_csv, registry_json, services,
    },
};

use super::{Failure, load_registry, replace::replace, stderr::say, unless_closed, update};
use crate::cli::{
    CheckArgs, ConvertArgs, ConvertFormat, DiffArgs, LookupFormat, RegistryCommand, ShowArgs,
    ShowFormat,
};

pub fn run(command: RegistryCommand) -> Result<(), Failure> {
    match command {
        RegistryCommand::Check(args) => check_files(args),
        RegistryCommand::Show(args) => show(args),
        RegistryCommand::Diff(args) => diff(args),
        RegistryCommand::Convert(args) => convert(args),
        RegistryCommand::Update(args) => update::run(args),
    }
}

fn check_files(args: CheckArgs) -> Result<(), Failure> {
    let sources = Sources {
        // All errors are listed here.
        strict: false,
        ..args.registry.sources_with(args.file)
    };
    let (registry, mut findings) = match Registry::load(&sources) {
        Err(RegistryError::NoRecords { findings, .. }) if findings.count(Severity::Error) > 0 => {
            (Registry::empty(), *findings)
        }
        loaded => loaded?,
    };
    check(&registry, &mut findings);
    let checked = Checked {
        registry: &registry,
        findings: &findings,
    };
    let mut out = BufWriter::new(io::stdout().lock());
    let written = match args.format {
        LookupFormat::Table => check_table(&mut out, &checked),
        LookupFormat::Json => check_json(&mut out, &checked),
    };
    unless_closed(written.and_then(|()| out.flush()))?;
    match findings.count(Severity::Error) {
        0 => Ok(()),
        1 => Err(Failure::new(
            "one error; until it is mended, what it is about is left out",
        )),
        errors => Err(Failure::new(format!(
            "{errors} errors; until they are mended, what they are about is left out"
        ))),
    }
}

fn show(args: ShowArgs) -> Result<(), Failure> {
    let registry = load_registry(&args.registry.sources_with(args.file))?;
    let records = registry.records_of_files().filter(|(_, _, record)| {
        let transport = args.transport.map(Option::from);
        let status = args.status.map(Into::into);
        transport.is_none_or(|transport| record.transport() == transport)
            && status.is_none_or(|status| record.status() == status)
            && args
                .ports
                .is_none_or(|ports| record.ports().is_some_and(|own| own.overlap(ports)))
            && args
                .name
                .as_ref()
                .is_none_or(|name| record.is_named() && name.matches(record.name()))
    });
    let mut out = BufWriter::new(io::stdout().lock());
    let written = match args.format {
        ShowFormat::Table => records_table(&mut out, records),
        ShowFormat::Json => records_json(&mut out, records),
        ShowFormat::Csv => records_csv(&mut out, records.map(|(_, _, record)| record)),
    };
    unless_closed(written.and_then(|()| out.flush()))
}

fn diff(args: DiffArgs) -> Result<(), Failure> {
    let (old_name, new_name) = (
        args.old.display().to_string(),
        args.new.display().to_string(),
    );
    let load = |path| {
        load_registry(&Sources {
            format: args.registry_format.map(Into::into),
            ..args.layers.clone().sources(Some(path))
        })
    };
    let (old, new) = (load(args.old)?, load(args.new)?);
    let compared = Compared {
        old: (&old_name, &old),
        new: (&new_name, &new),
        diffs: &Diff::between(&old, &new),
    };
    let mut out = BufWriter::new(io::stdout().lock());
    let written = match args.format {
        LookupFormat::Table => diff_table(&mut out, &compared),
        LookupFormat::Json => diff_json(&mut out, &compared),
    };
    unless_closed(written.and_then(|()| out.flush()))
}

fn convert(args: ConvertArgs) -> Result<(), Failure> {
    let registry = load_registry(&args.registry.sources_with(args.file))?;
    let left_out = match &args.output {
        None => {
            let mut out = BufWriter::new(io::stdout().lock());
            let written = write_as(args.to, &mut out, &registry);
            let left_out = written.and_then(|left_out| out.flush().map(|()| left_out));
            match left_out {
                Ok(left_out) => left_out,
                Err(error) => return unless_closed(Err(error)),
            }
        }
        Some(path) => {
            let mut bytes = Vec::new();
            let left_out = write_as(args.to, &mut bytes, &registry)?;
            replace(path, &bytes)?;
            left_out
        }
    };
    for name in left_out {
        say(format_args!(
            "warning: {name:?} cannot stand in such a file; it was left out"
        ));
    }
    Ok(())
}

/// Writes the registry, and gives back the names that had to be left out.
fn write_as(
    format: ConvertFormat,
    mut out: &mut dyn Write,
    registry: &Registry,
) -> io::Result<Vec<String>> {
    match format {
        ConvertFormat::Csv => registry_csv(&mut out, registry).map(|()| Vec::new()),
        ConvertFormat::Json => registry_json(&mut out, registry).map(|()| Vec::new()),
        ConvertFormat::Services => services(&mut out, registry),
    }
}
