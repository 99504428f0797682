//! Inputs that fail, lie or change: a failure of the host ends the run without a result, and the guest never sees it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to fail")]

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use bacalhau_runtime::{Deadline, Entry, Error, Kind, ReadAt, RefusalKind, Stat, Tree};
use bacalhau_tests::{RUNTIME, Run, guests, small_tree, tree};

/// A directory with the file `f` and the link `l`, of which one call fails.
#[derive(Clone, Copy, Debug)]
struct Broken(&'static str);

impl Broken {
    fn says<T>(self, call: &str, value: T) -> io::Result<T> {
        if self.0 == call { Err(io::Error::other("the cable was pulled")) } else { Ok(value) }
    }
}

impl Tree for Broken {
    fn stat(&self, path: &str) -> io::Result<Stat> {
        let kind = match path {
            "" => Kind::Dir,
            "f" => Kind::File,
            _ => Kind::Link,
        };
        // The root is looked at before the run begins; that is not what this is about.
        if path.is_empty() { Ok(Stat::new(kind, 0)) } else { self.says("stat", Stat::new(kind, 1)) }
    }

    fn list(&self, _: &str) -> io::Result<Vec<Entry>> {
        let entry = |name: &str, kind| Entry { name: name.into(), kind };
        self.says("list", vec![entry("f", Kind::File), entry("l", Kind::Link)])
    }

    fn open(&self, _: &str) -> io::Result<Box<dyn ReadAt>> {
        self.says("open", Box::new(*self))
    }

    fn read_link(&self, _: &str) -> io::Result<String> {
        self.says("read_link", "f".into())
    }

    fn identity(&self, _: &Deadline) -> io::Result<String> {
        self.says("identity", "broken".into())
    }
}

impl ReadAt for Broken {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let count = usize::from(offset == 0 && !buf.is_empty() && self.0 != "shorter");
        buf[..count].fill(b'x');
        self.says("read_at", count)
    }
}

#[test]
fn a_failing_input_is_no_result() {
    let results = tempfile::tempdir().unwrap();
    let dir = results.path().join("results");
    for call in ["stat", "list", "open", "read_link", "read_at", "identity"] {
        let error = Run::of(guests::PROBE_EVERYTHING).tree("/inputs", Broken(call)).run(&RUNTIME, &dir).unwrap_err();
        let Error::Host(failure) = error else { panic!("{call}: {error}") };
        assert!(failure.to_string().contains("cable"), "{call}: {failure}");
        assert!(!failure.is_timeout());
        assert_eq!(std::fs::read_dir(results.path()).unwrap().count(), 0, "{call}: nothing is left behind");
    }
    Run::of(guests::PROBE_EVERYTHING).tree("/inputs", Broken("nothing")).succeed();
}

#[test]
fn an_input_that_shrinks_is_no_result() {
    let results = tempfile::tempdir().unwrap();
    let run = Run::of(guests::PROBE_EVERYTHING).tree("/inputs", Broken("shorter"));
    let error = run.run(&RUNTIME, &results.path().join("results")).unwrap_err();
    assert!(matches!(error, Error::Host(_)), "{error}");
}

#[test]
fn an_input_must_be_what_the_job_says() {
    let inputs = small_tree();
    let run = || Run::of(guests::PROBE_STAT).input("/inputs", inputs.path());
    let known = run().succeed().receipt.claim.job.inputs["/inputs"].clone();
    assert!(known.as_ref().is_some_and(|hash| hash.starts_with("h1:")), "{known:?}");
    run().job(|job| job.inputs.insert("/inputs".into(), known.clone()).map_or((), drop)).succeed();
    std::fs::write(inputs.path().join("f"), "other\n").unwrap();
    let refusal = run().job(|job| job.inputs.insert("/inputs".into(), known).map_or((), drop)).refusal();
    assert!(refusal.contains("/inputs") && refusal.contains("h1:"), "{refusal}");
}

#[test]
fn an_input_that_no_other_machine_could_have_is_no_result() {
    for name in ["back\\slash", "new\nline", "\u{1}"] {
        let inputs = tree(&[("fine", ""), (name, "content")]);
        no_result(inputs.path(), name);
    }
    let inputs = tree(&[("fine", "")]);
    let odd = OsStr::from_bytes(b"not \xff utf-8");
    std::fs::write(inputs.path().join(odd), "").unwrap();
    no_result(inputs.path(), "utf-8");
}

#[test]
fn what_is_no_file_is_no_input() {
    // Opening a pipe that nobody writes to would wait for ever.
    let inputs = tree(&[("fine", "")]);
    let made = Command::new("mkfifo").arg(inputs.path().join("pipe")).status().unwrap();
    assert!(made.success());
    no_result(inputs.path(), "pipe");
    let inputs = tree(&[("fine", "")]);
    let _socket = UnixListener::bind(inputs.path().join("socket")).unwrap();
    no_result(inputs.path(), "socket");
}

/// A run over this directory leaves no result, and the message names what is wrong.
fn no_result(input: &Path, named: &str) {
    let results = tempfile::tempdir().unwrap();
    let dir = results.path().join("results");
    let error = Run::of(guests::PROBE_STAT).input("/inputs", input).run(&RUNTIME, &dir).unwrap_err();
    // This machine did its part: every other one would say the same.
    assert!(matches!(&error, Error::Refused(refusal) if refusal.kind() == RefusalKind::Input), "{error}");
    let error = error.to_string();
    let named = named.escape_debug().to_string();
    assert!(error.contains(&named) || error.contains(&named.replace("\\\\", "\\")), "no {named} in: {error}");
    assert!(!dir.exists());
}
