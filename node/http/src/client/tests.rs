//! The client against servers of this process: redirects, addresses, time-outs, passwords.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::*;
use bacalhau_testkit::server::{Asked, TestServer, hang_up, respond, say_nothing};

fn client(reach: Reach) -> Client {
    let patience = Duration::from_millis(200);
    Client::new(Terms { reach, patience, total: Some(Duration::from_secs(1)), idle_connections: 4 })
}

fn text(client: &Client, url: &Url) -> Result<String, String> {
    let mut text = String::new();
    let mut body = client.get(url, &[]).map_err(|error| error.to_string())?.into_body();
    body.read_to_string(&mut text).map_err(|error| error.to_string())?;
    Ok(text)
}

/// `/to/URL` redirects there, `/circle` to itself, and so on; anything else is answered with its name.
fn answer(asked: &Asked, stream: &mut TcpStream) -> std::io::Result<()> {
    let redirect =
        |stream: &mut TcpStream, to: &str| respond(stream, "302 Found", &[&format!("Location: {to}")], b"over there");
    match asked.target.as_str() {
        "/circle" => redirect(stream, "/circle"),
        "/mute" => say_nothing(stream),
        "/teapot" => respond(stream, "418 I'm a teapot", &["Retry-After: 7"], b"short\r\n and \x1b stout"),
        "/drip" => {
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")?;
            let until = std::time::Instant::now() + Duration::from_secs(10);
            while std::time::Instant::now() < until {
                stream.write_all(b"x")?;
                std::thread::park_timeout(Duration::from_millis(20));
            }
            hang_up()
        }
        target => match target.strip_prefix("/to/") {
            Some(to) => redirect(stream, to),
            None => respond(stream, "200 OK", &[], target.as_bytes()),
        },
    }
}

#[test]
fn redirects_stay_where_they_may() {
    let (server, other) = (TestServer::start(answer), TestServer::start(answer));
    let client = client(Reach::Named);
    assert_eq!(text(&client, &server.url("/to//there?x=1#part")).unwrap(), "/there?x=1");
    assert_eq!(text(&client, &server.url("/to//to//to//x")).unwrap(), "/x");
    let port = server.url("/").port().unwrap();
    let table = [
        (other.url("/x").to_string(), "127.0.0.1, which is this machine: only public addresses"),
        (format!("http://localhost:{port}/x"), "localhost, with the address"),
        ("http://10.1.2.3/x".into(), "10.1.2.3, which is of a private network"),
        ("http://169.254.169.254/latest/meta-data".into(), "of the local link"),
        ("http://[::1]:1/x".into(), "is this machine"),
        ("http://[::ffff:127.0.0.1]:1/x".into(), "is this machine"),
        ("http://[64:ff9b::7f00:1]/x".into(), "is this machine"),
        ("http://0x7f.1/x".into(), "is this machine"),
        ("http://2130706433/x".into(), "is this machine"),
        ("file:///etc/passwd".into(), "only http and https"),
    ];
    for (to, why) in table {
        let error = text(&client, &server.url(&format!("/to/{to}"))).unwrap_err();
        assert!(error.contains(why), "{to}: {error}");
    }
    assert!(text(&client, &server.url("/circle")).unwrap_err().contains("more than 5 times"));
    assert!(other.asked().is_empty());
    let client = self::client(Reach::Anywhere);
    assert_eq!(text(&client, &server.url(&format!("/to/{}", other.url("/x")))).unwrap(), "/x");
}

#[test]
fn strangers_reach_public_addresses_only() {
    let server = TestServer::start(answer);
    let client = client(Reach::PublicOnly);
    for url in [server.url("/x"), Url::parse("http://localhost:1/").unwrap(), Url::parse("http://[::1]:1/").unwrap()] {
        assert!(text(&client, &url).unwrap_err().contains("only public addresses"), "{url}");
    }
    assert!(server.asked().is_empty());
}

#[test]
fn behind_a_proxy_addresses_are_looked_at_and_names_are_left_to_it() {
    for text in ["http://127.0.0.1/", "http://0x7f.1/", "http://[fd00::1]/", "http://localhost/", "http://a.localhost/"]
    {
        let error = check_literal(&Url::parse(text).unwrap()).unwrap_err().to_string();
        assert!(error.contains("only public addresses"), "{text}: {error}");
    }
    for text in ["http://8.8.8.8/", "http://intranet/", "http://[2606:4700::1111]/"] {
        check_literal(&Url::parse(text).unwrap()).expect(text);
    }
}

#[test]
fn credentials_are_sent_decoded_and_the_fragment_is_not() {
    let server = TestServer::start(answer);
    let mut url = server.url("/x#part");
    url.set_username("user").unwrap();
    url.set_password(Some("p@ss=é")).unwrap();
    assert_eq!(text(&client(Reach::Named), &url).unwrap(), "/x");
    let asked = &server.asked()[0];
    assert_eq!(asked.header("authorization"), Some("Basic dXNlcjpwQHNzPcOp"));
    assert!(!asked.header("host").unwrap().contains("user"));
    assert!(asked.header("user-agent").unwrap().starts_with("bacalhau/"));
}

#[test]
fn a_token_in_a_header_goes_to_the_host_that_was_named_and_no_other() {
    let (server, other) = (TestServer::start(answer), TestServer::start(answer));
    let client = client(Reach::Anywhere);
    let headers = [("Authorization", "Bearer token"), ("Accept", "application/json")];
    client.get(&server.url("/to//there"), &headers).unwrap();
    client.get(&server.url(&format!("/to/{}", other.url("/x"))), &headers).unwrap();
    assert!(server.asked().iter().all(|asked| asked.header("authorization") == Some("Bearer token")));
    let [asked] = &other.asked()[..] else { panic!("it was asked once") };
    assert_eq!((asked.header("authorization"), asked.header("accept")), (None, Some("application/json")));
}

#[test]
fn what_goes_wrong_is_in_words() {
    let server = TestServer::start(answer);
    let client = client(Reach::Named);
    assert_eq!(text(&client, &server.url("/mute")).unwrap_err(), "the server was silent for 0.2 s");
    assert_eq!(text(&client, &server.url("/drip")).unwrap_err(), "it was not whole after 1 s");
    let error = client.get(&server.url("/teapot"), &[]).unwrap_err();
    assert_eq!(error.to_string(), "the server answered 418 I'm a teapot");
    let HttpError::Status { said, retry_after, .. } = error else { panic!("{error}") };
    assert_eq!((said.as_str(), retry_after), ("short and stout", Some(Duration::from_secs(7))));
    let error = text(&client, &Url::parse("http://no-such-host.invalid/").unwrap()).unwrap_err();
    assert!(!error.is_empty(), "{error}");
}

#[test]
fn what_is_sent_is_sent_to_nobody_else() {
    let server = TestServer::start(answer);
    let client = client(Reach::Named);
    let error = client.post(&server.url("/to/x"), &[("Content-Type", "text/plain")], "secret").unwrap_err();
    assert!(error.to_string().contains("302 Found"));
    assert_eq!(server.asked().len(), 1);
    assert_eq!(server.asked()[0].body, b"secret");
}
