//! Commands that are interrupted leave nothing, and what killed ones leave is removed by the next one that works there; what
//! belongs to a command that goes on stays.

use std::net::TcpListener;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use bacalhau_testkit::Lab;

/// A CID of nothing that is here.
const NOWHERE: &str = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi";
const BOUND: Duration = Duration::from_mins(1);

/// A lab and a gateway that answers nobody.
struct Stage {
    lab: Lab,
    gateway: TcpListener,
}

impl Stage {
    fn new() -> Self {
        Self { lab: Lab::new(), gateway: TcpListener::bind("127.0.0.1:0").unwrap() }
    }

    /// Whether a process has locked it.
    fn is_owned(&self, name: &str) -> bool {
        std::fs::File::open(self.lab.path(name)).is_ok_and(|file| file.try_lock().is_err())
    }

    /// Starts a command that waits for the gateway, until it has begun to write something.
    fn start(&self, line: &str) -> Child {
        let before = self.temporaries();
        let gateway = format!("--ipfs-connect http://{}", self.gateway.local_addr().unwrap());
        let mut command = self.lab.command(&format!("{line} {gateway}"));
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let begun = Instant::now();
        while self.temporaries().iter().all(|name| before.contains(name) || !self.is_owned(name)) {
            assert!(begun.elapsed() < BOUND && child.try_wait().unwrap().is_none(), "{line} writes nothing");
            sleep(Duration::from_millis(5));
        }
        child
    }

    fn temporaries(&self) -> Vec<String> {
        self.lab.new_names().into_iter().filter(|name| name.starts_with(".bacalhau-")).collect()
    }
}

fn end(mut child: Child, signal: Signal) -> Option<i32> {
    kill_process(Pid::from_child(&child), signal).unwrap();
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        assert!(begun.elapsed() < BOUND, "it goes on");
        sleep(Duration::from_millis(5));
    }
}

#[test]
fn interrupted_commands_leave_nothing() {
    let stage = Stage::new();
    for line in [
        format!("ipfs export {NOWHERE} -o out.car --data-dir a"),
        format!("get {NOWHERE} --output-dir out --data-dir a"),
        format!("wasm run hello.wat -i {NOWHERE}:/in --output-dir out --data-dir a"),
    ] {
        for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
            assert_eq!(end(stage.start(&line), signal), Some(130), "{line} {signal:?}");
            assert_eq!(stage.lab.new_names(), ["a"], "{line} {signal:?}");
        }
    }
}

#[test]
fn what_killed_commands_leave_is_removed_and_what_others_use_is_not() {
    let stage = Stage::new();
    let export = |name: &str| stage.start(&format!("ipfs export {NOWHERE} -o {name}.car --data-dir {name}"));
    let (killed, other) = (export("killed"), export("other"));
    assert_eq!(stage.temporaries().len(), 2);
    assert_eq!(end(killed, Signal::KILL), None);
    let left: Vec<String> = stage.temporaries().into_iter().filter(|name| !stage.is_owned(name)).collect();
    assert_eq!(left.len(), 1, "{left:?}");
    let get = stage.start(&format!("get {NOWHERE} --output-dir out --data-dir killed"));
    let now = stage.temporaries();
    assert!(now.len() == 2 && !now.contains(&left[0]), "{now:?} {left:?}");
    assert_eq!(end(get, Signal::KILL), None);
    // A command that does its work removes what two others have left.
    stage.lab.expect(0, "wasm run hello.wat -c 1 --output-dir done");
    assert_eq!(stage.temporaries().len(), 1, "that of the export which goes on");
    assert_eq!(end(other, Signal::INT), Some(130));
    assert_eq!(stage.lab.new_names(), ["done", "killed", "other"]);
}
