//! Attaching the program, natively where the driver can.

use std::fmt;

use aya::programs::XdpMode;

use super::AttachError;

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

impl From<ObtainedMode> for XdpMode {
    fn from(mode: ObtainedMode) -> Self {
        match mode {
            ObtainedMode::Native => Self::Driver,
            ObtainedMode::Generic => Self::Skb,
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
    /// Whether the program takes frames in several buffers.
    pub takes_frags: bool,
}

/// Attaches in the mode that is asked for and can be had. `attach` attaches in one, and says whether its program takes
/// frames in several buffers.
pub(super) fn attach(
    mode: Mode,
    mut attach: impl FnMut(ObtainedMode) -> Result<bool, AttachError>,
) -> Result<Attachment, AttachError> {
    let (mode, fallback) = match mode {
        Mode::Native => (ObtainedMode::Native, None),
        Mode::Generic => (ObtainedMode::Generic, None),
        Mode::Auto => match attach(ObtainedMode::Native) {
            Ok(takes_frags) => {
                return Ok(Attachment {
                    mode: ObtainedMode::Native,
                    fallback: None,
                    takes_frags,
                });
            }
            // Generic mode would meet the same obstacle.
            Err(error) if error.obstacle.is_in_every_mode() => return Err(error),
            Err(error) => (ObtainedMode::Generic, Some(error)),
        },
    };
    Ok(Attachment {
        mode,
        fallback,
        takes_frags: attach(mode)?,
    })
}
