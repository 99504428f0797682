//! A router of this process: answers as the specification has them, and as no router should.

use std::io::{self, Write};
use std::net::TcpStream;

use super::*;
use bacalhau_testkit::server::{Asked, TestServer, respond, say_nothing};

const CID: &str = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi";
const ID: &str = "12D3KooWM8sovaEGU1bmiWGWAzvs47DEcXKZZTuJnpQyVTkRs2Vn";
const JSON: &str = "Content-Type: application/json";
const STREAM: &str = "Content-Type: application/x-ndjson; charset=utf-8";

/// A fake router that answers every question by `answer`.
fn router(answer: impl Fn(&Asked, &mut TcpStream) -> io::Result<()> + Send + Sync + 'static) -> (Router, TestServer) {
    let server = TestServer::start(answer);
    (Router::new(server.url("/at"), Duration::from_secs(2)), server)
}

fn whole(kind: &'static str, body: impl Into<Vec<u8>>) -> Router {
    let body = body.into();
    router(move |_, stream| respond(stream, "200 OK", &[kind], &body)).0
}

/// IDs and addresses of what the router names.
fn heard(router: &Router) -> Result<Vec<String>, String> {
    let mut said = Vec::new();
    router
        .providers(&CID.parse().unwrap(), &mut |heard| {
            if let Heard::Record(record) = heard {
                said.push(format!("{} {} {}", &record.id, record.addrs.join(","), record.protocols.join(",")));
            }
            true
        })
        .map_err(|error| error.to_string())?;
    Ok(said)
}

#[test]
fn a_question_has_the_cid_the_filters_and_both_formats() {
    let (router, server) = router(|_, stream| respond(stream, "404 Not Found", &[], b"no"));
    let cid: Cid = "QmPZ9gcCEpqKTo6aq61g2nXGUhM4iCL3ewB6LDXZCtioEB".parse().unwrap();
    router.providers(&cid, &mut |_| true).unwrap();
    let asked = &server.asked()[0];
    let base = format!("/at/routing/v1/providers/{}?filter-addrs=unknown,tcp,", canonical(&cid));
    assert!(asked.target.starts_with(&base) && base.contains("/bafybei"), "{}", asked.target);
    let end = "&filter-protocols=unknown,transport-bitswap,transport-ipfs-gateway-http,transport-graphsync-filecoinv1";
    assert!(asked.target.ends_with(end), "{}", asked.target);
    assert_eq!(asked.header("accept"), Some(ACCEPT));
}

#[test]
fn answers_come_as_one_object_or_as_a_stream() {
    let object = format!(
        r#"{{"Providers":[{{"Addrs":["/ip4/8.8.8.8/tcp/4001"],"ID":"{ID}","Protocols":["transport-bitswap"],"Schema":"peer"}},
           {{"Schema":"other"}},7,{{"Schema":"peer","ID":"x","Addrs":["https://h"],"more":{{}}}}],"More":[]}}"#
    );
    let stream = format!(
        "{{\"Schema\":\"bitswap\",\"Protocol\":\"transport-bitswap\",\"ID\":\"{ID}\",\"Addrs\":[\"/ip4/8.8.8.8/tcp/4001\"]}}\n\
         this is no JSON\n\n{{\"Schema\":\"peer\",\"ID\":\"x\",\"Addrs\":[\"https://h\"]}}"
    );
    let both = Ok(vec![format!("{ID} /ip4/8.8.8.8/tcp/4001 transport-bitswap"), "x https://h ".into()]);
    assert_eq!(heard(&whole(JSON, object)), both);
    assert_eq!(heard(&whole(STREAM, stream)), both);
    for nothing in [r#"{"Providers":[]}"#, r#"{"Providers":null}"#, "{}", "[]"] {
        assert_eq!(heard(&whole(JSON, nothing)), Ok(vec![]));
    }
    assert_eq!(heard(&whole(STREAM, "")), Ok(vec![]));
    assert_eq!(heard(&router(|_, stream| respond(stream, "404 Not Found", &[JSON], b"{}")).0), Ok(vec![]));
}

#[test]
fn addresses_that_are_not_said_are_asked_for() {
    let (router, server) = router(|asked, stream| {
        let body = if asked.target.contains("/peers/") {
            format!(r#"{{"Peers":[{{"Schema":"peer","ID":"{ID}","Addrs":["/ip4/8.8.8.8/tcp/1"],"Protocols":["p"]}}]}}"#)
        } else {
            let record = format!(r#"{{"Schema":"peer","ID":"{ID}","Addrs":[]}}"#);
            format!(r#"{{"Providers":[{}]}}"#, vec![record; 10].join(","))
        };
        respond(stream, "200 OK", &[JSON], body.as_bytes())
    });
    assert_eq!(heard(&router).unwrap(), vec![format!("{ID} /ip4/8.8.8.8/tcp/1 p"); MAX_PEERS]);
    let peers = server.asked().iter().filter(|asked| asked.target.contains(&format!("/peers/{ID}?"))).count();
    assert_eq!(peers, MAX_PEERS);
}

#[test]
fn what_is_too_much_or_no_answer_is_refused() {
    let line = format!(r#"{{"Schema":"peer","ID":"{ID}","Addrs":["https://h"]}}"#);
    let many = format!("{line}\n").repeat(1000);
    assert_eq!(heard(&whole(STREAM, many)).unwrap().len(), MAX_RECORDS);
    let object = format!(r#"{{"Providers":[{}]}}"#, vec![line; 1000].join(","));
    assert_eq!(heard(&whole(JSON, object)).unwrap().len(), MAX_RECORDS);
    let (json, line_bytes) = (usize::try_from(MAX_JSON_BYTES).unwrap(), usize::try_from(MAX_LINE_BYTES).unwrap());
    let table = [
        (whole(JSON, vec![b' '; json + 1]), "more than 524288 bytes"),
        (whole(JSON, "[".repeat(1000)), "not JSON"),
        (whole(JSON, "{"), "not JSON"),
        (whole(STREAM, vec![b'x'; line_bytes + 1]), "a line of its answer has more than 65536 bytes"),
        (whole("Content-Type: text/html", "<html>"), "does it speak Routing V1?"),
        (whole("Other: x", "{}"), "does it speak Routing V1?"),
        (router(|_, stream| respond(stream, "500 Internal Server Error", &[], b"")).0, "answered 500"),
        (
            router(|_, stream| respond(stream, "302 Found", &["Location: http://127.0.0.1:1/"], b"")).0,
            "only public addresses",
        ),
        (
            router(|_, stream| {
                write!(stream, "HTTP/1.1 200 OK\r\n{JSON}\r\nContent-Length: 100\r\n\r\n{{")?;
                bacalhau_testkit::server::hang_up()
            })
            .0,
            "broke off",
        ),
    ];
    for (router, why) in table {
        let said = heard(&router).unwrap_err();
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn a_stream_is_bounded_in_time_and_ends_with_its_receiver() {
    let (router, _server) = router(|_, stream| {
        write!(
            stream,
            "HTTP/1.1 200 OK\r\n{STREAM}\r\nContent-Length: 1000000\r\n\r\n{{\"Schema\":\"peer\",\"ID\":\"x\""
        )?;
        writeln!(stream, ",\"Addrs\":[\"https://h\"]}}")?;
        say_nothing(stream)
    });
    let mut said = 0;
    router
        .providers(&CID.parse().unwrap(), &mut |heard| {
            said += usize::from(matches!(heard, Heard::Record(_)));
            matches!(heard, Heard::Head)
        })
        .unwrap();
    assert_eq!(said, 1);
    let begun = Instant::now();
    assert!(heard(&router).unwrap_err().contains("broke off"));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[test]
fn a_router_that_failed_is_left_alone_for_a_while() {
    let router = Router::new("http://user:secret@host/".parse().unwrap(), Duration::from_secs(1));
    assert!(router.is_quiet().is_none());
    router.failed(&AnswerError::LongLine);
    assert_eq!(router.is_quiet().unwrap().to_string(), "a line of its answer has more than 65536 bytes, a moment ago");
    assert_eq!((router.name().as_str(), format!("{router:?}").as_str()), ("router http://host", "router http://host"));
}

#[test]
fn routers_are_named_by_urls() {
    let table = [
        ("https://cid.contact", "https://cid.contact/"),
        ("https://cid.contact/", "https://cid.contact/"),
        ("https://host/routing/v1/", "https://host/"),
        ("https://host/routing/v1/providers", "https://host/"),
        ("http://host:1/at/routing/v1", "http://host:1/at"),
        ("host", "it is not a URL"),
        ("", "it is not a URL"),
        ("ftp://host", "not an http:// or https:// URL"),
        ("https://host/?x", "nothing after ? or #"),
    ];
    for (text, end) in table {
        let said = match text.parse() {
            Ok(RouterAddress::Url(url)) => url.to_string(),
            Ok(RouterAddress::Local) => "local".into(),
            Err(error) => RouterError::to_string(&error),
        };
        assert!(said == end || (said.contains(end) && said.contains("write https://host")), "{text}: {said}");
    }
    assert_eq!("local".parse(), Ok(RouterAddress::Local));
}
