//! The kernel object: its maps, its settings, its programs.

use std::io;

use aya::{
    Ebpf, EbpfLoader, Pod, include_bytes_aligned,
    maps::{Array, HashMap, Map, MapData, MapError},
    programs::{ProgramError, TestRun as _, TestRunOptions, Xdp},
};
use portclass_common::{
    counter::Counter,
    label::{Label, MAX_SLOTS, Service},
    names,
    port::PortKey,
    settings::{Contents, State},
};
use rustix::process::{Resource, Rlimit, setrlimit};

use super::{
    AttachError, Attachment, Changes, DataplaneError, FillError, Interface, KernelLog, Mode, Pins,
    attach,
    counters::{Counters, possible_cpus, stride},
    fill::Target,
    mapped::Mapped,
};
use crate::registry::Registry;

/// The kernel object, an ELF file for any kernel from 5.10 on.
pub static OBJECT: &[u8] = include_bytes_aligned!(env!("PORTCLASS_OBJECT_PATH"));

/// The fewest slots that maps are made for, so that a later registry finds room in them.
const MIN_SLOTS: u32 = 16_384;

/// A type of `portclass-common` as aya wants to see it.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(super) struct Shared<T>(pub(super) T);

// SAFETY: `repr(C)` without implicit padding, as portclass-common asserts, and valid for any bytes.
unsafe impl Pod for Shared<PortKey> {}
// SAFETY: as above.
unsafe impl Pod for Shared<Label> {}
// SAFETY: as above.
unsafe impl Pod for Shared<State> {}

/// Load-time switches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// Whether unlabelled frames are logged.
    pub log_unlabelled: bool,
}

/// Which maps hold the registry.
#[derive(Clone, Copy, Debug)]
pub enum Maps<'pins> {
    /// New ones, with room for that many entries.
    Private {
        /// Entries of the registry that is to be put in.
        entries: usize,
    },
    /// The pinned ones, as they are.
    Pinned(&'pins Pins),
}

/// The loaded object. What it has attached goes with it.
pub struct Dataplane {
    ebpf: Ebpf,
    services: Mapped<Service>,
    counters: Counters,
    pinned: bool,
    program: Option<&'static str>,
}

impl Dataplane {
    /// Creates the maps, or takes the pinned ones. Nothing is loaded or attached yet.
    ///
    /// # Errors
    ///
    /// No privilege, no BPF in the kernel, or pins that have changed since they were found.
    pub fn open(maps: Maps<'_>, settings: Settings) -> Result<Self, DataplaneError> {
        let system = |what| move |why| DataplaneError::System { what, why };
        lift_memlock();
        let slots = match maps {
            Maps::Private { entries } => room_for(entries),
            Maps::Pinned(pins) => pins.slots(),
        };
        let cpus = possible_cpus().map_err(system("cannot count the CPUs"))?;
        let counter_stride = stride(slots);
        let log_unlabelled = u8::from(settings.log_unlabelled);
        let log_level = if settings.log_unlabelled {
            aya_log::Level::Debug as u8
        } else {
            0
        };

        let mut loader = EbpfLoader::new();
        // Nothing in the object is relocated against the kernel's types, and parsed they take 21 MiB.
        loader.btf(None);
        loader
            .map_max_entries(names::REGISTRY, slots)
            .map_max_entries(names::SERVICES, slots)
            .map_max_entries(names::COUNTERS, cpus * counter_stride)
            .override_global(names::COUNTER_STRIDE, &counter_stride, true)
            .override_global(names::LOG_UNLABELLED, &log_unlabelled, true)
            .override_global(names::LOG_LEVEL, &log_level, true);
        if let Maps::Pinned(pins) = maps {
            for name in names::PINNED {
                loader.map_pin_path(name, pins.path(name));
            }
        }
        let ebpf = loader.load(OBJECT)?;
        let services = Mapped::new(map_data(&ebpf, names::SERVICES)?, slots)
            .map_err(system("cannot map the services into memory"))?;
        let counters = Counters::new(map_data(&ebpf, names::COUNTERS)?, cpus, counter_stride)
            .map_err(system("cannot map the counters into memory"))?;
        let dataplane = Self {
            ebpf,
            services,
            counters,
            pinned: matches!(maps, Maps::Pinned(_)),
            program: None,
        };
        if let Maps::Pinned(pins) = maps {
            // The loader makes and pins new maps where it finds none.
            let ids = names::PINNED.map(|name| {
                map_data(&dataplane.ebpf, name)
                    .ok()?
                    .info()
                    .ok()
                    .map(|info| info.id())
            });
            if ids != pins.ids().map(Some) {
                return Err(DataplaneError::PinsChanged(pins.directory().to_owned()));
            }
        }
        Ok(dataplane)
    }

    /// Makes the maps hold `registry` and nothing else. Slots keep their meaning; the generation is bumped last.
    ///
    /// # Errors
    ///
    /// A registry that needs more slots than there are (nothing is changed), or what the kernel says.
    pub fn fill(&mut self, registry: &Registry) -> Result<Changes, FillError> {
        let [Some(registry_map), Some(state_map)] =
            self.ebpf.maps_disjoint_mut([names::REGISTRY, names::STATE])
        else {
            return Err(absent(names::REGISTRY).into());
        };
        let mut target = Target {
            registry: HashMap::try_from(registry_map)
                .map_err(|error| DataplaneError::map(names::REGISTRY, &error))?,
            services: &mut self.services,
            state: Array::try_from(state_map)
                .map_err(|error| DataplaneError::map(names::STATE, &error))?,
            pinned: self.pinned,
        };
        target.fill(registry)
    }

    fn state(&self) -> Result<State, DataplaneError> {
        let failed = |error: MapError| DataplaneError::map(names::STATE, &error);
        let map = self
            .ebpf
            .map(names::STATE)
            .ok_or_else(|| absent(names::STATE))?;
        let array: Array<_, Shared<State>> = Array::try_from(map).map_err(failed)?;
        Ok(array.get(&0, 0).map_err(failed)?.0)
    }

    /// What the maps hold.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    pub fn contents(&self) -> Result<Contents, DataplaneError> {
        Ok(self.state()?.contents())
    }

    /// Makes the kernel side's log readable. To be called before [`Dataplane::load`].
    ///
    /// # Errors
    ///
    /// What the kernel says.
    pub fn log(
        &mut self,
        write: impl Fn(&str) + Send + Sync + 'static,
    ) -> Result<KernelLog, DataplaneError> {
        KernelLog::new(&mut self.ebpf, Box::new(write))
    }

    /// Loads the program: the one for multi-buffer frames, or the plain one where the kernel has none.
    ///
    /// # Errors
    ///
    /// No privilege, or a kernel whose verifier rejects both.
    pub fn load(&mut self) -> Result<(), DataplaneError> {
        // What an old kernel says of the first one is that it knows no such flag; what counts is the second's error.
        self.load_program(names::XDP_FRAGS)
            .or_else(|_| self.load_program(names::XDP))
    }

    /// Loads the program of that name, one of `portclass_common::names`.
    ///
    /// # Errors
    ///
    /// No privilege, or a kernel whose verifier rejects it.
    pub fn load_program(&mut self, name: &'static str) -> Result<(), DataplaneError> {
        self.xdp(name)?.load()?;
        self.program = Some(name);
        Ok(())
    }

    /// What the kernel gave beyond the least, by the names that reports use.
    pub fn features(&self) -> Vec<&'static str> {
        if self.takes_frags() {
            vec!["frags"]
        } else {
            Vec::new()
        }
    }

    fn takes_frags(&self) -> bool {
        self.program == Some(names::XDP_FRAGS)
    }

    fn xdp(&mut self, name: &'static str) -> Result<&mut Xdp, DataplaneError> {
        let program = self.ebpf.program_mut(name).ok_or_else(|| absent(name))?;
        Ok(program.try_into()?)
    }

    fn loaded(&mut self) -> Result<&mut Xdp, DataplaneError> {
        let name = self.program.ok_or(ProgramError::NotLoaded)?;
        self.xdp(name)
    }

    /// The id of the loaded program.
    pub fn program_id(&mut self) -> Option<u32> {
        Some(self.loaded().ok()?.info().ok()?.id())
    }

    /// Attaches the loaded program to `interface`, for as long as `self` lives.
    ///
    /// # Errors
    ///
    /// What is in the way, and how to remove it.
    pub fn attach(&mut self, interface: &Interface, mode: Mode) -> Result<Attachment, AttachError> {
        if !interface.is_ethernet {
            return Err(AttachError::NoEthernet {
                interface: interface.name.clone(),
            });
        }
        let frags = self.takes_frags();
        let program = self.loaded().map_err(|error| AttachError::Other {
            interface: interface.name.clone(),
            mode: "any",
            why: error.to_string(),
        })?;
        attach::attach(program, interface, mode, frags)
    }

    /// Takes the program off every interface. The counters stay as they are.
    pub fn detach(&mut self) {
        if let Ok(program) = self.loaded() {
            // The links are closed whatever it answers.
            let _unloaded = program.unload();
        }
        self.program = None;
    }

    /// Runs the loaded program once on `frame`, of 14 bytes or more, and returns its verdict (`BPF_PROG_TEST_RUN`).
    /// What it leaves of the frame is written to `after`.
    ///
    /// # Errors
    ///
    /// What the kernel says, such as EINVAL for frames that are too short or too long.
    pub fn run_frame(&mut self, frame: &[u8], after: &mut [u8]) -> Result<u32, DataplaneError> {
        let program = self.loaded()?;
        let result = program.test_run(TestRunOptions {
            data_in: Some(frame),
            data_out: Some(after),
            ..TestRunOptions::new()
        });
        Ok(result?.return_value)
    }

    /// What was counted since the program was loaded, summed over the CPUs: reasons first, then slots.
    pub fn counters(&self) -> Vec<Counter> {
        self.counters.sums()
    }

    /// What `slot` means. A slot keeps its meaning for the life of the maps.
    pub fn service(&self, slot: u32) -> Option<Service> {
        (slot < self.services.len()).then(|| self.services.get(slot))
    }

    pub(super) fn pinnable(&self, name: &'static str) -> Result<&Map, DataplaneError> {
        self.ebpf.map(name).ok_or_else(|| absent(name))
    }
}

/// Slots for `entries` entries, with an eighth more for names that come later.
fn room_for(entries: usize) -> u32 {
    let roomy = (entries + entries / 8)
        .next_power_of_two()
        .try_into()
        .unwrap_or(MAX_SLOTS);
    roomy.clamp(MIN_SLOTS, MAX_SLOTS)
}

/// Before Linux 5.11 maps count against RLIMIT_MEMLOCK (kernel commit 755e5d55367a). Where the limit may not be raised it
/// may still suffice, and if it does not, creating the maps says so.
fn lift_memlock() {
    let unlimited = Rlimit {
        current: None,
        maximum: None,
    };
    let _raised = setrlimit(Resource::Memlock, unlimited);
}

fn map_data<'ebpf>(
    ebpf: &'ebpf Ebpf,
    name: &'static str,
) -> Result<&'ebpf MapData, DataplaneError> {
    match ebpf.map(name) {
        Some(Map::Array(data) | Map::HashMap(data)) => Ok(data),
        _ => Err(absent(name)),
    }
}

fn absent(name: &'static str) -> DataplaneError {
    let why = io::Error::new(io::ErrorKind::NotFound, name);
    DataplaneError::System {
        what: "the kernel object lacks a map or program that it should have",
        why,
    }
}
