//! TLS of the API: clients that stall or do not speak it, certificates of others, and keys that all users may read.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::{Duration, Instant};

use bacalhau_api_client::ApiClient;
use libp2p::identity::Keypair;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair};

use bacalhau_testkit::{BOUND, Lab, Node, finish, until};

/// Far below what a server waits for a handshake.
const AT_ONCE: Duration = Duration::from_secs(8);
/// The connections that all users of this machine may have, of 256.
const SHARE: usize = 128;

const TLS: &str = "--api-tls-cert cert.pem --api-tls-key key.pem";

/// A CA, whose certificate is in the file `NAME.pem`, and a certificate of it for `localhost` with its key.
fn certify(lab: &Lab, name: &str) -> (String, String) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name.push(DnType::CommonName, name);
    let authority_key = KeyPair::generate().unwrap();
    let authority = authority.self_signed(&authority_key).unwrap();
    lab.write(&format!("{name}.pem"), authority.pem());
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".into()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "localhost");
    let certificate = params.signed_by(&key, &authority, &authority_key).unwrap();
    (certificate.pem(), key.serialize_pem())
}

/// A directory with a certificate of the CA `ours` and its key.
fn lab() -> Lab {
    let lab = Lab::new();
    let (certificate, key) = certify(&lab, "ours");
    lab.write("cert.pem", certificate);
    lab.write("key.pem", key);
    mode(&lab, 0o600);
    lab
}

fn mode(lab: &Lab, mode: u32) {
    fs::set_permissions(lab.path("key.pem"), fs::Permissions::from_mode(mode)).unwrap();
}

fn address(node: &Node) -> SocketAddr {
    node.api.strip_prefix("https://").unwrap().parse().unwrap()
}

/// Its address under the name that is in its certificate.
fn named(node: &Node) -> String {
    format!("https://localhost:{}", address(node).port())
}

fn connect(node: &Node, says: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address(node)).unwrap();
    stream.set_read_timeout(Some(BOUND)).unwrap();
    stream.write_all(says).unwrap();
    stream
}

/// What a server says until it hangs up.
fn answer(mut stream: TcpStream) -> Vec<u8> {
    let (mut said, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        said.extend_from_slice(&buffer[..length]);
    }
    said
}

fn asks(lab: &Lab, node: &Node) -> Result<(), String> {
    let client = ApiClient::new(&named(node), Keypair::generate_ed25519()).with_ca(&lab.path("ours.pem")).unwrap();
    client.node().map(drop).map_err(|error| error.to_string())
}

#[test]
fn clients_stall_in_the_handshake() {
    let lab = lab();
    let node = lab.serve("node", TLS);
    // Nothing at all, a byte, and the head of a record whose body does not come.
    let heads: [&[u8]; 3] = [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"];
    let some: Vec<_> = (0..60).map(|index| connect(&node, heads[index % heads.len()])).collect();
    let begun = Instant::now();
    asks(&lab, &node).unwrap();
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    // Handshakes count in the share of their address.
    let more: Vec<_> = (some.len()..SHARE).map(|_| connect(&node, b"\x16")).collect();
    until("the share is used up", || asks(&lab, &node).is_err());
    until("handshakes are given up", || asks(&lab, &node).is_ok());
    for stream in some.into_iter().chain(more) {
        answer(stream);
    }
}

#[test]
fn a_certificate_is_renewed_while_the_server_runs() {
    let lab = lab();
    let node = lab.serve("node", TLS);
    let asks_of = |authority: &str| {
        let client = ApiClient::new(&named(&node), Keypair::generate_ed25519());
        client.with_ca(&lab.path(&format!("{authority}.pem"))).unwrap().node().is_ok()
    };
    let (certificate, key) = certify(&lab, "next");
    assert!(asks_of("ours") && !asks_of("next"));
    // The certificate alone does not match the key, so the server continues with what it has.
    lab.write("cert.pem", certificate);
    assert!(asks_of("ours"));
    lab.write("key.pem", key);
    mode(&lab, 0o600);
    until("the server shows the new certificate", || asks_of("next"));
}

#[test]
fn a_server_shows_a_certificate_of_another_authority() {
    let lab = lab();
    certify(&lab, "other");
    lab.write("tokens", "0123456789abcdef0\n");
    fs::set_permissions(lab.path("tokens"), fs::Permissions::from_mode(0o600)).unwrap();
    let node = lab.serve("node", &format!("{TLS} --api-token-file tokens --job-selection-data-locality anywhere"));
    let run = |server: &str, line: &str| {
        let line = format!("{line} --api-host {server}");
        let mut command = lab.command_of("client", &line);
        command.env("BACALHAU_API_TOKEN", "0123456789abcdef0");
        finish(command, &line)
    };
    let refused = |server: &str, line: &str, why: &str| {
        let end = run(server, line);
        assert_eq!(end.code, 4, "{}", end.stderr);
        let expected = format!("the certificate of the server at {server} is not accepted: {why}");
        assert!(end.stderr.contains(&expected) && end.stderr.contains("--api-ca"), "{}", end.stderr);
    };
    refused(&named(&node), "node list --api-ca other.pem", "UnknownIssuer");
    refused(&named(&node), "node list", "UnknownIssuer");
    refused(&node.api, "node list --api-ca ours.pem", "certificate not valid for name \"127.0.0.1\"");
    let end = run(&named(&node), "wasm run hello.wat -c 1 --min-bids 1 --api-ca ours.pem");
    assert_eq!(end.code, 0, "{}", end.stderr);
    for (file, why) in [("nothing.pem", "nothing.pem"), ("hello.wat", "no certificate"), ("key.pem", "more than")] {
        let end = run(&named(&node), &format!("node list --api-ca {file}"));
        assert!(end.code == 2 && end.stderr.contains(why), "{} {}", end.code, end.stderr);
    }
    // A server without TLS.
    let plain = lab.serve("plain", "");
    let end = run(&plain.api.replace("http:", "https:"), "node list --api-ca ours.pem");
    assert!(end.code == 4 && end.stderr.contains("use http://"), "{} {}", end.code, end.stderr);
}

#[test]
fn a_client_speaks_plain_http_to_a_tls_port() {
    let lab = lab();
    let node = lab.serve("node", TLS);
    let said = answer(connect(&node, b"GET /api/v1/node HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    let said = String::from_utf8(said).unwrap();
    assert!(said.starts_with("HTTP/1.1 400 ") && said.contains("use https://"), "{said}");
    let end = lab.expect(2, &format!("node list --api-host {}", named(&node).replace("https:", "http:")));
    assert!(end.stderr.contains("this API uses TLS"), "{}", end.stderr);
    // What looks like TLS and is not.
    let said = answer(connect(&node, b"\x16\x03\x01\x00\x05hello"));
    assert!(said.len() < 64 && !said.starts_with(b"HTTP"), "{said:?}");
    asks(&lab, &node).unwrap();
}

#[test]
fn a_node_without_its_certificate_or_with_a_key_that_all_may_read() {
    let lab = lab();
    let (_, other) = certify(&lab, "other");
    lab.write("other-key.pem", other);
    fs::set_permissions(lab.path("other-key.pem"), fs::Permissions::from_mode(0o600)).unwrap();
    let serve = "serve --data-dir node --host 127.0.0.1 --swarm-port 0 --api-port 0";
    mode(&lab, 0o644);
    for (code, flags, why) in [
        (4, "--api-tls-cert cert.pem --api-tls-key key.pem", "all users can access the private key"),
        (2, "--api-tls-cert cert.pem", "api.tls_key"),
        (2, "--api-tls-key key.pem", "api.tls_cert"),
        (4, "--api-tls-cert cert.pem --api-tls-key other-key.pem", "other-key.pem does not match it"),
        (4, "--api-tls-cert other-key.pem --api-tls-key other-key.pem", "no certificate"),
        (4, "--api-tls-cert cert.pem --api-tls-key nothing.pem", "nothing.pem"),
        (4, "--api-tls-cert hello.wat --api-tls-key other-key.pem", "hello.wat"),
    ] {
        let end = lab.expect(code, &format!("{serve} {flags}"));
        assert!(end.stderr.contains(why), "{flags}: {}", end.stderr);
    }
}

#[test]
fn tokens_over_plain_http_are_warned_of() {
    let lab = lab();
    lab.write("tokens", "0123456789abcdef0\n");
    fs::set_permissions(lab.path("tokens"), fs::Permissions::from_mode(0o600)).unwrap();
    let warning = "takes tokens over plain HTTP";
    for (host, flags, warns) in [("127.0.0.1", "", false), ("0.0.0.0", TLS, false), ("0.0.0.0", "", true)] {
        let line = "--swarm-port 0 --api-port 0 --data-dir node --api-token-file tokens";
        let node = lab.node(&format!("{host}{}", flags.len()), &format!("serve --host {host} {line} {flags}"));
        assert_eq!(node.log().contains(warning), warns, "{host} {flags}: {}", node.log());
    }
}

#[test]
fn curl_uses_an_api_over_tls() {
    let lab = lab();
    if Command::new("curl").arg("--version").output().is_err() {
        eprintln!("skipped: there is no curl");
        return;
    }
    let node = lab.serve("node", TLS);
    let url = format!("{}/api/v1/node", named(&node));
    let curl = |flags: &str| {
        let mut command = Command::new("curl");
        command.current_dir(lab.path("")).args(["-sS", "--noproxy", "*", &url]).args(flags.split_whitespace());
        finish(command, "curl")
    };
    let end = curl("--cacert ours.pem");
    assert!(end.code == 0 && end.stdout.contains(&node.id), "{} {}", end.stdout, end.stderr);
    assert_eq!(curl("--cacert ours.pem --tls-max 1.2").code, 0);
    assert_ne!(curl("--cacert ours.pem --tls-max 1.1").code, 0);
    assert_eq!(curl("").code, 60, "a certificate that is not trusted");
}
