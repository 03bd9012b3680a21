//! The kernel's side of the house: the only room that speaks to the kernel. It knows neither formats nor clap.
//!
//! [`Dataplane::open`] creates or finds the maps, [`Dataplane::fill`] puts a registry into them, [`Image::load`] loads a
//! program, [`Dataplane::attach`] and [`Dataplane::attach_tc`] attach it, and [`Dataplane::counters`] reads what was
//! counted. Whatever was attached goes when the [`Dataplane`] goes; when the process is killed, only filters under clsact
//! stay, which [`our_filters`] finds.

mod attach;
mod counters;
mod error;
mod fill;
mod holder;
mod image;
mod interface;
mod links;
mod log;
mod mapped;
mod netlink;
mod object;
mod obstacle;
mod pins;
pub mod probe;
mod tc;
mod test_run;
mod timing;

pub use attach::{Attachment, Mode, ObtainedMode};
pub use error::{DataplaneError, PinError};
pub use fill::{Changes, FillError};
pub use holder::Held;
pub use image::{Access, Image, Role};
pub use interface::{AttachedProgram, Holder, Interface, default_route, interfaces, program_on};
pub use log::KernelLog;
pub use object::{Dataplane, Maps, OBJECT, Settings};
pub use obstacle::{AttachError, Obstacle, OtherEnd};
pub use pins::{DEFAULT_PIN_DIR, Lock, Pins, check_bpffs, remove};
pub use tc::{
    ObtainedHook, OurFilter, TcAttachment, TcHook, TcxProgram, our_filters, our_tcx_programs,
};
pub use test_run::{LONGEST_RUN, SHORTEST_RUN, TestRuns};
pub use timing::{TimedProgram, Timing};
