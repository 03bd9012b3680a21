//! `portclass nft`: names for marks, as nftables reads them.

use std::io::{self, BufWriter, Write as _};

use portclass::{registry::Index, report::NftServices};

use super::{Failure, load_registry, or_similar, unless_closed};
use crate::cli::NftArgs;

pub fn run(args: NftArgs) -> Result<(), Failure> {
    let form = args.form();
    let registry = load_registry(&args.registry.sources())?;
    let mut services = NftServices::new(&registry);
    if !args.services.is_empty() {
        let unknown = services.select(&args.services);
        if !unknown.is_empty() {
            // Nothing is written: rules that use what is missing would not load.
            let index = Index::new(&registry);
            let unknown: Vec<_> = unknown
                .into_iter()
                .map(|name| or_similar(&index, name.as_str(), name.as_str()))
                .collect();
            return Err(Failure::new(format!(
                "{}: no port of the registry has that name",
                unknown.join(", ")
            )));
        }
    }
    let mut out = BufWriter::new(io::stdout().lock());
    let written = services.write(&mut out, &form, args.mark_mask);
    unless_closed(written.and_then(|()| out.flush()))
}
