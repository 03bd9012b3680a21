//! One load of the kernel object: its programs with their settings, and the counters that they share.

mod load;

use aya::{
    Ebpf,
    maps::{Map, MapData},
    programs::{
        Program, ProgramError, ProgramInfo, SchedClassifier, TcAttachType, TestRun as _,
        TestRunOptions, TestRunResult, Xdp, tc::SchedClassifierLink, xdp::XdpLink,
    },
};
use portclass_common::{counter::Counter, names, packet::Link};
use rustix::thread::{CapabilitySet, capabilities};

use super::{
    AttachError, Attachment, DataplaneError, Interface, KernelLog, Mode, ObtainedMode, Pins,
    TcAttachment, TcHook, attach,
    counters::Counters,
    object::absent,
    tc::{self, Clsact, ObtainedHook},
};

/// What a program is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Counts, and tags, what arrives: XDP.
    Ingress,
    /// Counts, and marks, what leaves: tc.
    Egress,
    /// Marks what arrives: tc.
    Mark,
}

/// How programs come by the bytes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// By pointers into the frame, which the verifier allows with CAP_PERFMON alone where their offset comes from the frame
    /// (`sanitize_ptr_alu`, kernel commit 979d63d50c0c).
    Direct,
    /// By calls that copy them, some ten nanoseconds each.
    Copied,
}

impl Access {
    /// The better one that this process may have.
    pub fn allowed() -> Self {
        let enough = CapabilitySet::PERFMON | CapabilitySet::SYS_ADMIN;
        match capabilities(None) {
            Ok(sets) if !sets.effective.intersects(enough) => Self::Copied,
            _ => Self::Direct,
        }
    }
}

/// What each program is for; of two for the same, the one to be preferred first.
const PROGRAMS: [(&str, Role, Link, Access); names::PROGRAMS.len()] = {
    use Access::{Copied, Direct};
    use Link::{Ethernet, Ip};
    use Role::{Egress, Ingress, Mark};
    [
        (names::XDP_FRAGS, Ingress, Ethernet, Direct),
        (names::XDP, Ingress, Ethernet, Direct),
        (names::XDP_IP_FRAGS, Ingress, Ip, Direct),
        (names::XDP_IP, Ingress, Ip, Direct),
        (names::EGRESS, Egress, Ethernet, Direct),
        (names::EGRESS_IP, Egress, Ip, Direct),
        (names::MARK, Mark, Ethernet, Direct),
        (names::MARK_IP, Mark, Ip, Direct),
        (names::XDP_FRAGS_COPIED, Ingress, Ethernet, Copied),
        (names::XDP_COPIED, Ingress, Ethernet, Copied),
        (names::XDP_IP_FRAGS_COPIED, Ingress, Ip, Copied),
        (names::XDP_IP_COPIED, Ingress, Ip, Copied),
        (names::EGRESS_COPIED, Egress, Ethernet, Copied),
        (names::EGRESS_IP_COPIED, Egress, Ip, Copied),
        (names::MARK_COPIED, Mark, Ethernet, Copied),
        (names::MARK_IP_COPIED, Mark, Ip, Copied),
    ]
};

/// The sizes of an image's maps.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    /// Slots that the registry's maps have room for.
    pub(super) slots: u32,
    /// One more than the highest CPU id.
    pub(super) cpus: u32,
}

/// Where an image has its registry from.
#[derive(Clone, Copy)]
pub(super) enum Registry<'maps> {
    /// It makes maps of its own.
    New,
    /// It opens pinned ones.
    Pinned(&'maps Pins),
    /// It takes those of another image.
    Of(&'maps Image),
}

/// What keeps a program attached: it is taken off when this goes.
enum Attached {
    Xdp {
        _link: XdpLink,
    },
    Tc {
        _link: SchedClassifierLink,
        hook: ObtainedHook,
    },
}

/// One load of the kernel object. What it has attached goes with it.
pub struct Image {
    /// By the interface's index.
    attached: Vec<(u32, Attached)>,
    ebpf: Ebpf,
    counters: Counters,
    tag_metadata: bool,
    access: Access,
    /// The programs that are loaded.
    loaded: Vec<(Role, Link, &'static str)>,
    /// What the kernel said of them.
    infos: Vec<ProgramInfo>,
}

impl Image {
    pub(super) fn map_data(&self, name: &'static str) -> Result<&MapData, DataplaneError> {
        map_data(&self.ebpf, name)
    }

    pub(super) fn ebpf(&self) -> &Ebpf {
        &self.ebpf
    }

    pub(super) fn ebpf_mut(&mut self) -> &mut Ebpf {
        &mut self.ebpf
    }

    pub(super) fn log(
        &mut self,
        write: impl Fn(&str) + Send + Sync + 'static,
    ) -> Result<KernelLog, DataplaneError> {
        KernelLog::new(&mut self.ebpf, Box::new(write))
    }

    /// Loads the program of this role, unless it is loaded: of XDP the one for multi-buffer frames, or the plain one
    /// where the kernel has none.
    ///
    /// # Errors
    ///
    /// No privilege, or a kernel whose verifier rejects the program.
    pub fn load(&mut self, role: Role, link: Link) -> Result<(), DataplaneError> {
        if self.program(role, link).is_some() {
            return Ok(());
        }
        let mut names = PROGRAMS
            .iter()
            .filter(|program| (program.1, program.2, program.3) == (role, link, self.access))
            .map(|program| program.0);
        let first = names.next().expect("a program for each role and link");
        let second = names.next();
        // What an old kernel says of the first one is that it knows no such flag; what counts is the second's error.
        let loaded = match (self.load_program(first), second) {
            (Err(_), Some(second)) => self.load_program(second),
            (Ok(()), Some(second)) if self.tag_metadata => self.load_program(second),
            (loaded, _) => loaded,
        };
        match loaded {
            Err(DataplaneError::Rejected { log, .. }) if self.access == Access::Copied => {
                Err(DataplaneError::NoCopies { log })
            }
            loaded => loaded,
        }
    }

    /// How its programs come by the bytes of a frame.
    pub const fn access(&self) -> Access {
        self.access
    }

    /// Loads the program of that name, one of `portclass_common::names`.
    ///
    /// # Errors
    ///
    /// No privilege, or a kernel whose verifier rejects it.
    pub fn load_program(&mut self, name: &'static str) -> Result<(), DataplaneError> {
        let &(name, role, link, _) = PROGRAMS
            .iter()
            .find(|program| program.0 == name)
            .ok_or_else(|| absent(name))?;
        let info = match role {
            Role::Ingress => {
                let program = self.xdp(name)?;
                load::load_program(|| program.load())?;
                program.info()
            }
            Role::Egress | Role::Mark => {
                let program = self.classifier(name)?;
                load::load_program(|| program.load())?;
                program.info()
            }
        };
        self.loaded.push((role, link, name));
        self.infos.push(info?);
        Ok(())
    }

    /// Whether the XDP program that is loaded for this link takes frames in several buffers.
    pub(super) fn takes_frags(&self, link: Link) -> bool {
        self.program(Role::Ingress, link).is_some_and(takes_frags)
    }

    fn program(&self, role: Role, link: Link) -> Option<&'static str> {
        let mut programs = self.loaded.iter();
        let found = programs.find(|loaded| (loaded.0, loaded.1) == (role, link));
        found.map(|&(_, _, name)| name)
    }

    fn loaded(&self, role: Role, link: Link) -> Result<&'static str, DataplaneError> {
        self.program(role, link)
            .ok_or_else(|| ProgramError::NotLoaded.into())
    }

    fn xdp(&mut self, name: &'static str) -> Result<&mut Xdp, DataplaneError> {
        let program = self.ebpf.program_mut(name).ok_or_else(|| absent(name))?;
        Ok(program.try_into()?)
    }

    fn classifier(&mut self, name: &'static str) -> Result<&mut SchedClassifier, DataplaneError> {
        let program = self.ebpf.program_mut(name).ok_or_else(|| absent(name))?;
        Ok(program.try_into()?)
    }

    /// The programs that are loaded, each with its name.
    pub(super) fn programs(&self) -> impl Iterator<Item = (&'static str, &Program)> {
        let loaded = self.loaded.iter();
        loaded.filter_map(|&(_, _, name)| Some((name, self.ebpf.program(name)?)))
    }

    /// The ids of the programs that are loaded.
    pub(super) fn program_ids(&self) -> impl Iterator<Item = u32> {
        self.infos.iter().map(ProgramInfo::id)
    }

    /// Whether the programs that are loaded were compiled; `None` where none is or the kernel does not tell.
    pub(super) fn is_jited(&self) -> Option<bool> {
        let is_jited = |info: &ProgramInfo| info.size_jitted() > 0;
        (!self.infos.is_empty()).then(|| self.infos.iter().all(is_jited))
    }

    /// How many programs were attached to the interface with this index.
    pub(super) fn attached_to(&self, index: u32) -> usize {
        self.attached.iter().filter(|&&(of, _)| of == index).count()
    }

    /// Whether something is attached that no link holds.
    pub(super) fn is_attached_over_netlink(&self) -> bool {
        let hooks = self.attached.iter().map(|(_, attached)| attached);
        hooks.into_iter().any(|attached| {
            matches!(
                attached,
                Attached::Tc {
                    hook: ObtainedHook::Clsact,
                    ..
                }
            )
        })
    }

    pub(super) fn attach(
        &mut self,
        interface: &Interface,
        link: Link,
        mode: Mode,
    ) -> Result<Attachment, AttachError> {
        let mut attached = None;
        let attachment = attach::attach(mode, |mode| {
            let name = self
                .xdp_for(link, mode)
                .ok_or_else(|| ProgramError::NotLoaded.into())
                .map_err(|error| AttachError::not_loaded(interface, &error))?;
            let takes_frags = takes_frags(name);
            let program = self
                .xdp(name)
                .map_err(|error| AttachError::not_loaded(interface, &error))?;
            let link = program
                .attach_to_if_index(interface.index, mode.into())
                .and_then(|link| program.take_link(link))
                .map_err(|error| AttachError::new(interface, mode.name(), takes_frags, &error))?;
            attached = Some(Attached::Xdp { _link: link });
            Ok(takes_frags)
        })?;
        self.attached
            .extend(attached.map(|attached| (interface.index, attached)));
        Ok(attachment)
    }

    /// In generic mode the kernel takes the metadata away from what a program for multi-buffer frames has seen, since it
    /// copies the frame for it (`skb_pp_cow_data`; seen on Linux 6.18).
    fn xdp_for(&self, link: Link, mode: ObtainedMode) -> Option<&'static str> {
        let plain = mode == ObtainedMode::Generic && self.tag_metadata;
        let mut names = self
            .loaded
            .iter()
            .filter(|loaded| (loaded.0, loaded.1) == (Role::Ingress, link))
            .map(|&(_, _, name)| name);
        names.find(|name| !plain || !takes_frags(name))
    }

    pub(super) fn attach_tc(
        &mut self,
        role: Role,
        interface: &Interface,
        link: Link,
        hook: TcHook,
        qdiscs: &mut Vec<Clsact>,
    ) -> Result<TcAttachment, AttachError> {
        let point = match role {
            Role::Egress => TcAttachType::Egress,
            Role::Ingress | Role::Mark => TcAttachType::Ingress,
        };
        let program = self
            .loaded(role, link)
            .and_then(|name| self.classifier(name))
            .map_err(|error| AttachError::not_loaded(interface, &error))?;
        let (obtained, link) = tc::attach(program, interface, point, hook, qdiscs)?;
        self.attached.push((
            interface.index,
            Attached::Tc {
                _link: link,
                hook: obtained.hook,
            },
        ));
        Ok(obtained)
    }

    /// Takes the programs off the interface with this index.
    pub(super) fn detach_from(&mut self, index: u32) {
        self.attached.retain(|&(of, _)| of != index);
    }

    /// Takes the programs off every interface. The counters stay as they are.
    pub(super) fn detach(&mut self) {
        self.attached.clear();
        self.infos.clear();
        for (role, _, name) in std::mem::take(&mut self.loaded) {
            // Nothing is attached any more, whatever it answers.
            let _unloaded = match role {
                Role::Ingress => self.xdp(name).map(|program| program.unload().is_ok()),
                Role::Egress | Role::Mark => self
                    .classifier(name)
                    .map(|program| program.unload().is_ok()),
            };
        }
        self.counters.take_leftovers();
    }

    /// Runs the XDP program for this link once on `frame`, of 14 bytes or more, and returns its verdict
    /// (`BPF_PROG_TEST_RUN`). What it leaves of the frame is written to `after`.
    ///
    /// # Errors
    ///
    /// What the kernel says, such as EINVAL for frames that are too short or too long.
    pub fn run_frame(
        &mut self,
        link: Link,
        frame: &[u8],
        after: &mut [u8],
    ) -> Result<u32, DataplaneError> {
        let result = self.run(
            Role::Ingress,
            link,
            TestRunOptions {
                data_in: Some(frame),
                data_out: Some(after),
                ..TestRunOptions::new()
            },
        )?;
        Ok(result.return_value)
    }

    /// Runs a loaded program as `options` say, and returns its verdict, and how much it leaves of frame and context.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    pub fn run(
        &mut self,
        role: Role,
        link: Link,
        options: TestRunOptions<'_>,
    ) -> Result<TestRunResult, DataplaneError> {
        let name = self.loaded(role, link)?;
        let result = match role {
            Role::Ingress => self.xdp(name)?.test_run(options),
            Role::Egress | Role::Mark => self.classifier(name)?.test_run(options),
        };
        Ok(result?)
    }

    /// What was counted since the object was loaded, summed over the CPUs: reasons first, then slots.
    pub fn counters(&self) -> Vec<Counter> {
        self.counters_of(&self.present_cpus())
    }

    pub(super) fn present_cpus(&self) -> Vec<u32> {
        self.counters.present()
    }

    /// The same as [`Image::counters`], for whoever has asked which CPUs are there.
    pub(super) fn counters_of(&self, present: &[u32]) -> Vec<Counter> {
        self.counters.sums(present)
    }
}

fn takes_frags(program: &str) -> bool {
    matches!(
        program,
        names::XDP_FRAGS
            | names::XDP_IP_FRAGS
            | names::XDP_FRAGS_COPIED
            | names::XDP_IP_FRAGS_COPIED
    )
}

fn map_data<'ebpf>(
    ebpf: &'ebpf Ebpf,
    name: &'static str,
) -> Result<&'ebpf MapData, DataplaneError> {
    match ebpf.map(name) {
        Some(
            Map::Array(data) | Map::HashMap(data) | Map::RingBuf(data) | Map::PerCpuArray(data),
        ) => Ok(data),
        _ => Err(absent(name)),
    }
}
