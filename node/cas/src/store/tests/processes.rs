//! Several processes at one store, some of which are killed.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

use super::*;

/// The same program again, at [`what_a_child_does`]. It is killed when this is dropped.
struct Helper {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Helper {
    fn new(dir: &Path, task: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "store::tests::processes::what_a_child_does", "--nocapture", "--test-threads=1"]);
        command.env("STORE_TASK", task).env("STORE_DIR", dir);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        Self { output: BufReader::new(child.stdout.take().unwrap()), child }
    }

    /// Waits for the next line that says that everything up to a number is safe.
    fn acknowledged(&mut self) -> Option<u32> {
        let mut lines = self.output.by_ref().lines().map_while(Result::ok);
        lines.find_map(|line| line.split_once("safe ")?.1.parse().ok())
    }

    /// In the middle of whatever it does now.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Of use to the tests below; does nothing by itself.
#[test]
fn what_a_child_does() {
    let Ok(task) = std::env::var("STORE_TASK") else { return };
    let store = open(Path::new(&std::env::var("STORE_DIR").unwrap()));
    let say = |number: u32| {
        println!("safe {number}");
        std::io::stdout().flush().unwrap();
    };
    match task.split_once(' ').unwrap() {
        // Writes for ever.
        ("write", begin) => {
            for number in begin.parse::<u32>().unwrap().. {
                let writer = store.writer();
                writer.write(&block(number)).unwrap();
                writer.write(&block(1_000_000 + number)).unwrap();
                writer.finish().unwrap();
                say(number);
            }
        }
        // Collects for ever, and makes what is to be collected.
        ("collect", begin) => {
            for number in begin.parse::<u32>().unwrap().. {
                store.put(&[block(2_000_000 + number)]).unwrap();
                store.collect(0).unwrap();
                say(number);
            }
        }
        (task, _) => panic!("{task}"),
    }
}

#[test]
fn killing_a_writer_loses_nothing_that_was_acknowledged() {
    let dir = dir();
    let mut next = 0;
    for lines in [0, 1, 2, 5, 17, 70] {
        let mut helper = Helper::new(dir.path(), &format!("write {next}"));
        for _ in 0..lines {
            next = helper.acknowledged().unwrap() + 1;
        }
        helper.kill();
        while let Some(number) = helper.acknowledged() {
            next = number + 1;
        }
        let store = open(dir.path());
        for number in 0..next {
            assert!(has(&store, &block(number)) && has(&store, &block(1_000_000 + number)), "{number} of {next}");
        }
        assert!(files(dir.path(), "drafts").is_empty());
    }
    assert!(next >= 95);
}

#[test]
fn killing_a_collector_loses_nothing_that_is_pinned() {
    let dir = dir();
    let store = open(dir.path());
    let leaves: Vec<_> = (0..40).map(block).collect();
    for (number, leaf) in leaves.iter().enumerate() {
        // In a pack of its own, with something that goes.
        store.put(&[leaf.clone(), block(100 + u32::try_from(number).unwrap())]).unwrap();
    }
    let root = node("root", &leaves.iter().collect::<Vec<_>>());
    store.put(std::slice::from_ref(&root)).unwrap();
    store.pin(root.cid(), "").unwrap();
    for lines in [0, 1, 3, 10] {
        let mut helper = Helper::new(dir.path(), "collect 0");
        (0..lines).for_each(|_| _ = helper.acknowledged().unwrap());
        helper.kill();
        for store in [&store, &open(dir.path())] {
            assert!(leaves.iter().chain([&root]).all(|block| has(store, block)));
        }
    }
}

#[test]
fn two_processes_write_at_once_and_read_each_others_blocks() {
    let dir = dir();
    let store = open(dir.path());
    let mut helper = Helper::new(dir.path(), "write 0");
    for number in 0..100 {
        store.put(&[block(500_000 + number), block(number)]).unwrap();
        let theirs = helper.acknowledged().unwrap();
        assert!(has(&store, &block(theirs)) && has(&store, &block(1_000_000 + theirs)));
    }
    // One collects while the other one writes.
    for number in 0..10 {
        let root = node("mine", &[&block(600_000 + number)]);
        let writer = store.writer();
        writer.write(&block(600_000 + number)).unwrap();
        writer.write(&root).unwrap();
        store.collect(0).unwrap();
        store.pin(root.cid(), "").unwrap();
        writer.finish().unwrap();
        helper.acknowledged().unwrap();
        assert!((0..=number).all(|number| has(&store, &block(600_000 + number))));
    }
}
