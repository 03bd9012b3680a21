//! What is in the way of attaching, in one sentence, and how to remove it. The doctor says the same before anybody has
//! tried.

use std::{fmt, io};

use aya::programs::ProgramError;
use rustix::io::Errno;
use thiserror::Error;

use super::{
    AttachedProgram, DataplaneError, Holder, Interface,
    error::{PRIVILEGE, chain, system_error},
};
use crate::text::shell_word;

/// Why the program cannot be attached to an interface.
#[derive(Debug, Error)]
#[error("{interface}: {obstacle}")]
pub struct AttachError {
    /// The interface's name.
    pub interface: String,
    /// What is in the way.
    pub obstacle: Obstacle,
    /// Whether the program takes frames in several buffers, where one was tried.
    pub frags: bool,
}

/// The other end of a veth pair, as people speak of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherEnd {
    /// Its name, in its network namespace.
    pub name: String,
    /// Whether that is another one than this process's, where the name may be that of another interface.
    pub is_elsewhere: bool,
}

impl fmt::Display for OtherEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl OtherEnd {
    /// `command` with its name in the end's place, and where to run it.
    fn there(&self, command: impl FnOnce(&str) -> String) -> String {
        let command = command(&shell_word(&self.name));
        if self.is_elsewhere {
            format!("in its own network namespace: {command}")
        } else {
            command
        }
    }
}

/// What is in the way of attaching to an interface.
#[derive(Debug, Error)]
pub enum Obstacle {
    /// Another XDP program sits there.
    #[error("{0} is already attached")]
    Occupied(AttachedProgram),
    /// Another XDP program sits on what lies upon the interface, as a bond, a bridge or a VLAN does. Since Linux 5.15 the
    /// kernel then refuses every mode (`dev_xdp_attach`, kernel commit 879af96ffd72).
    #[error("{program} is attached to {upper}, which lies upon it")]
    UpperOccupied {
        /// The name of what lies upon it.
        upper: String,
        /// The other program.
        program: AttachedProgram,
    },
    /// Its frames begin with neither an Ethernet nor an IP header.
    #[error("its frames begin with neither an Ethernet nor an IP header")]
    UnknownLink,
    /// The driver has no native XDP.
    #[error("its driver has no native XDP")]
    NoNative,
    /// The driver has answered as those do that have no native XDP, and may have it: some refuse a large MTU so
    /// (`vmxnet3_xdp_set`).
    #[error(
        "its driver refuses native XDP{}",
        .mtu.map_or_else(
            || ", which it says that it has".to_owned(),
            |mtu| format!(": an MTU of {mtu} may be too large"),
        )
    )]
    Refused {
        /// Its MTU, where that may be the reason.
        mtu: Option<u32>,
    },
    /// A virtio interface whose host merges packets, or leaves checksums out, and does not let the guest end it
    /// (`virtnet_xdp_set`).
    #[error(
        "its virtual machine has receive offloads that are not to be switched off from inside, and native XDP cannot do with them"
    )]
    ReceiveOffloads,
    /// Fewer queues than the driver wants for native XDP; on a veth, fewer to receive by than its peer has to send by
    /// (`veth_xdp_set`).
    #[error(
        "it receives by too few queues for native XDP{}",
        .peer.as_ref().map(|peer| format!(": its peer {peer} sends by more")).unwrap_or_default()
    )]
    TooFewQueues {
        /// A veth's other end, where this process may see it.
        peer: Option<OtherEnd>,
    },
    /// Frames would not fit in the driver's buffers.
    #[error(
        "an MTU of {mtu}{} is too large for native XDP on this driver{}",
        .peer.as_ref().map(|peer| format!(" at its peer {peer}")).unwrap_or_default(),
        if *.frags { "" } else { " without multi-buffer support (Linux 5.18, in some drivers later)" }
    )]
    MtuTooLarge {
        /// Its MTU.
        mtu: u32,
        /// The other end, where it is that one's MTU.
        peer: Option<OtherEnd>,
        /// Whether frames in several buffers get through to the program that was refused.
        frags: bool,
    },
    /// The kernel asks for more privilege.
    #[error("the kernel refuses to attach: {0}")]
    Privilege(io::Error),
    /// It sits where a clsact qdisc would, and takes filters for what arrives alone.
    #[error("an ingress qdisc is in the way of clsact")]
    IngressQdisc,
    /// The interface went away.
    #[error("the interface has gone")]
    Gone,
    /// Anything else.
    #[error("cannot attach in {mode} mode: {why}")]
    Other {
        /// The mode that was tried.
        mode: &'static str,
        /// What the kernel said.
        why: String,
    },
}

impl Obstacle {
    /// What to do about it on `interface`.
    pub fn remedy(&self, interface: &str) -> String {
        let interface = shell_word(interface);
        match self {
            Self::Occupied(program) | Self::UpperOccupied { program, .. } if program.is_ours() => {
                format!(
                    "stop the portclass that holds it (Ctrl-C), or remove it: {}",
                    program.removal()
                )
            }
            Self::Occupied(program) | Self::UpperOccupied { program, .. }
                if program.holder == Holder::Unknown =>
            {
                "portclass status, run as root, says what holds it and how to remove it".to_owned()
            }
            Self::Occupied(program) | Self::UpperOccupied { program, .. } => {
                format!("remove it: {}", program.removal())
            }
            Self::UnknownLink => "observe the interface that carries its packets".to_owned(),
            Self::NoNative | Self::Refused { mtu: None } => "use --mode generic".to_owned(),
            Self::Refused { mtu: Some(_) } => {
                format!("lower it (ip link set dev {interface} mtu 1500) or use --mode generic")
            }
            Self::ReceiveOffloads => "use --mode generic, or start the virtual machine with \
                guest_csum=off,guest_tso4=off,guest_tso6=off,guest_ecn=off,guest_ufo=off"
                .to_owned(),
            Self::TooFewQueues { peer: Some(peer) } => {
                let command = peer.there(|name| format!("ethtool -L {name} tx 1"));
                format!("let its peer send by one ({command}) or use --mode generic")
            }
            Self::TooFewQueues { peer: None } => format!(
                "give it more (ethtool -l {interface} says how many it may have) or use --mode generic"
            ),
            Self::MtuTooLarge {
                peer: Some(peer), ..
            } => {
                let command = peer.there(|name| format!("ip link set dev {name} mtu 1500"));
                format!("lower it there ({command}) or use --mode generic")
            }
            Self::MtuTooLarge { peer: None, .. } => {
                format!(
                    "lower it (ip link set dev {interface} mtu 1500, and on a veth at its peer, too) or use --mode generic"
                )
            }
            Self::Privilege(_) => PRIVILEGE.to_owned(),
            Self::IngressQdisc => format!(
                "remove it: tc qdisc del dev {interface} ingress; or use --tc-hook tcx on Linux 6.6 and later"
            ),
            Self::Gone => "ip link lists those that are there".to_owned(),
            Self::Other { mode: "native", .. } => "try --mode generic".to_owned(),
            Self::Other { .. } => "the kernel's log (dmesg) may say more".to_owned(),
        }
    }

    /// Whether it is in the way of generic mode, too.
    pub const fn is_in_every_mode(&self) -> bool {
        matches!(
            self,
            Self::Occupied(_)
                | Self::UpperOccupied { .. }
                | Self::UnknownLink
                | Self::Privilege(_)
                | Self::Gone
        )
    }
}

impl AttachError {
    /// `obstacle` is in the way on `interface`.
    pub fn on(interface: &Interface, obstacle: Obstacle) -> Self {
        Self {
            interface: interface.name.clone(),
            obstacle,
            frags: false,
        }
    }

    /// Whether it would be the same on every interface.
    pub const fn is_everywhere(&self) -> bool {
        matches!(self.obstacle, Obstacle::Privilege(_))
    }

    /// What to do about it.
    pub fn remedy(&self) -> String {
        self.obstacle.remedy(&self.interface)
    }

    pub(super) fn not_loaded(interface: &Interface, error: &DataplaneError) -> Self {
        let (mode, why) = ("any", error.to_string());
        Self::on(interface, Obstacle::Other { mode, why })
    }

    /// What the kernel says to an attempt in `mode`, with a program that takes multi-buffer frames or not.
    pub(super) fn new(
        interface: &Interface,
        mode: &'static str,
        frags: bool,
        error: &ProgramError,
    ) -> Self {
        let Some(code) = system_error(error).and_then(io::Error::raw_os_error) else {
            let why = chain(error);
            return Self::on(interface, Obstacle::Other { mode, why });
        };
        let why = io::Error::from_raw_os_error(code);
        let is_xdp = matches!(mode, "native" | "generic");
        let obstacle = match Errno::from_raw_os_error(code) {
            Errno::BUSY | Errno::EXIST if is_xdp => occupied(interface),
            Errno::OPNOTSUPP if mode == "native" => Some(Obstacle::NoNative),
            Errno::NOSPC if mode == "native" => Some(Obstacle::TooFewQueues { peer: None }),
            Errno::RANGE if is_xdp => Some(Obstacle::MtuTooLarge {
                mtu: interface.mtu,
                peer: None,
                frags,
            }),
            Errno::PERM | Errno::ACCESS => {
                Some(Obstacle::Privilege(io::Error::from_raw_os_error(code)))
            }
            Errno::NODEV => Some(Obstacle::Gone),
            _ => None,
        };
        let other = || Obstacle::Other {
            mode,
            why: why.to_string(),
        };
        Self {
            frags,
            ..Self::on(interface, obstacle.unwrap_or_else(other))
        }
    }
}

/// The XDP program that keeps the place, if one does: on the interface or on what lies upon it, as far as that is in this
/// network namespace.
pub(super) fn occupied(interface: &Interface) -> Option<Obstacle> {
    if let Some(program) = super::program_on(interface.index) {
        return Some(Obstacle::Occupied(program));
    }
    let present = super::interfaces().ok()?;
    let mut uppers = present
        .into_iter()
        .filter(|upper| upper.lies_upon(interface) && !upper.is_tunnel);
    uppers.find_map(|upper| {
        let program = super::program_on(upper.index)?;
        Some(Obstacle::UpperOccupied {
            upper: upper.name,
            program,
        })
    })
}
