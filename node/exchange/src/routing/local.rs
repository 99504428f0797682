//! A kubo or rainbow on this machine, at the port where it is by default. kubo (0.40 and later) answers there as a gateway and as a router,
//! rainbow as a gateway.

use std::io::Read;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use url::Url;

use super::router::Router;
use crate::lock;
use bacalhau_http::{Client, Reach, Terms};

/// Where a kubo is, and where a rainbow.
const ADDRESSES: [&str; 2] = ["http://127.0.0.1:8080", "http://127.0.0.1:8090"];
/// How long one of them may take to answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// The CID of no bytes, which every trustless gateway serves by itself: the specification names it as the probe.
const PROBE: &str = "/ipfs/bafkqaaa?format=raw";
const RAW: &str = "application/vnd.ipld.raw";
/// How long it is believed that one is there, or none.
const KEPT: Duration = Duration::from_mins(1);

/// The places on this machine, and which of them answered last.
#[derive(Debug)]
pub(super) struct Local {
    places: Vec<LocalGateway>,
    /// Whether each of them answered.
    seen: Mutex<Option<(Instant, Vec<bool>)>>,
}

/// A gateway that may be a router too.
#[derive(Clone, Debug)]
pub(super) struct LocalGateway {
    pub(super) url: Url,
    pub(super) router: Arc<Router>,
}

impl Local {
    /// Routers there may take `patience` for an answer.
    pub(super) fn new(patience: Duration) -> Self {
        Self::among(ADDRESSES.iter().filter_map(|address| address.parse().ok()), patience)
    }

    pub(super) fn among(urls: impl IntoIterator<Item = Url>, patience: Duration) -> Self {
        let place = |url: Url| LocalGateway { router: Arc::new(Router::new(url.clone(), patience)), url };
        Self { places: urls.into_iter().map(place).collect(), seen: Mutex::default() }
    }

    /// Those that answer now. Takes a second at most.
    pub(super) fn answering(&self) -> Vec<LocalGateway> {
        let seen = lock(&self.seen).clone().filter(|(at, _)| at.elapsed() < KEPT);
        // Not locked while they are asked: to ask twice is harmless.
        let answered = seen.map_or_else(|| self.probe(), |(_, answered)| answered);
        self.places.iter().zip(answered).filter(|(_, answers)| *answers).map(|(place, _)| place.clone()).collect()
    }

    fn probe(&self) -> Vec<bool> {
        let probe = |place: &LocalGateway| {
            let url = place.url.clone();
            thread::Builder::new().name("probe".into()).spawn(move || answers(&url)).ok()
        };
        let probes: Vec<_> = self.places.iter().map(probe).collect();
        let answered: Vec<bool> =
            probes.into_iter().map(|probe| probe.is_some_and(|probe| probe.join().unwrap_or(false))).collect();
        *lock(&self.seen) = Some((Instant::now(), answered.clone()));
        answered
    }
}

/// Whether a trustless gateway is at `url`.
fn answers(url: &Url) -> bool {
    let terms = Terms { reach: Reach::Named, patience: PATIENCE, total: Some(PATIENCE), idle_connections: 0 };
    let Ok(probe) = url.join(PROBE) else { return false };
    let Ok(answer) = Client::new(terms).get(&probe, &[("Accept", RAW)]) else { return false };
    let is_raw = answer.header("content-type").is_some_and(|kind| kind.starts_with(RAW));
    let mut bytes = Vec::new();
    is_raw && answer.into_body().take(1).read_to_end(&mut bytes).is_ok() && bytes.is_empty()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use bacalhau_testkit::server::{TestServer, respond};

    #[test]
    fn only_gateways_that_answer_are_there() {
        let gateway = TestServer::start(|_, stream| respond(stream, "200 OK", &[&format!("Content-Type: {RAW}")], b""));
        let other = TestServer::start(|_, stream| respond(stream, "200 OK", &["Content-Type: text/html"], b"hello"));
        let mute = TcpListener::bind("127.0.0.1:0").unwrap();
        let mute = format!("http://{}", mute.local_addr().unwrap()).parse().unwrap();
        let local = Local::among([other.url("/"), gateway.url("/"), mute], PATIENCE);
        let begun = Instant::now();
        let answering = || local.answering().into_iter().map(|place| place.url).collect::<Vec<_>>();
        assert_eq!(answering(), [gateway.url("/")]);
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
        assert_eq!(gateway.asked()[0].target, PROBE);
        assert_eq!(answering(), [gateway.url("/")]);
        assert_eq!(gateway.asked().len(), 1);
    }
}
