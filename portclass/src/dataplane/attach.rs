//! Attaching the program, natively where the driver can.

use std::fmt;

use aya::programs::{Xdp, XdpMode};

use super::{AttachError, Interface};

/// Which way to attach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Native where the driver can, generic otherwise.
    #[default]
    Auto,
    /// In the driver, before the kernel makes a socket buffer of the frame.
    Native,
    /// In the kernel's network stack, whatever the driver.
    Generic,
}

/// The way in which the program is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObtainedMode {
    /// In the driver.
    Native,
    /// In the kernel's network stack.
    Generic,
}

impl ObtainedMode {
    /// The name that reports use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Generic => "generic",
        }
    }
}

impl fmt::Display for ObtainedMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What attaching came to.
#[derive(Debug)]
pub struct Attachment {
    /// The mode that was obtained.
    pub mode: ObtainedMode,
    /// What was in the way of native mode, where that was tried first.
    pub fallback: Option<AttachError>,
}

/// Attaches `program`, which keeps the link.
pub(super) fn attach(
    program: &mut Xdp,
    interface: &Interface,
    mode: Mode,
    frags: bool,
) -> Result<Attachment, AttachError> {
    let mut attach = |obtained: ObtainedMode| {
        let xdp_mode = match obtained {
            ObtainedMode::Native => XdpMode::Driver,
            ObtainedMode::Generic => XdpMode::Skb,
        };
        program
            .attach_to_if_index(interface.index, xdp_mode)
            .map_err(|error| AttachError::new(interface, obtained.name(), frags, &error))
            .map(|_link| obtained)
    };
    let (mode, fallback) = match mode {
        Mode::Native => (attach(ObtainedMode::Native)?, None),
        Mode::Generic => (attach(ObtainedMode::Generic)?, None),
        Mode::Auto => match attach(ObtainedMode::Native) {
            Ok(mode) => (mode, None),
            // Generic mode would meet the same obstacle.
            Err(
                error @ (AttachError::Occupied { .. }
                | AttachError::Privilege { .. }
                | AttachError::Gone { .. }),
            ) => {
                return Err(error);
            }
            Err(error) => (attach(ObtainedMode::Generic)?, Some(error)),
        },
    };
    Ok(Attachment { mode, fallback })
}
