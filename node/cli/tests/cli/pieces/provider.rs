//! A provider that serves one piece, with ranges or without.

use bacalhau_testkit::server::{TestServer, respond};

/// Serves `bytes` at every path.
pub(super) fn provider(bytes: Vec<u8>, ranges: bool) -> TestServer {
    TestServer::start(move |asked, stream| {
        let range = asked.header("range").filter(|_| ranges).and_then(|range| {
            let (begin, end) = range.strip_prefix("bytes=")?.split_once('-')?;
            Some((begin.parse::<usize>().ok()?, end.parse::<usize>().ok()?.min(bytes.len() - 1)))
        });
        match range {
            None => respond(stream, "200 OK", &[], &bytes),
            Some((begin, end)) => {
                let header = format!("Content-Range: bytes {begin}-{end}/{}", bytes.len());
                respond(stream, "206 Partial Content", &[&header], &bytes[begin..=end])
            }
        }
    })
}
