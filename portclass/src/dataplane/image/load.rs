//! Loading images, with sizes, settings, and maps that several of them share; and their programs.

use std::{
    io,
    mem::ManuallyDrop,
    os::fd::{AsFd as _, AsRawFd as _, FromRawFd as _, OwnedFd},
};

use aya::{Ebpf, EbpfLoader, maps::MapData, programs::ProgramError};
use portclass_common::{names, settings::switch};

use super::{Access, Image, Registry, Sizes, map_data};
use crate::dataplane::{
    DataplaneError, Settings,
    counters::{Counters, stride},
};

impl Image {
    /// As many images of the object, with room in the counters for every slot and CPU.
    pub(in crate::dataplane) fn load_all(
        object: &'static [u8],
        settings: Settings,
        sizes: Sizes,
        registry: Registry<'_>,
        count: usize,
    ) -> Result<Vec<Self>, DataplaneError> {
        if settings.log_unlabelled && Access::allowed() == Access::Copied {
            return Err(DataplaneError::NoLog);
        }
        let stride = stride(sizes.slots);
        let slots = match registry {
            Registry::New | Registry::Pinned(_) => sizes.slots,
            // They are replaced at once.
            Registry::Of(_) => 1,
        };
        let log_level = if settings.log_unlabelled {
            aya_log::Level::Debug as u8
        } else {
            0
        };
        let switches = switches(settings);
        let mark_mask = settings.mark.map_or(0, |mask| mask.bits());
        let mark_shift = settings.mark.map_or(0, |mask| mask.shift());

        // The loader reads the kernel's types when it is made, 20 ms and 12 MiB. Nothing in the object is relocated against
        // them, so they go at once, and one loader serves all images.
        let mut loader = EbpfLoader::new();
        loader.btf(None);
        loader
            .map_max_entries(names::REGISTRY, slots)
            .map_max_entries(names::SERVICES, slots)
            .map_max_entries(names::COUNTERS, sizes.cpus * stride)
            .override_global(names::COUNTER_STRIDE, &stride, true)
            .override_global(names::LOG_LEVEL, &log_level, true)
            .override_global(names::SWITCHES, &switches, true)
            .override_global(names::MARK_MASK, &mark_mask, true)
            .override_global(names::MARK_SHIFT, &mark_shift, true);
        if let Registry::Pinned(pins) = registry {
            for name in names::PINNED {
                loader.map_pin_path(name, pins.path(name));
            }
        }
        let load = || {
            let ebpf = loader.load(object)?;
            Self::new(ebpf, settings, sizes, registry)
        };
        std::iter::repeat_with(load).take(count).collect()
    }

    fn new(
        ebpf: Ebpf,
        settings: Settings,
        sizes: Sizes,
        registry: Registry<'_>,
    ) -> Result<Self, DataplaneError> {
        let counters = Counters::new(
            map_data(&ebpf, names::COUNTERS)?,
            sizes.cpus,
            stride(sizes.slots),
        )
        .map_err(|why| DataplaneError::Unmapped {
            map: names::COUNTERS,
            why,
        })?;
        if let Registry::Of(other) = registry {
            for name in
                names::PINNED
                    .into_iter()
                    .chain([names::MEMO, names::LOG_RING, names::LOG_BUDGET])
            {
                replace(map_data(&ebpf, name)?, other.map_data(name)?)?;
            }
        }
        for (section, name) in names::WINDOWS {
            replace(map_data(&ebpf, section)?, map_data(&ebpf, name)?)?;
        }
        Ok(Self {
            attached: Vec::new(),
            ebpf,
            counters,
            tag_metadata: settings.tag_metadata,
            access: Access::allowed(),
            loaded: Vec::new(),
            infos: Vec::new(),
        })
    }
}

/// Puts one map in the place of another. Programs know their maps by descriptor until they are loaded, so a descriptor
/// comes to stand for another map.
fn replace(map: &MapData, by: &MapData) -> Result<(), DataplaneError> {
    // SAFETY: the descriptor is open and stays the property of its map: it is replaced in place, not closed.
    let descriptor = unsafe { OwnedFd::from_raw_fd(map.fd().as_fd().as_raw_fd()) };
    let mut descriptor = ManuallyDrop::new(descriptor);
    rustix::io::dup3(by.fd(), &mut descriptor, rustix::io::DupFlags::CLOEXEC).map_err(|why| {
        DataplaneError::System {
            what: "cannot share the maps",
            why: why.into(),
        }
    })
}

/// The settings that the kernel side has in one word.
fn switches(settings: Settings) -> u32 {
    let bits = [
        (settings.log_unlabelled, switch::LOG_UNLABELLED),
        (settings.decapsulate, switch::DECAPSULATE),
        (settings.tag_metadata, switch::TAG_METADATA),
        (settings.original_length, switch::ORIGINAL_LENGTH),
    ];
    bits.into_iter().filter(|&(is_on, _)| is_on).fold(
        (settings.matching as u32) << switch::MATCHING_SHIFT,
        |all, (_, bit)| all | bit,
    )
}

/// Loads a program. The verifier gives up with EAGAIN when a signal arrives, or the freezer of a cgroup (`do_check` in
/// kernel/bpf/verifier.c), which says nothing about the program: it is tried again then, as by libbpf.
pub(super) fn load_program(
    mut load: impl FnMut() -> Result<(), ProgramError>,
) -> Result<(), ProgramError> {
    const INTERRUPTIONS: usize = 4;
    for _ in 0..INTERRUPTIONS {
        match load() {
            Err(ProgramError::LoadError { io_error, .. })
                if io_error.kind() == io::ErrorKind::WouldBlock => {}
            loaded => return loaded,
        }
    }
    load()
}
