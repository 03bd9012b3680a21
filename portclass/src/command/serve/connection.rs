//! Connections: only so many at a time, each for one answer, and none for longer than it is used.

use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};

use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use rustix::net::sockopt::set_tcp_user_timeout;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    time::{Instant, sleep, sleep_until},
};

use super::{
    answer::{Body, answer},
    edition::Editions,
    host::Hosts,
};

/// Connections at a time. More are closed at once.
const CONNECTIONS: usize = 64;
/// Connections at a time that events are sent over.
const WATCHERS: usize = 24;
/// Bytes of a request's line and headers at most.
const REQUEST: usize = 16 * 1024;
/// How long a request may take to arrive, an answer to be read, and an event to be taken by the other side's kernel.
const PATIENCE: Duration = Duration::from_secs(15);

/// What connections share.
pub struct Served {
    pub hosts: Hosts,
    pub editions: Editions,
    pub watchers: Arc<Semaphore>,
}

/// When a connection ends if nothing happens.
#[derive(Clone)]
pub struct Deadline(Arc<watch::Sender<Instant>>);

impl Deadline {
    fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Instant::now() + PATIENCE)))
    }

    /// Something has happened.
    pub fn extend(&self) {
        self.0.send_replace(Instant::now() + PATIENCE);
    }

    /// Waits until it has passed.
    async fn passed(&self) {
        loop {
            let deadline = *self.0.borrow();
            if deadline <= Instant::now() {
                return;
            }
            sleep_until(deadline).await;
        }
    }
}

/// Serves whoever connects, until the last edition has been sent.
pub async fn accept(listener: TcpListener, hosts: Hosts, editions: Editions) {
    /// Where no descriptor is left, somebody has to close one first.
    const RETRY: Duration = Duration::from_millis(100);
    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    let mut follower = editions.follow();
    let served = Arc::new(Served {
        hosts,
        editions,
        watchers: Arc::new(Semaphore::new(WATCHERS)),
    });
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => if let Ok(seat) = Arc::clone(&connections).try_acquire_owned() {
                    let served = Arc::clone(&served);
                    tokio::spawn(async move {
                        let _seat = seat;
                        serve(stream, served).await;
                    });
                },
                Err(_) => sleep(RETRY).await,
            },
            changed = follower.changed() => if changed.is_err() || follower.borrow_and_update().is_last() {
                break;
            },
        }
    }
    // Those who are watching see the end, and all others have had their answers or will ask in vain.
    let _all = served.watchers.acquire_many(WATCHERS as u32).await;
    // The last events are on their way to the sockets.
    sleep(Duration::from_millis(50)).await;
}

async fn serve(stream: TcpStream, served: Arc<Served>) {
    // Events are sent whether or not they arrive: only the kernel knows that the other side takes nothing.
    let _as_before = set_tcp_user_timeout(&stream, PATIENCE.as_millis() as u32);
    let deadline = Deadline::new();
    let service = service_fn(|request: Request<Incoming>| {
        deadline.extend();
        let response = answer(&request, &served, &deadline);
        async move { Ok::<hyper::Response<Body>, Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .max_buf_size(REQUEST)
        // Otherwise a request now and then would keep a seat for ever.
        .keep_alive(false)
        // Who has asked may say that there is no more to come, and still wants the answer.
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        // What is wrong with a connection is its peer's business.
        _ended = pin!(connection) => {}
        () = deadline.passed() => {}
    }
}
