//! One question to all routers at once: the providers of a CID. It ends when all have answered, or a moment after the first provider that can be
//! asked was named, or when those that are left are too late.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use super::answer_error::AnswerError;
use super::endpoint::Endpoints;
use super::record::Record;
use super::router::{Heard, Router};
use bacalhau_cas::Cid;

/// How long others are waited for once there is a provider that can be asked.
const GATHER: Duration = Duration::from_millis(500);
/// Providers that are taken of one question.
const MAX_PROVIDERS: usize = 64;

/// How long routers are waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    /// Until an answer begins.
    pub(super) head: Duration,
    /// Until it has ended.
    pub(super) whole: Duration,
    /// Until it has ended, once there is a provider that can be asked.
    pub(super) gather: Duration,
}

impl Waiting {
    /// `head` until answers begin, and `whole` in all.
    pub(super) fn new(head: Duration, whole: Duration) -> Self {
        Self { head: head.min(whole), whole, gather: GATHER }
    }
}

/// A provider, the router that named it, and its endpoints.
#[derive(Debug)]
pub(super) struct Named {
    /// The name of the router.
    pub(super) router: String,
    pub(super) record: Record,
    pub(super) endpoints: Endpoints,
}

/// What all routers said.
#[derive(Debug, Default)]
pub(super) struct Lookup {
    /// Providers, each as often as it was named.
    pub(super) named: Vec<Named>,
    /// What each router said, in words, its name in front.
    pub(super) said: Vec<String>,
}

/// A router that is asked.
struct Asked {
    router: Arc<Router>,
    answers: bool,
    providers: usize,
    /// What it came to.
    end: Option<Result<(), AnswerError>>,
}

/// Asks `routers` for the providers of `cid`. Endpoints that are not public are taken where `private` allows it.
pub(super) fn look_up(routers: &[Arc<Router>], cid: &Cid, private: bool, waiting: Waiting) -> Lookup {
    let mut lookup = Lookup::default();
    let (sender, heard) = mpsc::channel();
    let mut asked: Vec<Asked> = Vec::new();
    for router in routers {
        let (index, cid, sender) = (asked.len(), *cid, sender.clone());
        let mut one = Asked { router: Arc::clone(router), answers: false, providers: 0, end: None };
        if let Some(why) = router.is_quiet() {
            one.end = Some(Err(why));
        } else {
            let router = Arc::clone(router);
            let ask = move || {
                let end = router.providers(&cid, &mut |heard| sender.send((index, Ok(heard))).is_ok());
                // The receiver is gone once the question has ended.
                let _ = sender.send((index, Err(end)));
            };
            if let Err(error) = thread::Builder::new().name("router".into()).spawn(ask) {
                one.end = Some(Err(AnswerError::Thread(error)));
            }
        }
        asked.push(one);
    }
    drop(sender);
    let begun = Instant::now();
    let mut gathered_at = None;
    while asked.iter().any(|one| one.end.is_none()) && lookup.named.len() < MAX_PROVIDERS {
        let until = asked.iter().filter(|one| one.end.is_none()).map(|one| {
            let own = begun + if one.answers { waiting.whole } else { waiting.head };
            gathered_at.map_or(own, |at| own.min(at))
        });
        let Some(until) = until.min() else { break };
        match heard.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok((index, event)) => {
                let Some(one) = asked.get_mut(index) else { continue };
                match event {
                    Ok(Heard::Head) => one.answers = true,
                    Ok(Heard::Record(record)) => {
                        one.providers += 1;
                        let endpoints = Endpoints::of(&record, private);
                        if !endpoints.usable.is_empty() {
                            gathered_at.get_or_insert_with(|| Instant::now() + waiting.gather);
                        }
                        lookup.named.push(Named { router: one.router.name(), record, endpoints });
                    }
                    Err(end) => {
                        if let Err(why) = &end {
                            one.router.failed(why);
                        }
                        one.end = Some(end);
                    }
                }
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                let now = Instant::now();
                if gathered_at.is_some_and(|at| at <= now) {
                    break;
                }
                for one in asked.iter_mut().filter(|one| one.end.is_none()) {
                    let limit = if one.answers { waiting.whole } else { waiting.head };
                    if begun + limit <= now {
                        let why = if one.answers { AnswerError::NotEnded(limit) } else { AnswerError::NotBegun(limit) };
                        one.router.failed(&why);
                        one.end = Some(Err(why));
                    }
                }
            }
        }
    }
    for one in &asked {
        lookup.said.push(format!("{}: {}", one.router.name(), one.words(&lookup.named)));
    }
    lookup
}

impl Asked {
    fn words(&self, named: &[Named]) -> String {
        if let (0, Some(Err(why))) = (self.providers, &self.end) {
            return why.to_string();
        }
        if self.providers == 0 {
            return if self.end.is_some() { "it knows no provider".into() } else { "it named none in time".into() };
        }
        let name = self.router.name();
        let own = || named.iter().filter(|one| one.router == name);
        let usable = own().filter(|one| !one.endpoints.usable.is_empty()).count();
        let plural = if self.providers == 1 { "provider" } else { "providers" };
        let mut refused: Vec<String> =
            own().flat_map(|one| one.endpoints.refused.iter().map(ToString::to_string)).collect();
        refused.sort_unstable();
        refused.dedup();
        refused.truncate(3);
        let why = match refused[..] {
            _ if usable == self.providers => String::new(),
            [] => ": no address is known of them".into(),
            [..] => format!(": {}", refused.join(", ")),
        };
        format!("it names {} {plural}, {usable} of which can be asked{why}", self.providers)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;

    use super::*;
    use bacalhau_testkit::server::{TestServer, respond, say_nothing};

    const CID: &str = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy";

    fn router(base: url::Url) -> Arc<Router> {
        Arc::new(Router::new(base, Duration::from_secs(5)))
    }

    fn serving(body: &'static str) -> (Arc<Router>, TestServer) {
        let server = TestServer::start(move |_, stream| {
            respond(stream, "200 OK", &["Content-Type: application/x-ndjson"], body.as_bytes())
        });
        (router(server.url("/")), server)
    }

    fn ask(routers: &[Arc<Router>], waiting: Waiting) -> (Lookup, Duration) {
        let begun = Instant::now();
        (look_up(routers, &CID.parse().unwrap(), false, waiting), begun.elapsed())
    }

    #[test]
    fn all_routers_are_asked_and_each_says_what_it_came_to() {
        let (one, server) = serving("{\"Schema\":\"peer\",\"ID\":\"a\",\"Addrs\":[\"https://h\"]}\n");
        let (two, _server) =
            serving("{\"Schema\":\"peer\",\"ID\":\"b\",\"Addrs\":[\"http://127.0.0.1:1\",\"/dns4/h/tcp/1/wss\"]}\n");
        let (three, _server3) = serving("");
        let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let four = router(format!("http://{gone}").parse().unwrap());
        let waiting =
            Waiting { gather: Duration::from_secs(5), ..Waiting::new(Duration::from_secs(5), Duration::from_secs(5)) };
        let (lookup, _) = ask(&[one, two, three, Arc::clone(&four)], waiting);
        assert_eq!(lookup.named.len(), 2);
        let usable: Vec<_> = lookup.named.iter().filter(|one| !one.endpoints.usable.is_empty()).collect();
        assert_eq!((usable.len(), usable[0].record.id.as_str()), (1, "a"));
        let said = lookup.said.join("\n");
        for words in [
            "it names 1 provider, 1 of which can be asked\n",
            "0 of which can be asked: /dns4/h/tcp/1/wss is not over TCP, QUIC or HTTP, 127.0.0.1 is not a public address",
            "it knows no provider",
            &format!("router http://{gone}: Connection refused") as &str,
        ] {
            assert!(said.contains(words), "{words}: {said}");
        }
        assert_eq!(server.asked().len(), 1);
        let (lookup, took) = ask(&[four], waiting);
        assert!(lookup.said[0].ends_with(", a moment ago") && took < Duration::from_secs(1), "{:?}", lookup.said);
    }

    #[test]
    fn a_dead_router_costs_no_more_than_the_wait_for_an_answer() {
        // A listener that never accepts, and one that accepts and is silent.
        let black_hole = TcpListener::bind("127.0.0.1:0").unwrap();
        let silent = TestServer::start(|_, stream| say_nothing(stream));
        let dead =
            [router(format!("http://{}", black_hole.local_addr().unwrap()).parse().unwrap()), router(silent.url("/"))];
        let (lookup, took) = ask(&dead, Waiting::new(Duration::from_millis(300), Duration::from_secs(30)));
        assert!(took >= Duration::from_millis(300) && took < Duration::from_millis(1500), "{took:?}");
        assert!(lookup.said.iter().all(|said| said.ends_with("it did not answer within 0.3 s")), "{:?}", lookup.said);
        let (_, took) = ask(&dead, Waiting::new(Duration::from_millis(300), Duration::from_secs(30)));
        assert!(took < Duration::from_millis(200), "it is not asked twice: {took:?}");
    }

    #[test]
    fn a_provider_is_not_kept_waiting_for_slow_routers() {
        let (good, _server) = serving("{\"Schema\":\"peer\",\"ID\":\"a\",\"Addrs\":[\"https://h\"]}\n");
        let slow = TestServer::start(|_, stream| {
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nContent-Length: 9\r\n\r\n")?;
            say_nothing(stream)
        });
        let (lookup, took) =
            ask(&[router(slow.url("/")), good], Waiting::new(Duration::from_secs(5), Duration::from_secs(5)));
        assert!(took < Duration::from_secs(3), "{took:?}");
        assert_eq!(lookup.named.len(), 1);
        assert!(lookup.said[0].ends_with("it named none in time"), "{:?}", lookup.said);
    }
}
