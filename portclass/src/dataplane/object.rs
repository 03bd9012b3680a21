//! The registry's maps, and the images that label by them.

use std::io;

use aya::{
    Ebpf, Pod, include_bytes_aligned,
    maps::{Array, HashMap, Map, MapError},
    programs::Program,
};
use portclass_common::{
    counter::Counter,
    label::{Label, MAX_SLOTS, Service},
    labelling::Matching,
    names,
    packet::Link,
    port::PortKey,
    settings::{Contents, State},
    tag::MarkMask,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{
    AttachError, Attachment, Changes, DataplaneError, FillError, Image, Interface, KernelLog, Mode,
    Obstacle, Pins, Role, TcAttachment, TcHook,
    counters::possible_cpus,
    fill::Target,
    image::{Registry as RegistryOf, Sizes},
    links,
    mapped::Mapped,
    tc::{Clsact, our_filters_on},
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
    /// Which port decides.
    pub matching: Matching,
    /// Whether tunnels are looked into.
    pub decapsulate: bool,
    /// Whether XDP puts a tag in front of frames.
    pub tag_metadata: bool,
    /// The bits of the mark that tc sets, if it sets any.
    pub mark: Option<MarkMask>,
    /// Whether eight bytes of metadata tell a frame's original length, in native byte order.
    pub original_length: bool,
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

/// The registry in the kernel, and one image or several that label by it. What they have attached goes with them.
pub struct Dataplane {
    object: &'static [u8],
    /// The first one's registry is the registry.
    images: Vec<Image>,
    /// They go after what was attached to them.
    qdiscs: Vec<Clsact>,
    services: Mapped<Service>,
    settings: Settings,
    sizes: Sizes,
    pinned: bool,
}

impl Dataplane {
    /// Creates the maps, or takes the pinned ones. Nothing is loaded or attached yet.
    ///
    /// # Errors
    ///
    /// No privilege, no BPF in the kernel, or pins that have changed since they were found.
    pub fn open(maps: Maps<'_>, settings: Settings) -> Result<Self, DataplaneError> {
        Self::open_object(OBJECT, maps, settings)
    }

    /// As [`open`](Self::open), with another kernel object than the shipped one; it has the same maps, programs and
    /// settings, and more.
    ///
    /// # Errors
    ///
    /// As those of [`open`](Self::open), or bytes that are no such object.
    pub fn open_object(
        object: &'static [u8],
        maps: Maps<'_>,
        settings: Settings,
    ) -> Result<Self, DataplaneError> {
        lift_memlock();
        let (slots, registry) = match maps {
            Maps::Private { entries } => (room_for(entries), RegistryOf::New),
            Maps::Pinned(pins) => (pins.slots(), RegistryOf::Pinned(pins)),
        };
        let cpus = possible_cpus().map_err(|why| DataplaneError::System {
            what: "cannot count the CPUs",
            why,
        })?;
        let sizes = Sizes { slots, cpus };
        let images = Image::load_all(object, settings, sizes, registry, 1)?;
        let services = Mapped::new(images[0].map_data(names::SERVICES)?, slots).map_err(|why| {
            DataplaneError::Unmapped {
                map: names::SERVICES,
                why,
            }
        })?;
        if let Maps::Pinned(pins) = maps {
            // The loader makes and pins new maps where it finds none.
            let ids = names::PINNED.map(|name| {
                images[0]
                    .map_data(name)
                    .ok()?
                    .info()
                    .ok()
                    .map(|info| info.id())
            });
            if ids != pins.ids().map(Some) {
                return Err(DataplaneError::PinsChanged(pins.directory().to_owned()));
            }
        }
        Ok(Self {
            object,
            images,
            qdiscs: Vec::new(),
            services,
            settings,
            sizes,
            pinned: matches!(maps, Maps::Pinned(_)),
        })
    }

    /// Loads the object `count` times more, each with counters of its own and the same registry and settings.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    pub fn add_images(&mut self, count: usize) -> Result<(), DataplaneError> {
        if count > 0 {
            let registry = RegistryOf::Of(&self.images[0]);
            let images = Image::load_all(self.object, self.settings, self.sizes, registry, count)?;
            self.images.extend(images);
        }
        Ok(())
    }

    /// The image at this position; the first one, at 0, is there from the start.
    ///
    /// # Panics
    ///
    /// There are fewer images.
    pub fn image(&mut self, position: usize) -> &mut Image {
        &mut self.images[position]
    }

    /// The loaded object of an image, for what only another object than the shipped one has.
    ///
    /// # Panics
    ///
    /// There are fewer images.
    pub fn ebpf(&self, image: usize) -> &Ebpf {
        self.images[image].ebpf()
    }

    /// As [`ebpf`](Self::ebpf), to load programs and fill maps.
    ///
    /// # Panics
    ///
    /// There are fewer images.
    pub fn ebpf_mut(&mut self, image: usize) -> &mut Ebpf {
        self.images[image].ebpf_mut()
    }

    /// Makes the maps hold `registry` and nothing else. Slots keep their meaning; the generation is bumped last.
    ///
    /// # Errors
    ///
    /// A registry that needs more slots than there are (nothing is changed), or what the kernel says.
    pub fn fill(&mut self, registry: &Registry) -> Result<Changes, FillError> {
        let [Some(registry_map), Some(state_map)] = self.images[0]
            .ebpf_mut()
            .maps_disjoint_mut([names::REGISTRY, names::STATE])
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
        let map = self.images[0]
            .ebpf()
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

    /// Makes the log of all images readable. To be called when they are all there, and before their programs are loaded.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    pub fn log(
        &mut self,
        write: impl Fn(&str) + Send + Sync + 'static,
    ) -> Result<KernelLog, DataplaneError> {
        self.images[0].log(write)
    }

    /// All programs that are loaded, each with its name.
    pub(super) fn programs(&self) -> impl Iterator<Item = (&'static str, &Program)> {
        self.images.iter().flat_map(Image::programs)
    }

    /// The ids of all programs that are loaded.
    pub fn program_ids(&self) -> Vec<u32> {
        self.images.iter().flat_map(Image::program_ids).collect()
    }

    /// Whether all that was attached to `interface`, which has just been listed, is there still. What the kernel does not
    /// tell counts as there.
    pub fn is_attached(&self, interface: &Interface) -> bool {
        let images = self.images.iter();
        let attached: usize = images.map(|image| image.attached_to(interface.index)).sum();
        let ids = self.program_ids();
        let Ok(links) = links::attached(&ids, interface.index) else {
            return true;
        };
        if links >= attached {
            return true;
        }
        our_filters_on(interface).map_or(true, |filters| {
            let filters = filters.iter().filter(|filter| ids.contains(&filter.id));
            links + filters.count() >= attached
        })
    }

    /// Whether something is attached that takes CAP_NET_ADMIN to remove.
    pub fn is_attached_over_netlink(&self) -> bool {
        self.images.iter().any(Image::is_attached_over_netlink)
    }

    /// Attaches an image's XDP program to `interface`, for as long as `self` lives.
    ///
    /// # Errors
    ///
    /// What is in the way, and how to remove it.
    pub fn attach(
        &mut self,
        image: usize,
        interface: &Interface,
        mode: Mode,
    ) -> Result<Attachment, AttachError> {
        let link = link_of(interface)?;
        self.images[image].attach(interface, link, mode)
    }

    /// Attaches an image's tc program of this role to `interface`, for as long as `self` lives. What the process leaves
    /// behind when it is killed, [`our_filters`](super::our_filters) finds.
    ///
    /// # Errors
    ///
    /// What is in the way.
    pub fn attach_tc(
        &mut self,
        image: usize,
        role: Role,
        interface: &Interface,
        hook: TcHook,
    ) -> Result<TcAttachment, AttachError> {
        let link = link_of(interface)?;
        self.images[image].attach_tc(role, interface, link, hook, &mut self.qdiscs)
    }

    /// Takes the programs off one interface.
    pub fn detach_from(&mut self, interface: &Interface) {
        for image in &mut self.images {
            image.detach_from(interface.index);
        }
        self.qdiscs.retain(|qdisc| qdisc.index != interface.index);
    }

    /// Takes the programs off every interface. The counters stay as they are.
    pub fn detach(&mut self) {
        self.images.iter_mut().for_each(Image::detach);
        self.qdiscs.clear();
    }

    /// What every image has counted, summed over the CPUs: reasons first, then slots.
    pub fn counters(&self) -> Vec<Vec<Counter>> {
        let present = self.images[0].present_cpus();
        let images = self.images.iter();
        images.map(|image| image.counters_of(&present)).collect()
    }

    /// What `slot` means. A slot keeps its meaning for the life of the maps.
    pub fn service(&self, slot: u32) -> Option<Service> {
        (slot < self.services.len()).then(|| self.services.get(slot))
    }

    pub(super) fn pinnable(&self, name: &'static str) -> Result<&Map, DataplaneError> {
        self.images[0].ebpf().map(name).ok_or_else(|| absent(name))
    }
}

/// What the frames of `interface` begin with.
fn link_of(interface: &Interface) -> Result<Link, AttachError> {
    interface
        .link
        .ok_or_else(|| AttachError::on(interface, Obstacle::UnknownLink))
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
    if setrlimit(Resource::Memlock, unlimited).is_err() {
        // As far as anybody may.
        let hard = getrlimit(Resource::Memlock).maximum;
        let _raised = setrlimit(
            Resource::Memlock,
            Rlimit {
                current: hard,
                maximum: hard,
            },
        );
    }
}

pub(super) fn absent(name: &'static str) -> DataplaneError {
    let why = io::Error::new(io::ErrorKind::NotFound, name);
    DataplaneError::System {
        what: "the kernel object lacks a map or program that it should have",
        why,
    }
}
