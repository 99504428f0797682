//! A dockerd with everything in a directory of its own and no network, and the image `tiny:1`: a static busybox. It is ended by
//! its own process id when nobody uses it any more.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use bacalhau_testkit::{BOUND, End, Lab, finish};

/// Commands of the image.
const APPLETS: &str = "awk cat chmod date dd echo env false grep head hostname id ip kill ln ls mkdir mkfifo mknod od ping printf \
                       pwd rm seq sh sleep sort sync tail test touch true wc wget yes";

/// The engine that tests share.
static SHARED: Mutex<Weak<Engine>> = Mutex::new(Weak::new());

/// See the module.
pub(crate) struct Engine {
    dir: tempfile::TempDir,
    child: Child,
}

impl Engine {
    /// The one that all tests of the process share which run at the time. `None` where there can be none: then `what` is said
    /// to be skipped.
    pub(crate) fn shared(what: &str) -> Option<Arc<Self>> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = shared.upgrade() {
            return Some(engine);
        }
        let engine = Arc::new(Self::own(what)?);
        *shared = Arc::downgrade(&engine);
        Some(engine)
    }

    /// One that nobody shares.
    pub(crate) fn own(what: &str) -> Option<Self> {
        Self::start()
            .inspect_err(|why| eprintln!("skipped: {what}: {why}; it needs root, docker.io and busybox-static"))
            .ok()
    }

    fn start() -> Result<Self, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("an engine is started by root only".into());
        }
        let busybox = ["/bin/busybox", "/usr/bin/busybox"].into_iter().find(|path| is_static(path));
        let busybox = busybox.ok_or("there is no static busybox")?;
        let dir = tempfile::tempdir().map_err(|error| error.to_string())?;
        let at = |name: &str| dir.path().join(name);
        let log = File::create(at("log")).map_err(|error| error.to_string())?;
        let mut command = Command::new("dockerd");
        command.arg("--data-root").arg(at("data")).arg("--exec-root").arg(at("exec")).arg("-p").arg(at("pid"));
        command.arg("-H").arg(host_of(dir.path())).args(["--iptables=false", "--bridge=none", "--ip-forward=false"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().map_err(|error| match error.kind() {
            ErrorKind::NotFound => "there is no dockerd".into(),
            _ => format!("dockerd cannot be started: {error}"),
        })?;
        let mut engine = Self { dir, child };
        engine.wait_until_ready()?;
        engine.make_image(busybox)?;
        Ok(engine)
    }

    fn wait_until_ready(&mut self) -> Result<(), String> {
        let since = Instant::now();
        let log = self.dir.path().join("log");
        let said = move || fs::read_to_string(&log).unwrap_or_default().lines().last().unwrap_or_default().to_owned();
        while self.docker(&["version"])?.code != 0 {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!("dockerd has ended with {status}: {}", said()));
            }
            if since.elapsed() > BOUND {
                return Err(format!("dockerd is not ready after {} s: {}", BOUND.as_secs(), said()));
            }
            sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn make_image(&self, busybox: &str) -> Result<(), String> {
        let root = self.dir.path().join("root");
        let made = || {
            fs::create_dir_all(root.join("bin"))?;
            for name in ["tmp", "volume"] {
                fs::create_dir(root.join(name))?;
            }
            fs::copy(busybox, root.join("bin/busybox"))?;
            APPLETS.split_whitespace().try_for_each(|name| symlink("busybox", root.join("bin").join(name)))
        };
        made().map_err(|error| error.to_string())?;
        let archive = self.archive();
        let mut tar = Command::new("tar");
        let end = finish_of(tar.arg("-C").arg(&root).arg("-cf").arg(&archive).arg("."))?;
        if end.code != 0 {
            return Err(end.stderr);
        }
        let archive = archive.to_str().unwrap();
        let end =
            self.docker(&["import", "--change", "CMD [\"/bin/sh\"]", "--change", "VOLUME /volume", archive, "tiny:1"])?;
        if end.code == 0 { Ok(()) } else { Err(end.stderr) }
    }

    /// The root file system of the image, as a tar archive.
    pub(crate) fn archive(&self) -> PathBuf {
        self.dir.path().join("root.tar")
    }

    /// The directory of everything.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Where it listens, as `--docker-host` takes it.
    pub(crate) fn host(&self) -> String {
        host_of(self.dir.path())
    }

    /// Docker's own command.
    pub(crate) fn docker(&self, args: &[&str]) -> Result<End, String> {
        finish_of(Command::new("docker").arg("-H").arg(self.host()).args(args))
    }

    /// The containers that were made by whoever works below `dir`: their states.
    pub(crate) fn containers(&self, dir: &Path) -> Vec<String> {
        let format = "{{.Label \"bacalhau.owner\"}}\t{{.State}}\t{{.Label \"bacalhau.execution\"}}";
        let list = self.docker(&["ps", "-a", "--no-trunc", "--format", format]).unwrap().stdout;
        let dir = dir.canonicalize().unwrap();
        let ours = list.lines().filter(|line| line.starts_with(dir.to_str().unwrap()));
        ours.map(|line| line.split('\t').nth(1).unwrap().to_owned()).collect()
    }

    /// What `bacalhau docker run FLAGS tiny:1 -- sh -c SCRIPT` is, in the lab.
    pub(crate) fn command(&self, lab: &Lab, flags: &str, script: &str) -> Command {
        let mut command = lab.command_of("client", &format!("docker run tiny:1 --output json {flags}"));
        command.args(["--docker-host", &self.host(), "--", "sh", "-c", script]);
        command
    }

    /// Runs it, and says what it said.
    pub(crate) fn run(&self, lab: &Lab, flags: &str, script: &str) -> End {
        finish(self.command(lab, flags, script), script)
    }

    /// Runs what must end with `code` and print a report.
    pub(crate) fn report(&self, lab: &Lab, code: i32, flags: &str, script: &str) -> Value {
        let end = self.run(lab, flags, script);
        assert_eq!(end.code, code, "{script}\n{}\n{}", end.stdout, end.stderr);
        serde_json::from_str(&end.stdout).unwrap()
    }

    /// Ends it.
    pub(crate) fn stop(&mut self) {
        // It may have ended already.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let since = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if since.elapsed() > BOUND {
                let _ = self.child.kill();
            }
            sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop();
    }
}

fn host_of(dir: &Path) -> String {
    format!("unix://{}", dir.join("docker.sock").display())
}

/// A file of the results that a report tells of.
pub(crate) fn result(lab: &Lab, report: &Value, name: &str) -> String {
    fs::read_to_string(lab.path(report["results_dir"].as_str().unwrap()).join(name)).unwrap()
}

fn is_static(path: &str) -> bool {
    // A program that is linked has its linker's name in it, near the beginning.
    fs::read(path).is_ok_and(|bytes| !bytes[..bytes.len().min(4096)].windows(8).any(|part| part == b"ld-linux"))
}

fn finish_of(command: &mut Command) -> Result<End, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("there is no {name}: {error}"))?;
    Ok(output.into())
}
