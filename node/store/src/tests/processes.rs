//! A process that is killed in the middle of commits, and one whose disk is full.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::*;

/// The same program again, at [`what_a_child_does`]. It is killed when this is dropped.
pub(super) struct Helper {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Helper {
    /// `first` is said to the shell before.
    pub(super) fn new(dir: &Path, task: &str, first: &str) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{first} exec \"$0\" \"$@\"")]).arg(std::env::current_exe().unwrap());
        command.args(["--exact", "tests::processes::what_a_child_does", "--nocapture", "--test-threads=1"]);
        command.env("JOBS_TASK", task).env("JOBS_DIR", dir);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        Self { output: BufReader::new(child.stdout.take().unwrap()), child }
    }

    /// What comes after `word` in the next line that has it.
    pub(super) fn said(&mut self, word: &str) -> Option<String> {
        let mut lines = self.output.by_ref().lines().map_while(Result::ok);
        lines.find_map(|line| Some(line.split_once(word)?.1.trim().to_owned()))
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

use std::io::Read as _;

impl Drop for Helper {
    fn drop(&mut self) {
        self.kill();
    }
}

/// One commit of several things that belong together.
fn commit(store: &JobStore, number: u64) -> Result<(), StoreError> {
    let record = job(number);
    let id = record.job.id;
    let events = [event(&id, number, EventKind::Created, ""), event(&id, number, EventKind::Bid, "")];
    let provider = vec![(id, Some(vec![0; 2000]))];
    store.commit(&Batch { now_ms: number, jobs: vec![&record], events: &events, provider, ..Batch::default() })
}

/// Of use to the tests of this room; does nothing by itself.
#[test]
fn what_a_child_does() {
    let Ok(task) = std::env::var("JOBS_TASK") else { return };
    let store = open(Path::new(&std::env::var("JOBS_DIR").unwrap()));
    let say = |line: String| {
        println!("{line}");
        std::io::stdout().flush().unwrap();
    };
    let (task, begin) = task.split_once(' ').unwrap();
    for number in begin.parse::<u64>().unwrap().. {
        match commit(&store, number) {
            Ok(()) => say(format!("safe {number}")),
            Err(error) if task == "until-full" => {
                say(format!("error {error}"));
                assert!(matches!(error, StoreError::Host(_)), "{error:?}");
                // It can be read, and is as it was.
                assert_eq!(store.last_ms().unwrap(), number - 1);
                assert!(commit(&store, number).is_err());
                let limit = getrlimit(Resource::Fsize);
                setrlimit(Resource::Fsize, Rlimit { current: limit.maximum, ..limit }).unwrap();
                commit(&store, number).unwrap();
                say(format!("on {number}"));
                return;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn killing_a_process_loses_nothing_that_was_acknowledged_and_leaves_nothing_half_done() {
    let dir = tempfile::tempdir().unwrap();
    let mut next = 0;
    for lines in [0, 1, 2, 5, 17, 40] {
        let mut helper = Helper::new(dir.path(), &format!("for-ever {next}"), "");
        let safe = |helper: &mut Helper| helper.said("safe ").map(|number| number.parse::<u64>().unwrap() + 1);
        for _ in 0..lines {
            next = safe(&mut helper).unwrap();
        }
        helper.kill();
        while let Some(number) = safe(&mut helper) {
            next = number;
        }
        let store = open(dir.path());
        // The last commit may have reached the disk without having been acknowledged.
        let last = if store.job(&job(next).job.id).unwrap().is_some() { next + 1 } else { next };
        assert_eq!(store.unfinished().unwrap().len() as u64, last);
        assert_eq!(store.provider_records().unwrap().len() as u64, last);
        assert_eq!(store.jobs(&Query { limit: 1000, ..Query::default() }).unwrap().jobs.len() as u64, last);
        for number in 0..last {
            let record = job(number);
            assert_eq!(store.job(&record.job.id).unwrap().as_ref(), Some(&record), "{number} of {last}");
            assert_eq!(store.events(&record.job.id, 0, 10).unwrap().len(), 2, "{number}");
        }
        next = last;
    }
    assert!(next >= 65);
}
