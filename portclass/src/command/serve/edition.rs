//! Publications in the forms that they are served in, each made once and only when somebody asks for it.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use hyper::body::Bytes;
use portclass::{
    account::{History, Snapshot},
    report::{Exposition, Metrics, snapshot_line},
};
use tokio::sync::watch;

use super::Publication;

/// A publication, with what was made of it so far.
pub struct Edition {
    publication: Arc<Publication>,
    json: OnceLock<Bytes>,
    event: OnceLock<Bytes>,
}

impl Edition {
    fn new(publication: Arc<Publication>) -> Self {
        Self {
            publication,
            json: OnceLock::new(),
            event: OnceLock::new(),
        }
    }

    pub fn is_last(&self) -> bool {
        self.publication.is_last
    }

    fn snapshot(&self) -> &Snapshot {
        &self.publication.snapshot
    }

    /// A `portclass.snapshot/1`, on one line.
    pub fn json(&self) -> Bytes {
        let json = || {
            let mut json = Vec::new();
            snapshot_line(&mut json, self.snapshot()).expect("a vector has room");
            json.into()
        };
        self.json.get_or_init(json).clone()
    }

    /// The same as an event.
    pub fn event(&self) -> Bytes {
        let event = || event("snapshot", &self.json());
        self.event.get_or_init(event).clone()
    }
}

/// A server-sent event; `data` is one line.
fn event(name: &str, data: &[u8]) -> Bytes {
    let head = format!("event: {name}\ndata: ");
    [head.as_bytes(), data.trim_ascii_end(), b"\n\n"]
        .concat()
        .into()
}

/// The last event of a run.
pub fn end() -> Bytes {
    event("end", b"{}")
}

/// What goes on from one edition to the next.
struct Running {
    metrics: Metrics,
    history: History,
}

/// All editions.
#[derive(Clone)]
pub struct Editions {
    latest: watch::Receiver<Arc<Edition>>,
    running: Arc<Mutex<Running>>,
}

impl Editions {
    /// Follows what is published, by a task of its own.
    pub fn new(top: Option<usize>, mut published: watch::Receiver<Arc<Publication>>) -> Self {
        let first = Arc::clone(&published.borrow_and_update());
        let mut running = Running {
            metrics: Metrics::new(top),
            history: History::default(),
        };
        running.metrics.see(&first.snapshot);
        let running = Arc::new(Mutex::new(running));
        let (send, latest) = watch::channel(Arc::new(Edition::new(first)));
        let follower = Arc::clone(&running);
        tokio::spawn(async move {
            while published.changed().await.is_ok() {
                let next = Arc::clone(&published.borrow_and_update());
                {
                    let mut running = follower.lock().unwrap_or_else(PoisonError::into_inner);
                    running.metrics.see(&next.snapshot);
                    running.history.add(&next.snapshot);
                }
                send.send_replace(Arc::new(Edition::new(next)));
            }
        });
        Self { latest, running }
    }

    pub fn latest(&self) -> Arc<Edition> {
        Arc::clone(&self.latest.borrow())
    }

    /// A receiver that has seen the latest one.
    pub fn follow(&self) -> watch::Receiver<Arc<Edition>> {
        let mut follower = self.latest.clone();
        follower.mark_unchanged();
        follower
    }

    pub fn metrics(&self, exposition: Exposition) -> String {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let edition = self.latest();
        let programs = &edition.publication.programs;
        running
            .metrics
            .text(edition.snapshot(), programs, exposition)
    }

    /// The history as an event.
    pub fn history(&self) -> Bytes {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let report = serde_json::to_vec(&running.history.report());
        event("history", &report.expect("numbers and names"))
    }
}
