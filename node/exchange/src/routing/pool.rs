//! The gateways that routers named, each made once: its connections, and whether it works, outlive one lookup.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use url::Url;

use crate::Gateway;

/// Gateways that are kept.
const MAX_GATEWAYS: usize = 64;
/// How long a gateway that failed is not asked again.
const SHUNNED: Duration = Duration::from_mins(5);

/// The gateways, by their URLs.
#[derive(Debug)]
pub(super) struct Pool {
    patience: Duration,
    gateways: HashMap<Url, Entry>,
}

#[derive(Debug)]
struct Entry {
    gateway: Arc<Gateway>,
    used: Instant,
    shunned: Option<Instant>,
}

impl Pool {
    /// No gateways yet; their longest silence is `patience`.
    pub(super) fn new(patience: Duration) -> Self {
        Self { patience, gateways: HashMap::new() }
    }

    /// The gateway at `url`, which may lead to addresses that are not public where `private` allows it; `None` where it failed of late.
    pub(super) fn gateway(&mut self, url: &Url, private: bool) -> Option<Arc<Gateway>> {
        let now = Instant::now();
        if let Some(entry) = self.gateways.get_mut(url) {
            if entry.gateway.take_fault() {
                entry.shunned = Some(now);
            }
            if entry.shunned.is_some_and(|since| now.saturating_duration_since(since) < SHUNNED) {
                return None;
            }
            (entry.shunned, entry.used) = (None, now);
            return Some(Arc::clone(&entry.gateway));
        }
        if self.gateways.len() >= MAX_GATEWAYS {
            let oldest = self.gateways.iter().min_by_key(|(_, entry)| entry.used).map(|(url, _)| url.clone());
            if let Some(url) = oldest {
                self.gateways.remove(&url);
            }
        }
        let gateway = Arc::new(super::gateway(url.clone(), self.patience, private));
        self.gateways.insert(url.clone(), Entry { gateway: Arc::clone(&gateway), used: now, shunned: None });
        Some(gateway)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::{Answers, BlockProvider as _};
    use bacalhau_cas::{Block, Code};
    use bacalhau_testkit::server::{TestServer, respond};

    fn ask(gateway: &Gateway) -> bool {
        let (sender, receiver) = mpsc::channel();
        let answers: Answers = Arc::new(move |_, result| sender.send(result.is_ok()).unwrap());
        gateway.want(&[*Block::of(Code::Raw, "x").cid()], &answers);
        receiver.recv().unwrap()
    }

    #[test]
    fn a_gateway_that_fails_is_forgotten_and_one_that_has_not_the_block_is_not() {
        let absent = TestServer::start(|_, stream| respond(stream, "404 Not Found", &[], b""));
        let lying = TestServer::start(|_, stream| respond(stream, "200 OK", &[], b"y"));
        let gone = "http://127.0.0.1:1/".parse().unwrap();
        let mut pool = Pool::new(Duration::from_secs(1));
        for (url, kept) in [(absent.url("/"), true), (lying.url("/"), false), (gone, false)] {
            assert!(!ask(&pool.gateway(&url, true).unwrap()));
            assert_eq!(pool.gateway(&url, true).is_some(), kept, "{url}");
            assert_eq!(pool.gateway(&url, true).is_some(), kept, "{url}");
        }
    }

    #[test]
    fn the_number_of_gateways_is_bounded() {
        let mut pool = Pool::new(Duration::from_secs(1));
        for number in 0..200 {
            assert!(pool.gateway(&format!("https://h{number}/").parse().unwrap(), false).is_some());
        }
        assert_eq!(pool.gateways.len(), MAX_GATEWAYS);
    }

    #[test]
    fn a_gateway_that_a_router_named_is_not_followed_into_this_network() {
        let server = TestServer::start(|_, stream| respond(stream, "200 OK", &[], b"x"));
        let mut pool = Pool::new(Duration::from_secs(1));
        assert!(!ask(&pool.gateway(&server.url("/"), false).unwrap()));
        assert_eq!(server.connections(), 0);
    }
}
