//! Facts about the host and its interfaces, as plain data: `portclass doctor` judges them.

mod ethtool;
mod generic;
mod host;
mod interface;
mod trial;

pub use ethtool::Channels;
pub use host::{Capabilities, HostFacts, Loaded, ProcessFacts};
pub use interface::{InterfaceFacts, Peer, xdp};
pub use trial::Tried;
