//! Inputs that are changed while a run reads them: no result, since what the program saw may not be what was hashed.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::{Arc, Once};

use bacalhau_runtime::{Deadline, Entry, Error, HostTree, ReadAt, Stat, Tree};
use bacalhau_tests::{PATIENCE, RUNTIME, Run, guests, tree};

/// A directory of the host, of which something is changed as soon as the guest has read from it.
#[derive(Debug)]
struct Meddled {
    tree: HostTree,
    change: Arc<Change>,
}

struct Change {
    once: Once,
    make: Box<dyn Fn() + Send + Sync>,
}

impl std::fmt::Debug for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("change")
    }
}

struct Open(Box<dyn ReadAt>, Arc<Change>);

impl ReadAt for Open {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let read = self.0.read_at(buf, offset);
        self.1.once.call_once(|| (self.1.make)());
        read
    }
}

impl Tree for Meddled {
    fn stat(&self, path: &str) -> io::Result<Stat> {
        self.tree.stat(path)
    }

    fn list(&self, path: &str) -> io::Result<Vec<Entry>> {
        self.tree.list(path)
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn ReadAt>> {
        Ok(Box::new(Open(self.tree.open(path)?, self.change.clone())))
    }

    fn read_link(&self, path: &str) -> io::Result<String> {
        self.tree.read_link(path)
    }

    fn identity(&self, deadline: &Deadline) -> io::Result<String> {
        self.tree.identity(deadline)
    }

    fn check_unchanged(&self, deadline: &Deadline) -> io::Result<()> {
        self.tree.check_unchanged(deadline)
    }
}

/// What may be done to a directory with the file `f`, in words.
type Meddling = (&'static str, fn(&Path));

#[test]
fn whatever_is_changed_during_a_run_is_no_result() {
    let meddlings: [Meddling; 6] = [
        ("overwritten in place", |dir| {
            let file = File::options().write(true).open(dir.join("f")).unwrap();
            std::os::unix::fs::FileExt::write_all_at(&file, b"O", 0).unwrap();
        }),
        ("overwritten, and its time put back", |dir| {
            let file = File::options().write(true).open(dir.join("f")).unwrap();
            let modified = file.metadata().unwrap().modified().unwrap();
            std::os::unix::fs::FileExt::write_all_at(&file, b"O", 0).unwrap();
            file.set_modified(modified).unwrap();
        }),
        ("appended to", |dir| {
            io::Write::write_all(&mut File::options().append(true).open(dir.join("f")).unwrap(), b"x").unwrap();
        }),
        ("replaced", |dir| {
            fs::write(dir.join("new"), "other").unwrap();
            fs::rename(dir.join("new"), dir.join("f")).unwrap();
        }),
        ("removed", |dir| fs::remove_file(dir.join("f")).unwrap()),
        ("beside a new file", |dir| fs::write(dir.join("sub/new"), "new").unwrap()),
    ];
    for (what, meddle) in meddlings {
        let dir = tree(&[("f", "content"), ("sub/g", "more")]);
        let path = dir.path().to_path_buf();
        let change = Arc::new(Change { once: Once::new(), make: Box::new(move || meddle(&path)) });
        let meddled = Meddled { tree: HostTree::open(dir.path()).unwrap(), change };
        // The directory is known before: the guest lists it in any order.
        meddled.list("").unwrap();
        meddled.list("sub").unwrap();
        let place = tempfile::tempdir().unwrap();
        let run = Run::of(guests::PROBE_EVERYTHING).tree("/inputs", meddled);
        let error = run.run(&RUNTIME, &place.path().join("results")).unwrap_err();
        assert!(matches!(error, Error::Host(_)), "{what}: {error}");
        let text = error.to_string();
        assert!(text.contains("/inputs"), "{what}: {text}");
        assert!(text.contains("was changed while the job ran") || text.contains("No such file"), "{what}: {text}");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0, "{what}: nothing is left behind");
    }
}

#[test]
fn a_hash_that_an_earlier_run_took_is_not_used_for_other_bytes() {
    let dir = tree(&[("f", "content")]);
    let shared: Arc<dyn Tree> = Arc::new(HostTree::open(dir.path()).unwrap());
    let runtime = &RUNTIME;
    let module = runtime.load(&fs::read(guests::PROBE_EVERYTHING).unwrap()).unwrap();
    let mut job = bacalhau_runtime::Job::new(module.cid());
    job.inputs.insert("/inputs".into(), None);
    let place = tempfile::tempdir().unwrap();
    let run = |tree: &Arc<dyn Tree>, name: &str| {
        let inputs = [("/inputs".to_owned(), tree.clone())].into();
        runtime.run(&module, &job, &inputs, &place.path().join(name), PATIENCE)
    };
    let before = run(&shared, "first").unwrap().claim;
    assert_eq!(run(&shared, "second").unwrap().claim, before);
    fs::write(dir.path().join("f"), "CONTENT").unwrap();
    let error = run(&shared, "third").unwrap_err().to_string();
    assert!(error.contains("\"f\" was changed while the job ran"), "{error}");
    let anew: Arc<dyn Tree> = Arc::new(HostTree::open(dir.path()).unwrap());
    assert_ne!(run(&anew, "fourth").unwrap().claim.job.inputs, before.job.inputs);
}
