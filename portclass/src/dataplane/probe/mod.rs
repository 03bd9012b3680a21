//! Facts about the host and its interfaces, as plain data: `portclass doctor` judges them.

mod ethtool;
mod generic;
mod interface;
mod system;
mod trial;

pub use ethtool::Channels;
pub use interface::{InterfaceFacts, Peer, xdp};
pub use system::{Capabilities, HostFacts, Loaded, ProcessFacts};
pub use trial::Tried;
