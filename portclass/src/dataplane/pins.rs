//! The pinned maps: a registry that outlives the process that loaded it.

use std::{
    fs::{self, DirBuilder, File, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use aya::maps::{Array, Map, MapData, MapInfo, MapType};
use portclass_common::{
    label::{Label, Service},
    names,
    port::PortKey,
    settings::{Contents, LAYOUT_VERSION, State},
};
use rustix::{
    io::Errno,
    thread::{CapabilitySet, capability_is_in_bounding_set},
};

use super::{
    Dataplane, DataplaneError, PinError,
    error::{LEND_BPFFS, MOUNT_BPFFS, NAME_BPFFS},
    object::Shared,
};

/// Where the maps are pinned unless another folder is named.
pub const DEFAULT_PIN_DIR: &str = "/sys/fs/bpf/portclass";

/// Of linux/bpf.h: an array that user space can map into its memory.
const BPF_F_MMAPABLE: u32 = 1 << 10;

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
            infos.extend(open(&directory.join(name), name)?.map(|(_, info)| info));
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
        let unreadable = |why: aya::maps::MapError| PinError::system(&path, io::Error::other(why));
        let Some((map, _)) = open(&path, names::STATE)? else {
            return Ok(None);
        };
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
        let kernel =
            |path: &Path, error: DataplaneError| PinError::system(path, io::Error::other(error));
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
                let code = system_code(&error).map(|code| code.raw_os_error());
                let why =
                    code.map_or_else(|| io::Error::other(error), io::Error::from_raw_os_error);
                return Err(PinError::system(&path, why));
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

/// Opens a pin and checks that it is the map of that name. `None` where nothing is.
fn open(path: &Path, name: &str) -> Result<Option<(MapData, MapInfo)>, PinError> {
    let foreign = |what: &str, remedy: &str| PinError::Foreign {
        path: path.to_owned(),
        what: what.to_owned(),
        remedy: format!("{remedy} {}", path.display()),
    };
    match path.symlink_metadata() {
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(why) => return Err(PinError::system(path, why)),
        Ok(metadata) if !metadata.is_file() => return Err(foreign("no pin at all", "rm -r")),
        Ok(_) => {}
    }
    let map = MapData::from_pin(path).map_err(|error| match system_code(&error) {
        Some(Errno::PERM | Errno::ACCESS) => {
            PinError::system(path, io::ErrorKind::PermissionDenied.into())
        }
        _ => foreign("a foreign file", "rm"),
    })?;
    let info = map.info().map_err(|_| foreign("no BPF map", "rm"))?;
    let (kind, key, value, flags) = match name {
        names::REGISTRY => (MapType::Hash, size_of::<PortKey>(), size_of::<Label>(), 0),
        names::SERVICES => {
            let service = size_of::<Service>();
            (MapType::Array, size_of::<u32>(), service, BPF_F_MMAPABLE)
        }
        _ => (MapType::Array, size_of::<u32>(), size_of::<State>(), 0),
    };
    let fits = info.name_as_str() == Some(name)
        && info.map_type().is_ok_and(|found| found == kind)
        && info.key_size() as usize == key
        && info.value_size() as usize == value
        && info.map_flags() == flags;
    if !fits {
        return Err(foreign("a BPF map of another kind", "rm"));
    }
    Ok(Some((map, info)))
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
    let is_bpffs =
        |path: &Path| rustix::fs::statfs(path).map(|system| system.f_type as u32 == BPF_FS_MAGIC);
    let absent = || PinError::NoBpffs {
        folder: directory.to_owned(),
        remedy: match is_bpffs(Path::new("/sys/fs/bpf")) {
            Ok(true) => NAME_BPFFS,
            _ if capability_is_in_bounding_set(CapabilitySet::SYS_ADMIN).unwrap_or(true) => {
                MOUNT_BPFFS
            }
            _ => LEND_BPFFS,
        },
    };
    let absolute =
        std::path::absolute(directory).map_err(|why| PinError::system(directory, why))?;
    let Some(existing) = absolute.ancestors().find(|ancestor| ancestor.exists()) else {
        return Err(absent());
    };
    if !is_bpffs(existing).map_err(|why| PinError::system(existing, why.into()))? {
        return Err(absent());
    }
    if !existing.is_dir() {
        return Err(PinError::system(
            existing,
            io::ErrorKind::NotADirectory.into(),
        ));
    }
    Ok(())
}

/// The right to use the pins of a folder, which nobody changes meanwhile, or to change them, one process at a time.
pub struct Lock {
    directory: PathBuf,
    folder: File,
    /// Whether the folder was made for this lock. It is removed again if it holds nothing in the end.
    is_new: bool,
}

/// How long another process may take to change pins, which it does in a fraction of a second, or in seconds where processors
/// are emulated.
const PATIENCE: Duration = Duration::from_secs(15);

impl Lock {
    /// Waits until nobody changes the pins of `directory`. `None` where there is no such folder.
    ///
    /// # Errors
    ///
    /// What the system says, or [`PinError::Busy`].
    pub fn shared(directory: &Path) -> Result<Option<Self>, PinError> {
        match Self::hold(directory, File::try_lock_shared) {
            Err(PinError::System { why, .. }) if why.kind() == io::ErrorKind::NotFound => Ok(None),
            held => held.map(Some),
        }
    }

    /// Makes `directory` where it is missing, and waits until nobody else uses its pins or changes them.
    ///
    /// # Errors
    ///
    /// What the system says, or [`PinError::Busy`].
    pub fn exclusive(directory: &Path) -> Result<Self, PinError> {
        let started = Instant::now();
        loop {
            let is_new = Self::make(directory).map_err(|why| PinError::system(directory, why))?;
            match Self::hold(directory, File::try_lock) {
                // Its last user has removed it again.
                Err(PinError::System { why, .. })
                    if why.kind() == io::ErrorKind::NotFound && started.elapsed() < PATIENCE => {}
                held => {
                    return held.map(|mut lock| {
                        lock.is_new = is_new;
                        lock
                    });
                }
            }
        }
    }

    /// Makes `directory` where it is missing, and says whether it was. Only one of several that make it is told so, and
    /// whoever is not may find it removed again.
    fn make(directory: &Path) -> io::Result<bool> {
        // For us alone: whoever may open the folder may hold everybody else up.
        let mut builder = DirBuilder::new();
        builder.mode(0o700);
        if let Some(parent) = directory.parent().filter(|parent| !parent.exists()) {
            builder.recursive(true).create(parent)?;
            builder.recursive(false);
        }
        match builder.create(directory) {
            Ok(()) => Ok(true),
            Err(why) if why.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(why) => Err(why),
        }
    }

    fn hold(
        directory: &Path,
        try_lock: impl Fn(&File) -> Result<(), TryLockError>,
    ) -> Result<Self, PinError> {
        let system = |why| PinError::system(directory, why);
        let started = Instant::now();
        loop {
            let folder = File::open(directory).map_err(system)?;
            match try_lock(&folder) {
                Ok(()) => {
                    // Whoever held it before may have removed it, and another one may stand in its place.
                    let [held, there] = [folder.metadata(), fs::metadata(directory)];
                    let (held, there) = (held.map_err(system)?, there.map_err(system)?);
                    if (held.dev(), held.ino()) == (there.dev(), there.ino()) {
                        return Ok(Self {
                            directory: directory.to_owned(),
                            folder,
                            is_new: false,
                        });
                    }
                }
                Err(TryLockError::WouldBlock) if started.elapsed() < PATIENCE => {
                    thread::sleep(Duration::from_millis(5));
                }
                Err(TryLockError::WouldBlock) => return Err(PinError::Busy(directory.to_owned())),
                Err(TryLockError::Error(why)) => return Err(system(why)),
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if self.is_new {
            // Fails, as it should, when the folder holds anything.
            let _removed = fs::remove_dir(&self.directory);
        }
        let _unlocked = self.folder.unlock();
    }
}

/// Removes our pins from `directory`, and the folder when nothing else is in it. Returns the paths removed.
///
/// # Errors
///
/// What the system says; [`PinError::Foreign`] for something of others where a pin should be, which stays. Pins of
/// ours are gone all the same.
pub fn remove(directory: &Path) -> Result<Vec<PathBuf>, PinError> {
    if !directory.exists() {
        return Ok(Vec::new());
    }
    check_bpffs(directory)?;
    let mut lock = Lock::exclusive(directory)?;
    let mut removed = Vec::new();
    let mut left = None;
    // `state` goes first: without it nobody takes the others for a whole set.
    for name in names::PINNED.into_iter().rev() {
        let path = directory.join(name);
        match open(&path, name) {
            Ok(None) => {}
            Ok(Some(_)) => {
                fs::remove_file(&path).map_err(|why| PinError::system(&path, why))?;
                removed.push(path);
            }
            Err(error) => left = Some(error),
        }
    }
    lock.is_new |= !removed.is_empty();
    left.map_or(Ok(removed), Err)
}
