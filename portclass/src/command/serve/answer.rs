//! A request's answer.

use std::{sync::Arc, time::Duration};

use http_body_util::{Channel, Either, Full, channel::Sender};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{
        ACCEPT, ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST,
        HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    },
};
use portclass::report::Exposition;
use tokio::{sync::OwnedSemaphorePermit, time::timeout};

use super::{
    connection::{Deadline, Served},
    edition::{Edition, Editions, end},
    page::FILES,
};

/// What an answer carries: all of it, or events.
pub type Body = Either<Full<Bytes>, Channel<Bytes>>;

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";

/// The page asks this listener alone, and for nothing but what is named here.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Answers a request.
pub fn answer(request: &Request<Incoming>, served: &Served, deadline: &Deadline) -> Response<Body> {
    let mut response = route(request, served, deadline);
    let headers = response.headers_mut();
    let fixed: [(HeaderName, &'static str); 5] = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn route(request: &Request<Incoming>, served: &Served, deadline: &Deadline) -> Response<Body> {
    let header = |name| {
        request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    if !header(HOST).is_some_and(|host| served.hosts.has(host)) {
        return refusal(
            StatusCode::FORBIDDEN,
            "this is not the host that was asked for; --metrics-host names others that it may be asked as",
        );
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = refusal(StatusCode::METHOD_NOT_ALLOWED, "there is only reading here");
        let allowed = HeaderValue::from_static("GET, HEAD");
        response.headers_mut().insert(ALLOW, allowed);
        return response;
    }
    let path = request.uri().path();
    if let Some(file) = FILES.iter().find(|file| file.path == path) {
        return whole(file.content_type, Bytes::from_static(file.content));
    }
    match path {
        "/metrics" => {
            let exposition = Exposition::accepted(header(ACCEPT).unwrap_or_default());
            let text = served.editions.metrics(exposition);
            whole(exposition.content_type(), text)
        }
        "/api/snapshot" => whole(JSON, served.editions.latest().json()),
        "/api/events" if *request.method() == Method::HEAD => whole(EVENTS, Bytes::new()),
        "/api/events" => match Arc::clone(&served.watchers).try_acquire_owned() {
            Ok(seat) => events(served.editions.clone(), deadline.clone(), seat),
            Err(_) => refusal(
                StatusCode::SERVICE_UNAVAILABLE,
                "too many are watching; close a page elsewhere",
            ),
        },
        _ => refusal(
            StatusCode::NOT_FOUND,
            "there is /, /metrics, /api/snapshot and /api/events",
        ),
    }
}

fn whole(content_type: &'static str, content: Bytes) -> Response<Body> {
    let mut response = Response::new(Either::Left(Full::new(content)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Says no, and hangs up: there may be a body that nobody wants to read.
fn refusal(status: StatusCode, why: &'static str) -> Response<Body> {
    let mut response = whole(TEXT, format!("{why}\n").into());
    *response.status_mut() = status;
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(CONNECTION, close);
    response
}

/// What has been, and from then on every edition, until the last one. Who does not read is not waited for.
fn events(editions: Editions, deadline: Deadline, seat: OwnedSemaphorePermit) -> Response<Body> {
    let (sender, channel) = Channel::new(1);
    tokio::spawn(async move {
        let _seat = seat;
        let mut watcher = Watcher { sender, deadline };
        let mut follower = editions.follow();
        let _gone = watch(&mut watcher, &editions, &mut follower).await;
    });
    let mut response = Response::new(Either::Right(channel));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(EVENTS));
    response
}

/// Somebody who reads events.
struct Watcher {
    sender: Sender<Bytes>,
    deadline: Deadline,
}

/// They have gone.
struct Gone;

impl Watcher {
    async fn send(&mut self, event: Bytes) -> Result<(), Gone> {
        self.sender.send_data(event).await.map_err(|_| Gone)?;
        self.deadline.extend();
        Ok(())
    }
}

async fn watch(
    watcher: &mut Watcher,
    editions: &Editions,
    follower: &mut tokio::sync::watch::Receiver<Arc<Edition>>,
) -> Result<(), Gone> {
    /// A comment this often shows that somebody is there, to both sides.
    const SILENCE: Duration = Duration::from_secs(10);
    watcher.send(editions.history()).await?;
    let mut edition = editions.latest();
    loop {
        watcher.send(edition.event()).await?;
        if edition.is_last() {
            return watcher.send(end()).await;
        }
        loop {
            match timeout(SILENCE, follower.changed()).await {
                Ok(Ok(())) => break,
                Ok(Err(_)) => return Err(Gone),
                Err(_) => watcher.send(Bytes::from_static(b":\n\n")).await?,
            }
        }
        edition = Arc::clone(&follower.borrow_and_update());
    }
}
