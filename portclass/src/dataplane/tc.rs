//! Attaching programs to what the network stack sends and takes in: tcx where the kernel has it (Linux 6.6), a filter
//! under a clsact qdisc otherwise.

use std::{fmt, io};

use aya::programs::{
    LinkOrder, ProgramError, SchedClassifier, TcAttachType,
    tc::{NlOptions, SchedClassifierLink, TcAttachOptions, TcError, qdisc_add_clsact},
};
use netlink_packet_route::{
    RouteNetlinkMessage,
    tc::{TcAttribute, TcFilterBpfOption, TcHandle, TcMessage, TcOption},
};
use portclass_common::names;
use rustix::io::Errno;

use super::{
    AttachError, Interface, holder,
    interface::interfaces,
    netlink::{change, dump},
};

/// Where to attach in the network stack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TcHook {
    /// tcx where the kernel has it, clsact otherwise.
    #[default]
    Auto,
    /// tcx, whose links go with the process.
    Tcx,
    /// A filter under a clsact qdisc, which outlives a process that is killed.
    Clsact,
}

/// Where a program is attached in the network stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObtainedHook {
    /// tcx.
    Tcx,
    /// A filter under a clsact qdisc.
    Clsact,
}

impl ObtainedHook {
    /// The name that reports use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcx => "tcx",
            Self::Clsact => "clsact",
        }
    }
}

impl fmt::Display for ObtainedHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Attaches `program` before all others: one of them may end the chain. A clsact qdisc that it takes is added to
/// `qdiscs`, which are to outlive the link.
pub(super) fn attach(
    program: &mut SchedClassifier,
    interface: &Interface,
    point: TcAttachType,
    hook: TcHook,
    qdiscs: &mut Vec<Clsact>,
) -> Result<(ObtainedHook, SchedClassifierLink), AttachError> {
    if hook != TcHook::Clsact {
        let order = TcAttachOptions::TcxOrder(LinkOrder::first());
        let attached = program.attach_with_options(&interface.name, point, order);
        match attached.and_then(|link| program.take_link(link)) {
            Ok(link) => return Ok((ObtainedHook::Tcx, link)),
            // What a kernel says that does not know this kind of link.
            Err(ProgramError::SyscallError(error))
                if hook == TcHook::Auto
                    && error.io_error.raw_os_error() == Some(Errno::INVAL.raw_os_error()) => {}
            Err(error) => return Err(AttachError::new(interface, "tcx", false, &error)),
        }
    }
    let refused = |error: &ProgramError| AttachError::new(interface, "clsact", false, error);
    if let Some(made) = Clsact::add(interface).map_err(|error| refused(&error))? {
        qdiscs.push(made);
    }
    let with_priority = |priority| {
        TcAttachOptions::Netlink(NlOptions {
            priority,
            ..NlOptions::default()
        })
    };
    // Where a filter of another kind has the first priority, the kernel chooses one.
    let link = program
        .attach_with_options(&interface.name, point, with_priority(1))
        .or_else(|_| program.attach_with_options(&interface.name, point, with_priority(0)))
        .and_then(|link| program.take_link(link))
        .map_err(|error| refused(&error))?;
    Ok((ObtainedHook::Clsact, link))
}

/// A clsact qdisc that this process has made. It goes when nobody has a filter there.
#[derive(Debug)]
pub(super) struct Clsact {
    pub(super) index: u32,
}

impl Clsact {
    /// Adds the qdisc; `None` where there is one.
    fn add(interface: &Interface) -> Result<Option<Self>, ProgramError> {
        match qdisc_add_clsact(&interface.name) {
            Ok(()) => Ok(Some(Self {
                index: interface.index,
            })),
            Err(error) => match netlink_code(&error) {
                Some(Errno::EXIST) => Ok(None),
                _ => Err(error.into()),
            },
        }
    }
}

fn netlink_code(error: &TcError) -> Option<Errno> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(system) = error.downcast_ref::<io::Error>() {
            return system.raw_os_error().map(Errno::from_raw_os_error);
        }
        cause = error.source();
    }
    None
}

impl Drop for Clsact {
    fn drop(&mut self) {
        let is_empty = [INGRESS, EGRESS]
            .iter()
            .all(|&point| filters(self.index, point).is_ok_and(|filters| filters.is_empty()));
        if is_empty {
            let mut message = TcMessage::with_index(self.index as i32);
            message.header.handle = TcHandle {
                major: u16::MAX,
                minor: 0,
            };
            message.header.parent = TcHandle::CLSACT;
            // The interface may have gone, and the qdisc with it.
            let _removed = change(RouteNetlinkMessage::DelQueueDiscipline(message));
        }
    }
}

const INGRESS: TcHandle = TcHandle {
    major: u16::MAX,
    minor: TcHandle::MIN_INGRESS,
};
const EGRESS: TcHandle = TcHandle {
    major: u16::MAX,
    minor: TcHandle::MIN_EGRESS,
};

/// All filters at a point of a clsact qdisc; none where there is no such qdisc.
fn filters(index: u32, point: TcHandle) -> io::Result<Vec<TcMessage>> {
    let mut request = TcMessage::with_index(index as i32);
    request.header.parent = point;
    let answers = match dump(RouteNetlinkMessage::GetTrafficFilter(request)) {
        Ok(answers) => answers,
        Err(error) if is_absent(&error) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let filters = answers.into_iter().filter_map(|answer| match answer {
        // A priority's own entry, of which a filter's handle is 0, stands beside its filters.
        RouteNetlinkMessage::NewTrafficFilter(filter)
            if filter.header.handle != TcHandle::UNSPEC =>
        {
            Some(filter)
        }
        _ => None,
    });
    Ok(filters.collect())
}

fn is_absent(error: &io::Error) -> bool {
    let code = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(
        code,
        Some(Errno::NOENT | Errno::INVAL | Errno::NODEV | Errno::OPNOTSUPP)
    )
}

/// A filter with one of our programs, on an interface of this network namespace.
#[derive(Clone, Debug)]
pub struct OurFilter {
    /// The interface's name.
    pub interface: String,
    /// Whether it sees what leaves, or what arrives.
    pub is_egress: bool,
    /// The program's name.
    pub program: String,
    /// The program's id.
    pub id: u32,
    message: TcMessage,
}

impl OurFilter {
    /// Whether a process holds the program; one that was killed does not.
    pub fn is_held(&self) -> bool {
        holder::is_held(self.id)
    }

    /// Removes the filter. The qdisc stays: nobody knows any more whose it is.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    pub fn remove(&self) -> io::Result<()> {
        let mut message = TcMessage::default();
        message.header = self.message.header.clone();
        let is_kind = |attribute: &&TcAttribute| matches!(attribute, TcAttribute::Kind(_));
        let kind = self.message.attributes.iter().find(is_kind);
        message.attributes.extend(kind.cloned());
        change(RouteNetlinkMessage::DelTrafficFilter(message))
    }
}

/// The filters with our programs on all interfaces of this network namespace.
///
/// # Errors
///
/// What the kernel says when it refuses a netlink socket or request.
pub fn our_filters() -> io::Result<Vec<OurFilter>> {
    let mut ours = Vec::new();
    for interface in interfaces()? {
        for point in [INGRESS, EGRESS] {
            let filters = filters(interface.index, point)?;
            ours.extend(filters.into_iter().filter_map(|message| {
                let (program, id) = our_program(&message)?;
                Some(OurFilter {
                    interface: interface.name.clone(),
                    is_egress: point == EGRESS,
                    program,
                    id,
                    message,
                })
            }));
        }
    }
    Ok(ours)
}

/// Name and id of a filter's program, where it is one of ours.
fn our_program(filter: &TcMessage) -> Option<(String, u32)> {
    let options = filter
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            TcAttribute::Options(options) => Some(options),
            _ => None,
        })?;
    let (mut name, mut id) = (None, None);
    for option in options {
        match option {
            TcOption::Bpf(TcFilterBpfOption::ProgName(found)) => name = Some(found.clone()),
            TcOption::Bpf(TcFilterBpfOption::ProgId(found)) => id = Some(*found),
            _ => {}
        }
    }
    let name = name.filter(|name| names::PROGRAMS.contains(&name.as_str()))?;
    Some((name, id?))
}

/// Our programs at the tcx hooks of an interface, by name, and whether they see what leaves. None where the kernel has
/// no tcx, or this process may not ask.
pub fn our_tcx_programs(interface: &Interface) -> Vec<(String, bool)> {
    let at = |point, is_egress| {
        let programs = SchedClassifier::query_tcx(&interface.name, point);
        let programs = programs.map_or_else(|_| Vec::new(), |(_, programs)| programs);
        let ours = programs.into_iter().filter_map(move |program| {
            let name = program.name_as_str()?;
            names::PROGRAMS
                .contains(&name)
                .then(|| (name.to_owned(), is_egress))
        });
        ours.collect::<Vec<_>>()
    };
    [
        at(TcAttachType::Ingress, false),
        at(TcAttachType::Egress, true),
    ]
    .concat()
}
