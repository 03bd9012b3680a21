//! `portclass registry update`: fetches IANA's current registry, shows what changed, and puts it in a file's place.

use std::{
    fs,
    io::{self, BufWriter, Write as _},
    path::{Path, PathBuf},
};

use portclass::{
    registry::{
        Diff, Format, MAX_FILE_BYTES, Registry, RegistryError, SHIPPED_NAME, Severity, Sources,
    },
    report::{Compared, diff_table, grouped},
};

use super::{
    Failure,
    fetch::{Fetched, fetch},
    replace::replace,
    stderr::say,
    unless_closed,
};
use crate::cli::UpdateArgs;

/// As IANA calls it.
const FILE_NAME: &str = "service-names-port-numbers.csv";

pub fn run(args: UpdateArgs) -> Result<(), Failure> {
    let path = args.file.path.or(args.registry);
    let path = path.unwrap_or_else(|| PathBuf::from(FILE_NAME));
    let before = Before::read(&path)?;
    let Fetched { bytes, modified } = fetch(&args.from, args.timeout)?;
    let url = args.from.to_string();
    let registry = checked(&url, &bytes)?;
    if before.bytes.as_ref() == Some(&bytes) {
        say(format_args!(
            "{}: is the same as {url}; nothing was changed",
            path.display()
        ));
        return Ok(());
    }
    if !args.force {
        before.refuse_shrunk(&url, &registry)?;
    }
    let source = match modified {
        Some(date) if registry.updated().is_none() => format!("{url} ({date})"),
        _ => url,
    };
    let compared = Compared {
        old: (&before.name, &before.registry),
        new: (&source, &registry),
        diffs: &Diff::between(&before.registry, &registry),
    };
    let mut out = BufWriter::new(io::stdout().lock());
    unless_closed(diff_table(&mut out, &compared).and_then(|()| out.flush()))?;
    let name = path.display();
    if args.dry_run {
        say(format_args!("{name}: not written, as --dry-run asks"));
        return Ok(());
    }
    replace(&path, &bytes)?;
    let date = modified.map_or_else(String::new, |date| format!(" --registry-date {date}"));
    say(format_args!(
        "{name}: {} records written; use them with --registry {name}{date}",
        grouped(registry.records().len().into())
    ));
    Ok(())
}

/// What is to be replaced.
struct Before {
    name: String,
    /// `None` where there is no such file yet, and the shipped registry is what a reader knows.
    bytes: Option<Vec<u8>>,
    registry: Registry,
}

impl Before {
    /// Reads the file at `path`, and refuses one that nobody would want to have overwritten.
    fn read(path: &Path) -> Result<Self, Failure> {
        let unreadable = |why| RegistryError::Unreadable {
            path: path.to_owned(),
            why,
        };
        let file = path.display().to_string();
        let metadata = match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let (registry, _) = Registry::load(&Sources::plain(None))?;
                return Ok(Self {
                    name: SHIPPED_NAME.to_owned(),
                    bytes: None,
                    registry,
                });
            }
            metadata => metadata.map_err(unreadable)?,
        };
        if !metadata.is_file() {
            return Err(Failure::new(format!(
                "{file}: not a file, so a registry cannot replace it; name a file"
            )));
        }
        if metadata.len() > MAX_FILE_BYTES {
            return Err(RegistryError::TooLarge { file }.into());
        }
        let bytes = fs::read(path).map_err(unreadable)?;
        match Registry::of_bytes(&file, &bytes, Some(Format::Csv)) {
            Ok((registry, _)) => Ok(Self {
                name: file,
                bytes: Some(bytes),
                registry,
            }),
            Err(_) => Err(Failure::new(
                match Registry::of_bytes(&file, &bytes, None) {
                    Ok(_) => format!(
                        "{file}: not in the format that is fetched, IANA's CSV, so it was not replaced; name another file"
                    ),
                    Err(error) => format!("{error}; it was not replaced; name another file"),
                },
            )),
        }
    }

    /// A registry grows; one that has lost half of its records was cut or made up on the way.
    fn refuse_shrunk(&self, url: &str, registry: &Registry) -> Result<(), Failure> {
        let (old, new) = (self.registry.records().len(), registry.records().len());
        if new >= old.div_ceil(2) {
            return Ok(());
        }
        let (old, new) = (grouped(old.into()), grouped(new.into()));
        Err(Failure::new(format!(
            "{url}: only {new} records, and {} has {old}; nothing was changed; --force takes them",
            self.name
        )))
    }
}

/// The registry that was fetched, if all of it can be used.
fn checked(url: &str, bytes: &[u8]) -> Result<Registry, Failure> {
    let refused = |why: String| Failure::new(format!("{why}; nothing was changed"));
    let (registry, findings) = Registry::of_bytes(url, bytes, Some(Format::Csv))
        .map_err(|error| refused(error.to_string()))?;
    match (findings.first_error(), findings.count(Severity::Error)) {
        (None, _) => Ok(registry),
        (Some(finding), 1) => Err(refused(finding.to_string())),
        (Some(finding), errors) => Err(refused(format!(
            "{finding}, the first of {} errors",
            grouped(errors)
        ))),
    }
}
