//! `portclass load`: the registry into the pinned maps.

use std::io::{self, Write as _};

use portclass::dataplane::{Dataplane, Lock, Maps, Pins, Settings, check_bpffs};

use super::{Failure, load_registry, not_loaded, summary, unless_closed};
use crate::cli::LoadArgs;

pub fn run(args: LoadArgs) -> Result<(), Failure> {
    let directory = &args.pins.pin_dir;
    let registry = load_registry(&args.registry.sources())?;
    check_bpffs(directory)?;
    let _lock = Lock::exclusive(directory)?;
    let changes = if let Some(pins) = Pins::find(directory)? {
        Dataplane::open(Maps::Pinned(&pins), Settings::default())
            .map_err(not_loaded)?
            .fill(&registry)?
    } else {
        let entries = registry.entries().count();
        let mut dataplane =
            Dataplane::open(Maps::Private { entries }, Settings::default()).map_err(not_loaded)?;
        let changes = dataplane.fill(&registry)?;
        Pins::create(directory, &dataplane)?;
        changes
    };
    unless_closed(writeln!(
        io::stdout(),
        "{}: {}",
        directory.display(),
        summary(&changes)
    ))
}
