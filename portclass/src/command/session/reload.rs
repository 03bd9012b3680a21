//! SIGHUP: reading the registry's files again while the run goes on.

use std::{
    fmt, fs, io,
    os::unix::fs::FileTypeExt as _,
    path::{Path, PathBuf},
    thread,
};

use portclass::{
    dataplane::{Dataplane, FillError},
    registry::{Registry, Sources},
};
use tokio::{signal::unix::Signal, sync::oneshot};

use super::{
    super::{
        load_registry,
        privilege::{keep, needed_to_read},
        summary,
    },
    ends::next,
};

/// Where the registry of a run comes from.
pub enum Origin {
    /// Files that the command line or the environment names.
    Files(Box<Sources>),
    /// The one inside the program.
    Shipped,
    /// The pinned maps in that folder.
    Pinned(PathBuf),
}

/// A registry, or the line that says why there is none.
type Outcome = Result<Registry, String>;

/// Reads the registry again at every SIGHUP, one reading at a time: signals that come meanwhile are one more.
pub struct Reload {
    origin: Origin,
    hangup: Option<Signal>,
    /// Done by a thread of its own: a pipe into which nobody writes, or a file system that does not answer, holds it up.
    reading: Option<oneshot::Receiver<Outcome>>,
}

impl Reload {
    /// Reads what `origin` names whenever `hangup` comes, if that is for the registry.
    pub fn new(origin: Origin, hangup: Option<Signal>) -> Self {
        Self {
            origin,
            hangup,
            reading: None,
        }
    }

    /// Waits until somebody asks for the registry and it is read. Nothing is lost when the wait is given up.
    pub async fn registry(&mut self) -> Outcome {
        if self.reading.is_none() {
            next(self.hangup.as_mut()).await;
        }
        let reading = match &mut self.reading {
            Some(reading) => reading,
            none => none.insert(self.origin.read()?),
        };
        let read = reading.await;
        self.reading = None;
        read.unwrap_or_else(|_| Err(kept("the thread that reads it has ended")))
    }
}

impl Origin {
    /// Whether files are read again.
    pub fn is_files(&self) -> bool {
        matches!(self, Self::Files(_))
    }

    pub fn of(sources: Sources) -> Self {
        if files(&sources).next().is_none() {
            return Self::Shipped;
        }
        Self::Files(Box::new(sources))
    }

    /// Starts to read, or says why there is nothing to read.
    fn read(&self) -> Result<oneshot::Receiver<Outcome>, String> {
        const NOTHING: &str = "nothing to reload: the registry is";
        let sources = match self {
            Self::Files(sources) => sources.clone(),
            Self::Shipped => {
                return Err(format!(
                    "{NOTHING} the one inside this program; --registry and --overlay name files"
                ));
            }
            Self::Pinned(directory) => {
                return Err(format!(
                    "{NOTHING} the pinned one; portclass load --pin-dir {} changes it",
                    directory.display()
                ));
            }
        };
        let (send, reading) = oneshot::channel();
        // The run may have ended when it is read.
        let read = move || {
            let _kept = keep(needed_to_read());
            drop(send.send(read(&sources)));
        };
        match thread::Builder::new().spawn(read) {
            Ok(_) => Ok(reading),
            Err(why) => Err(kept(format_args!(
                "cannot start a thread: {why}; send SIGHUP again"
            ))),
        }
    }
}

fn read(sources: &Sources) -> Outcome {
    if let Some(path) = files(sources).find(|path| is_used_up(path)) {
        return Err(kept(format_args!(
            "{}: a pipe without a name cannot be read again; start the run again with a file",
            path.display()
        )));
    }
    load_registry(sources)
        .map_err(|error| kept(format_args!("{error}; put it right and send SIGHUP again")))
}

fn files(sources: &Sources) -> impl Iterator<Item = &Path> {
    let layers = sources.etc_services.iter().chain(&sources.overlays);
    sources.registry.iter().chain(layers).map(PathBuf::as_path)
}

/// Whether it is a pipe without a name, such as stdin may be: what was in it has been read.
fn is_used_up(path: &Path) -> bool {
    let is_pipe = |metadata: fs::Metadata| metadata.file_type().is_fifo();
    let has_no_name = |why: io::Error| why.kind() == io::ErrorKind::NotFound;
    fs::metadata(path).is_ok_and(is_pipe) && fs::canonicalize(path).is_err_and(has_no_name)
}

fn kept(why: impl fmt::Display) -> String {
    format!("warning: not reloaded, the registry stays as it is: {why}")
}

/// Puts a registry into the maps of a run, and gives the line that says what has changed.
pub fn put(registry: &Registry, dataplane: &mut Dataplane) -> String {
    match dataplane.fill(registry) {
        Ok(changes) => format!("reloaded the registry: {}", summary(&changes)),
        Err(error @ FillError::TooLarge { .. }) => kept(error),
        Err(error @ FillError::Kernel(_)) => {
            format!(
                "warning: perhaps only a part of the registry is reloaded: {error}; send SIGHUP again"
            )
        }
    }
}
