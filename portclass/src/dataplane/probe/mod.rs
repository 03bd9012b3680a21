//! Facts about the host and its interfaces, as plain data: `portclass doctor` judges them.

mod ethtool;
mod generic;
mod host;
mod interface;

pub use ethtool::Channels;
pub use host::{Capabilities, HostFacts, Loaded};
pub use interface::{InterfaceFacts, Tried, xdp};
