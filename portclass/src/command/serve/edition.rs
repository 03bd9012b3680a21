//! Publications in the forms that they are served in, each made once and only when somebody asks for it.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

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
    prometheus: OnceLock<Bytes>,
    open_metrics: OnceLock<Bytes>,
    history: OnceLock<Bytes>,
}

impl Edition {
    fn new(publication: Arc<Publication>) -> Self {
        Self {
            publication,
            json: OnceLock::new(),
            event: OnceLock::new(),
            prometheus: OnceLock::new(),
            open_metrics: OnceLock::new(),
            history: OnceLock::new(),
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

    /// The latest one's metrics.
    pub fn metrics(&self, exposition: Exposition) -> Bytes {
        let edition = self.latest();
        let text = || {
            let programs = &edition.publication.programs;
            let metrics = &self.running().metrics;
            let text = metrics.text(edition.snapshot(), programs, exposition);
            text.into()
        };
        let made = match exposition {
            Exposition::Prometheus => &edition.prometheus,
            Exposition::OpenMetrics => &edition.open_metrics,
        };
        made.get_or_init(text).clone()
    }

    /// The history up to the latest one, as an event.
    pub fn history(&self) -> Bytes {
        let history = || {
            let report = serde_json::to_vec(&self.running().history.report());
            event("history", &report.expect("numbers and names"))
        };
        self.latest().history.get_or_init(history).clone()
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Instant};

    use portclass::{
        account::{Account, Observed, Sort},
        report::Exposition,
    };
    use portclass_common::settings::Contents;
    use tokio::sync::watch;

    use super::{Editions, Publication};

    fn publication() -> Arc<Publication> {
        let observed = Observed {
            registry: Contents::default().into(),
            interfaces: Vec::new(),
            origins: Vec::new(),
            sort: Sort::default(),
            tunnels: false,
            tags: false,
        };
        let now = Instant::now();
        Arc::new(Publication {
            snapshot: Account::new(observed, now).interval(Vec::new(), now, |_| None),
            programs: Vec::new(),
            is_last: false,
        })
    }

    #[test]
    fn every_form_is_made_once_an_edition() {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.expect("a runtime").block_on(async {
            let (publish, published) = watch::channel(publication());
            let editions = Editions::new(None, published);
            let forms = || {
                [
                    editions.metrics(Exposition::Prometheus),
                    editions.metrics(Exposition::OpenMetrics),
                    editions.history(),
                    editions.latest().json(),
                    editions.latest().event(),
                ]
            };
            let first = forms();
            for (one, same) in first.iter().zip(forms()) {
                assert_eq!(one.as_ptr(), same.as_ptr());
            }
            publish.send_replace(publication());
            let mut follower = editions.follow();
            follower.changed().await.expect("another edition");
            for (one, other) in first.iter().zip(forms()) {
                assert_ne!(one.as_ptr(), other.as_ptr());
            }
        });
    }
}
