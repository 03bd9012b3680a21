//! What a run shows over HTTP: metrics for others to collect, and a page. It is served by a thread of its own, which has no
//! privilege, so that nobody who connects can hold the run up.

mod answer;
mod connection;
mod edition;
mod host;
mod page;

use std::{
    net::{SocketAddr, TcpListener},
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::Duration,
};

use portclass::account::{ProgramRuns, Snapshot};
use rustix::thread::CapabilitySet;
use tokio::sync::watch;

use self::{connection::accept, edition::Editions, host::Hosts};
use super::{Failure, privilege::keep, stderr::say};

/// What is served.
pub struct Wishes {
    /// Services that have series of their own at most.
    pub top: Option<usize>,
    /// Names that the listener is asked by, beside its address.
    pub hosts: Vec<String>,
}

/// A listener that serves nobody yet.
pub struct Listener {
    listener: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Listens, before anything is attached: an address that is in use ends the run.
    pub fn bind(address: SocketAddr) -> Result<Self, Failure> {
        let bind = || {
            let listener = TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            Ok(Self { listener, address })
        };
        bind().map_err(|why: std::io::Error| {
            Failure::new(format!(
                "cannot listen on {address}: {why}; choose another address with --metrics-listen"
            ))
        })
    }

    /// Serves from now on, beginning with `first`.
    pub fn serve(self, wishes: Wishes, first: Publication) -> Result<Feed, Failure> {
        let (publish, published) = watch::channel(Arc::new(first));
        let (done, end) = mpsc::sync_channel(1);
        let address = self.address;
        let hosts = Hosts::new(wishes.hosts);
        let serve = move || {
            let _kept = keep(CapabilitySet::empty());
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let served = runtime.and_then(|runtime| {
                runtime.block_on(async {
                    let listener = tokio::net::TcpListener::from_std(self.listener)?;
                    let editions = Editions::new(wishes.top, published);
                    accept(listener, hosts, editions).await;
                    Ok(())
                })
            });
            if let Err(why) = served {
                say(format_args!("warning: metrics are not served: {why}"));
            }
            let _nobody_waits = done.send(());
        };
        let thread = std::thread::Builder::new()
            .name("serve".to_owned())
            .spawn(serve)?;
        if !address.ip().is_loopback() {
            say(format_args!(
                "warning: whoever reaches {address} sees what is counted here; --metrics-listen 127.0.0.1:{} keeps it to \
                 this host",
                address.port()
            ));
        }
        say(format_args!(
            "serving metrics and a page on http://{address}/"
        ));
        Ok(Feed {
            publish,
            end,
            _thread: thread,
        })
    }
}

/// What there is to be served at a moment.
#[derive(Debug)]
pub struct Publication {
    pub snapshot: Snapshot,
    pub programs: Vec<ProgramRuns>,
    /// Whether there will be no other one.
    pub is_last: bool,
}

/// Where a run puts its snapshots.
pub struct Feed {
    publish: watch::Sender<Arc<Publication>>,
    end: mpsc::Receiver<()>,
    _thread: JoinHandle<()>,
}

impl Feed {
    /// Serves this from now on. Nothing waits for whoever reads.
    pub fn publish(&self, publication: Publication) {
        self.publish.send_replace(Arc::new(publication));
    }

    /// Serves this to those who are watching, and nobody any more.
    pub fn end(self, last: Publication) {
        const PATIENCE: Duration = Duration::from_millis(500);
        self.publish(last);
        let _late = self.end.recv_timeout(PATIENCE);
    }
}
