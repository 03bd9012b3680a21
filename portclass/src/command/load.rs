//! `portclass load`: the registry into the pinned maps.

use std::io::{self, Write as _};

use portclass::{
    dataplane::{Changes, Dataplane, Lock, Maps, Pins, Settings, check_bpffs},
    report::grouped,
};

use super::{Failure, load_registry, unless_closed};
use crate::cli::LoadArgs;

pub fn run(args: LoadArgs) -> Result<(), Failure> {
    let directory = &args.pins.pin_dir;
    let registry = load_registry(&args.registry.sources())?;
    check_bpffs(directory)?;
    let _lock = Lock::exclusive(directory)?;
    let changes = if let Some(pins) = Pins::find(directory)? {
        Dataplane::open(Maps::Pinned(&pins), Settings::default())?.fill(&registry)?
    } else {
        let entries = registry.entries().count();
        let mut dataplane = Dataplane::open(Maps::Private { entries }, Settings::default())?;
        let changes = dataplane.fill(&registry)?;
        Pins::create(directory, &dataplane)?;
        changes
    };
    let Changes {
        written,
        kept,
        removed,
        new_slots,
        contents,
    } = changes;
    let count = |number: u32| grouped(number.into());
    unless_closed(writeln!(
        io::stdout(),
        "{}: {} entries, {} of them named pairs: {} written, {} kept, {} removed; {} new slots",
        directory.display(),
        count(contents.entries),
        count(contents.named_pairs),
        count(written),
        count(kept),
        count(removed),
        count(new_slots),
    ))
}
