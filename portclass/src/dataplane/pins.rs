//! The pinned maps: a registry that outlives the process that loaded it.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use aya::maps::{Array, Map, MapData, MapInfo, MapType};
use portclass_common::{
    label::{Label, Service},
    names,
    port::PortKey,
    settings::{Contents, LAYOUT_VERSION, State},
};
use rustix::io::Errno;

use super::{Dataplane, DataplaneError, PinError, object::Shared};

/// Where the maps are pinned unless another folder is named.
pub const DEFAULT_PIN_DIR: &str = "/sys/fs/bpf/portclass";

/// `BPF_FS_MAGIC` of linux/magic.h.
const BPF_FS_MAGIC: u32 = 0xcafe_4a11;

/// A registry's pinned maps, checked to be what they should be.
#[derive(Debug)]
pub struct Pins {
    directory: PathBuf,
    ids: [u32; names::PINNED.len()],
    slots: u32,
    generation: u32,
    contents: Contents,
}

impl Pins {
    /// The pins in `directory`, or `None` where none of them is there.
    ///
    /// # Errors
    ///
    /// [`PinError::Foreign`] for something that is no map of this layout version, or for pins that are incomplete.
    pub fn find(directory: &Path) -> Result<Option<Self>, PinError> {
        let mut infos = Vec::new();
        for name in names::PINNED {
            let path = directory.join(name);
            match path.symlink_metadata() {
                Err(why) if why.kind() == io::ErrorKind::NotFound => {}
                Err(why) => return Err(PinError::System { path, why }),
                Ok(metadata) if !metadata.is_file() => {
                    return Err(PinError::Foreign {
                        remedy: format!("rm -r {}", path.display()),
                        what: "no pin at all".to_owned(),
                        path,
                    });
                }
                Ok(_) => infos.push(open(&path, name)?.1),
            }
        }
        if infos.is_empty() {
            return Ok(None);
        }
        let foreign = |what: String| PinError::Foreign {
            path: directory.to_owned(),
            what,
            remedy: removal(directory),
        };
        let [registry, services, state] = &infos[..] else {
            return Err(foreign("an incomplete set of pins".to_owned()));
        };
        if registry.max_entries() != services.max_entries() {
            return Err(foreign("maps of different sizes".to_owned()));
        }
        let path = directory.join(names::STATE);
        let unreadable = |why: aya::maps::MapError| PinError::System {
            path: path.clone(),
            why: io::Error::other(why),
        };
        let (map, _) = open(&path, names::STATE)?;
        let array: Array<_, Shared<State>> =
            Array::try_from(Map::Array(map)).map_err(unreadable)?;
        let Shared(current) = array.get(&0, 0).map_err(unreadable)?;
        if current.layout_version() != LAYOUT_VERSION {
            return Err(foreign(format!(
                "maps of layout version {}",
                current.layout_version()
            )));
        }
        Ok(Some(Self {
            directory: directory.to_owned(),
            ids: [registry.id(), services.id(), state.id()],
            slots: services.max_entries(),
            generation: current.generation(),
            contents: current.contents(),
        }))
    }

    /// Pins the filled maps of `dataplane`, `state` last; on an error those that were pinned are unpinned again.
    ///
    /// # Errors
    ///
    /// What the kernel says.
    pub fn create(directory: &Path, dataplane: &Dataplane) -> Result<(), PinError> {
        let system = |path: &Path, why| PinError::System {
            path: path.to_owned(),
            why,
        };
        let kernel = |path: &Path, error: DataplaneError| system(path, io::Error::other(error));
        for (position, name) in names::PINNED.into_iter().enumerate() {
            let path = directory.join(name);
            let map = dataplane
                .pinnable(name)
                .map_err(|error| kernel(&path, error))?;
            if let Err(error) = map.pin(&path) {
                for name in &names::PINNED[..position] {
                    // The first error is the one to report.
                    let _unpinned = fs::remove_file(directory.join(name));
                }
                return Err(system(&path, io::Error::other(error)));
            }
        }
        Ok(())
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    pub(super) fn ids(&self) -> [u32; names::PINNED.len()] {
        self.ids
    }

    /// The folder.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Slots that the maps have room for.
    pub fn slots(&self) -> u32 {
        self.slots
    }

    /// How often the registry was changed, wrapping.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// What the maps hold.
    pub fn contents(&self) -> Contents {
        self.contents
    }
}

/// Opens a pin and checks that it is the map of that name.
fn open(path: &Path, name: &str) -> Result<(MapData, MapInfo), PinError> {
    let foreign = |what: &str| PinError::Foreign {
        path: path.to_owned(),
        what: what.to_owned(),
        remedy: format!("rm {}", path.display()),
    };
    let (kind, key, value) = match name {
        names::REGISTRY => (MapType::Hash, size_of::<PortKey>(), size_of::<Label>()),
        names::SERVICES => (MapType::Array, size_of::<u32>(), size_of::<Service>()),
        _ => (MapType::Array, size_of::<u32>(), size_of::<State>()),
    };
    let map = MapData::from_pin(path).map_err(|error| match system_code(&error) {
        Some(Errno::PERM | Errno::ACCESS) => PinError::System {
            path: path.to_owned(),
            why: io::ErrorKind::PermissionDenied.into(),
        },
        _ => foreign("a foreign file"),
    })?;
    let info = map.info().map_err(|_| foreign("no BPF map"))?;
    let fits = info.map_type().is_ok_and(|found| found == kind)
        && info.key_size() as usize == key
        && info.value_size() as usize == value;
    if !fits {
        return Err(foreign("a BPF map of another kind"));
    }
    Ok((map, info))
}

fn system_code(error: &(dyn std::error::Error + 'static)) -> Option<Errno> {
    let code = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::raw_os_error);
    code.map(Errno::from_raw_os_error)
        .or_else(|| error.source().and_then(system_code))
}

/// The command that removes all pins in `directory`.
fn removal(directory: &Path) -> String {
    if directory == Path::new(DEFAULT_PIN_DIR) {
        "portclass detach".to_owned()
    } else {
        format!("portclass detach --pin-dir {}", directory.display())
    }
}

/// Checks that pins can lie in `directory`, which need not exist yet.
///
/// # Errors
///
/// [`PinError::NoBpffs`] where it is not on a BPF file system.
pub fn check_bpffs(directory: &Path) -> Result<(), PinError> {
    let Some(existing) = directory.ancestors().find(|ancestor| ancestor.exists()) else {
        return Err(PinError::NoBpffs(directory.to_owned()));
    };
    let system = rustix::fs::statfs(existing).map_err(|why| PinError::System {
        path: existing.to_owned(),
        why: why.into(),
    })?;
    if system.f_type as u32 != BPF_FS_MAGIC {
        return Err(PinError::NoBpffs(directory.to_owned()));
    }
    Ok(())
}

/// The right to change the pins of a folder, one process at a time. A folder that was made for it and holds nothing
/// in the end is removed again.
pub struct Lock {
    directory: PathBuf,
    _locked: File,
}

impl Lock {
    /// Makes `directory` where it is missing, and waits until nobody else changes its pins.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn acquire(directory: &Path) -> Result<Self, PinError> {
        let system = |why| PinError::System {
            path: directory.to_owned(),
            why,
        };
        fs::create_dir_all(directory).map_err(system)?;
        let folder = File::open(directory).map_err(system)?;
        folder.lock().map_err(system)?;
        Ok(Self {
            directory: directory.to_owned(),
            _locked: folder,
        })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Fails, as it should, when the folder holds anything.
        let _removed = fs::remove_dir(&self.directory);
    }
}

/// Removes our pins from `directory`, and the folder when nothing else is in it. Returns the paths removed.
///
/// # Errors
///
/// What the system says.
pub fn remove(directory: &Path) -> Result<Vec<PathBuf>, PinError> {
    if !directory.exists() {
        return Ok(Vec::new());
    }
    check_bpffs(directory)?;
    let _lock = Lock::acquire(directory)?;
    let mut removed = Vec::new();
    // `state` goes first: without it nobody takes the others for a whole set.
    for name in names::PINNED.into_iter().rev() {
        let path = directory.join(name);
        match fs::remove_file(&path) {
            Ok(()) => removed.push(path),
            Err(why) if why.kind() == io::ErrorKind::NotFound => {}
            Err(why) => return Err(PinError::System { path, why }),
        }
    }
    Ok(removed)
}
