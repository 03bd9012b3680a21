//! The command line of `portclass nft`.

use clap::Args;
use portclass::{
    registry::NamePattern,
    report::{NftForm, NftTable},
};
use portclass_common::tag::MarkMask;

use super::{RegistryArgs, mark_mask};

#[derive(Debug, Args)]
pub struct NftArgs {
    /// A service name or a pattern for names, such as https or 'vxlan*' [default: all services]
    #[arg(value_name = "SERVICE")]
    pub services: Vec<NamePattern>,
    /// The bits of the mark that hold the label: at least 19, one beside the other
    #[arg(long, value_name = "MASK", default_value = "0x0007ffff", env = "PORTCLASS_MARK_MASK",
          value_parser = mark_mask)]
    pub mark_mask: MarkMask,
    /// Print commands that put a named set a service into a table, instead of define lines
    #[arg(long, value_name = "[FAMILY ]TABLE", num_args = 0..=1, require_equals = true,
          default_missing_value = "inet portclass", conflicts_with = "map")]
    pub set: Option<NftTable>,
    /// Print commands that put a map from marks to a chain a service into a table, for vmap
    #[arg(long, value_name = "[FAMILY ]TABLE", num_args = 0..=1, require_equals = true,
          default_missing_value = "inet portclass")]
    pub map: Option<NftTable>,
    #[command(flatten)]
    pub registry: RegistryArgs,
}

impl NftArgs {
    pub fn form(&self) -> NftForm {
        match (&self.set, &self.map) {
            (Some(table), _) => NftForm::Set(table.clone()),
            (None, Some(table)) => NftForm::Map(table.clone()),
            (None, None) => NftForm::Define,
        }
    }
}
