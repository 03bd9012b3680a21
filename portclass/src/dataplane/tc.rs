//! Attaching programs to what the network stack sends and takes in: tcx where the kernel has it (Linux 6.6), a filter
//! under a clsact qdisc otherwise.

use std::{fmt, io};

use aya::programs::{
    LinkOrder, ProgramError, SchedClassifier, TcAttachType,
    tc::{NlOptions, SchedClassifierLink, TcAttachOptions, qdisc_add_clsact},
};
use netlink_packet_route::{
    RouteNetlinkMessage,
    tc::{TcAttribute, TcFilterBpfOption, TcHandle, TcMessage, TcOption},
};
use portclass_common::names;
use rustix::io::Errno;

use super::{
    AttachError, Interface, Obstacle,
    error::system_error,
    holder::{self, Held},
    interface::interfaces,
    netlink::{change, dump},
};
use crate::text::shell_word;

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

/// What attaching in the network stack came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcAttachment {
    /// Where the program is attached.
    pub hook: ObtainedHook,
    /// Whether it comes before all others that are attached there. One that comes before it may end the chain.
    pub is_first: bool,
}

/// Attaches `program` before all others: one of them may end the chain. A clsact qdisc that it takes is added to
/// `qdiscs`, which are to outlive the link.
pub(super) fn attach(
    program: &mut SchedClassifier,
    interface: &Interface,
    point: TcAttachType,
    hook: TcHook,
    qdiscs: &mut Vec<Clsact>,
) -> Result<(TcAttachment, SchedClassifierLink), AttachError> {
    let obtained = |hook, is_first| TcAttachment { hook, is_first };
    if hook != TcHook::Clsact {
        let order = TcAttachOptions::TcxOrder(LinkOrder::first());
        let attached = program.attach_with_options(&interface.name, point, order);
        match attached.and_then(|link| program.take_link(link)) {
            Ok(link) => return Ok((obtained(ObtainedHook::Tcx, true), link)),
            // What a kernel says that does not know this kind of link.
            Err(ProgramError::SyscallError(error))
                if hook == TcHook::Auto
                    && error.io_error.raw_os_error() == Some(Errno::INVAL.raw_os_error()) => {}
            Err(error) => return Err(AttachError::new(interface, "tcx", false, &error)),
        }
    }
    if let Some(made) = Clsact::add(interface)? {
        qdiscs.push(made);
    }
    let mut with_priority = |priority| {
        let options = TcAttachOptions::Netlink(NlOptions {
            priority,
            ..NlOptions::default()
        });
        program.attach_with_options(&interface.name, point, options)
    };
    let (link, is_first) = match with_priority(1) {
        Ok(link) => (link, true),
        // What the kernel says where a filter of another kind or protocol has the first priority. It chooses one.
        Err(error) if matches!(code(&error), Some(Errno::EXIST | Errno::INVAL)) => {
            let link = with_priority(0).map_err(|error| refused(interface, &error))?;
            (link, false)
        }
        Err(error) => return Err(refused(interface, &error)),
    };
    let link = program
        .take_link(link)
        .map_err(|error| refused(interface, &error))?;
    Ok((obtained(ObtainedHook::Clsact, is_first), link))
}

fn refused(interface: &Interface, error: &ProgramError) -> AttachError {
    AttachError::new(interface, "clsact", false, error)
}

fn code(error: &ProgramError) -> Option<Errno> {
    let code = system_error(error)?.raw_os_error()?;
    Some(Errno::from_raw_os_error(code))
}

/// A clsact qdisc that this process has made. It goes when nobody has a filter there.
#[derive(Debug)]
pub(super) struct Clsact {
    pub(super) index: u32,
}

impl Clsact {
    /// Adds the qdisc; `None` where there is one. An ingress qdisc sits in the same place, and would take filters for
    /// what leaves as filters for what arrives.
    fn add(interface: &Interface) -> Result<Option<Self>, AttachError> {
        let error = match qdisc_add_clsact(&interface.name) {
            Ok(()) => {
                return Ok(Some(Self {
                    index: interface.index,
                }));
            }
            Err(error) => ProgramError::from(error),
        };
        if code(&error) != Some(Errno::EXIST) {
            return Err(refused(interface, &error));
        }
        match qdisc_in_place(interface.index).as_deref() {
            Some("clsact") => Ok(None),
            Some("ingress") => Err(AttachError::on(interface, Obstacle::IngressQdisc)),
            _ => Err(refused(interface, &error)),
        }
    }
}

/// Whether an ingress qdisc sits where a clsact one would.
pub(super) fn has_ingress_qdisc(interface: &Interface) -> bool {
    qdisc_in_place(interface.index).as_deref() == Some("ingress")
}

/// The kind of qdisc in the place that clsact takes.
fn qdisc_in_place(index: u32) -> Option<String> {
    let request = TcMessage::with_index(index as i32);
    let answers = dump(RouteNetlinkMessage::GetQueueDiscipline(request)).ok()?;
    answers.into_iter().find_map(|answer| match answer {
        // The kernel answers with those of all interfaces.
        RouteNetlinkMessage::NewQueueDiscipline(qdisc)
            if qdisc.header.index == index as i32 && qdisc.header.parent == TcHandle::CLSACT =>
        {
            kind(&qdisc).map(str::to_owned)
        }
        _ => None,
    })
}

fn kind(message: &TcMessage) -> Option<&str> {
    message
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            TcAttribute::Kind(kind) => Some(kind.as_str()),
            _ => None,
        })
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
    pub fn held(&self) -> Held {
        holder::held(self.id)
    }

    /// The side of the interface it is on, in tc's words.
    pub const fn direction(&self) -> &'static str {
        if self.is_egress { "egress" } else { "ingress" }
    }

    /// The command that removes it.
    pub fn removal(&self) -> String {
        let header = &self.message.header;
        format!(
            "tc filter del dev {} {} pref {} handle {:#x} bpf",
            shell_word(&self.interface),
            self.direction(),
            header.info >> 16,
            u32::from(header.handle),
        )
    }

    /// Removes the filter. The qdisc stays: nobody knows any more whose it is.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    pub fn remove(&self) -> io::Result<()> {
        let mut message = TcMessage::default();
        message.header = self.message.header.clone();
        let kind = kind(&self.message).map(|kind| TcAttribute::Kind(kind.to_owned()));
        message.attributes.extend(kind);
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
        ours.extend(our_filters_on(&interface)?);
    }
    Ok(ours)
}

/// The filters with our programs on an interface.
pub(super) fn our_filters_on(interface: &Interface) -> io::Result<Vec<OurFilter>> {
    let mut ours = Vec::new();
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

/// One of our programs at a tcx hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcxProgram {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: u32,
    /// Whether it sees what leaves, or what arrives.
    pub is_egress: bool,
}

/// Our programs at the tcx hooks of an interface. None where the kernel has no tcx, or this process may not ask.
pub fn our_tcx_programs(interface: &Interface) -> Vec<TcxProgram> {
    let at = |point, is_egress| {
        let programs = SchedClassifier::query_tcx(&interface.name, point);
        let programs = programs.map_or_else(|_| Vec::new(), |(_, programs)| programs);
        let ours = programs.into_iter().filter_map(move |program| {
            let name = program.name_as_str()?;
            names::PROGRAMS.contains(&name).then(|| TcxProgram {
                name: name.to_owned(),
                id: program.id(),
                is_egress,
            })
        });
        ours.collect::<Vec<_>>()
    };
    [
        at(TcAttachType::Ingress, false),
        at(TcAttachType::Egress, true),
    ]
    .concat()
}
