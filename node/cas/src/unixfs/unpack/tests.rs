//! Trees written to the host: all or nothing, and nothing outside of the target.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::Cid;
use crate::unixfs::samples::{Samples, pattern, words};

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = entries.collect();
    names.sort();
    names
}

/// What unpacking says, and that nothing is left of it.
fn refused(samples: &Arc<Samples>, root: &Cid, options: Unpack) -> String {
    let dir = tempfile::tempdir().unwrap();
    let said = words(options.publish(&samples.tree(root), &dir.path().join("out"), &mut |_| {}));
    assert_eq!(names(dir.path()), [""; 0], "nothing is left behind");
    said
}

#[test]
fn a_tree_is_written_whole() {
    let samples = Samples::new();
    let bytes = pattern(3_000_000);
    let big = samples.balanced(&bytes, 100_000, 5);
    let sub = samples.dir(&[("ü", big), ("up", samples.link("../small")), ("nowhere", samples.link("no"))]);
    let root = samples.dir(&[("sub", sub), ("small", samples.raw("1")), ("empty", samples.dir::<&str>(&[]))]);
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("new/out");
    let mut told = Vec::new();
    let unpacked = Unpack::default().publish(&samples.tree(&root), &out, &mut |bytes| told.push(bytes)).unwrap();
    assert_eq!(unpacked, Unpacked { bytes: 3_000_001, entries: 6, skipped: vec![] });
    assert!(told.is_sorted() && told.last() == Some(&3_000_001));
    assert_eq!(names(dir.path().join("new").as_path()), ["out"]);
    assert_eq!(names(&out), ["empty", "small", "sub"]);
    assert_eq!(names(&out.join("sub")), ["nowhere", "up", "ü"]);
    assert_eq!(fs::read(out.join("sub/ü")).unwrap(), bytes);
    assert_eq!(fs::read(out.join("sub/up")).unwrap(), b"1");
}

#[test]
fn a_file_by_itself_and_a_tree_of_the_host_are_written() {
    let samples = Samples::new();
    let dir = tempfile::tempdir().unwrap();
    let unpacked = Unpack::default().publish(&samples.tree(&samples.raw("1")), &dir.path().join("one"), &mut |_| {});
    assert_eq!(unpacked.unwrap(), Unpacked { bytes: 1, entries: 1, skipped: vec![] });
    let copy = tempfile::tempdir().unwrap();
    let host = bacalhau_tree::HostTree::open(dir.path()).unwrap();
    Unpack::default().write(&host, &copy.path().join("copy"), &mut |_| {}).unwrap();
    assert_eq!(fs::read(copy.path().join("copy/one")).unwrap(), b"1");
    let link = samples.link("one");
    assert!(refused(&samples, &link, Unpack::default()).contains("a symbolic link by itself"));
}

#[test]
fn what_is_there_stays_as_it_is() {
    let samples = Samples::new();
    let tree = samples.tree(&samples.raw("new"));
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "old").unwrap();
    std::os::unix::fs::symlink("nowhere", dir.path().join("link")).unwrap();
    for name in ["file", "link", "."] {
        let said = words(Unpack::default().publish(&tree, &dir.path().join(name), &mut |_| {}));
        assert!(said.contains("name another place") || said.contains("name one below it"), "{said}");
    }
    assert_eq!(fs::read(dir.path().join("file")).unwrap(), b"old");
    assert_eq!(names(dir.path()), ["file", "link"]);
}

#[test]
fn links_that_lead_out_are_refused_or_left_out() {
    let samples = Samples::new();
    let deep = samples.dir(&[("up", samples.link("../../"))]);
    let tree = |target: &str| {
        let entries = [
            ("d", samples.dir(&[("deep", deep)])),
            ("bad", samples.link(target.to_owned())),
            ("ok", samples.link("d")),
        ];
        samples.dir(&entries)
    };
    // The last two lead out only through another link.
    for target in ["/etc/passwd", "../x", "d/../../x", "", "d/deep/up/../x", "d/deep/up/.."] {
        let root = tree(target);
        let said = refused(&samples, &root, Unpack::default());
        assert!(said.contains("the link \"bad\"") && said.contains("leads out of the tree"), "{said}");
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        let skip = Unpack { links: Links::Skip, ..Unpack::default() };
        let unpacked = skip.publish(&samples.tree(&root), &out, &mut |_| {}).unwrap();
        assert_eq!((unpacked.entries, unpacked.skipped), (4, vec!["bad".to_owned()]));
        assert_eq!(names(&out), ["d", "ok"]);
    }
    let circle = samples.dir(&[("a", samples.link("b")), ("b", samples.link("a"))]);
    let dir = tempfile::tempdir().unwrap();
    Unpack::default().publish(&samples.tree(&circle), &dir.path().join("out"), &mut |_| {}).unwrap();
}

#[test]
fn bounds_hold_and_nothing_is_left() {
    let samples = Samples::new();
    let entries: Vec<_> = (0..10).map(|number| (number.to_string(), samples.raw("12345"))).collect();
    let root = samples.dir(&entries);
    let bytes = refused(&samples, &root, Unpack { max_bytes: 49, ..Unpack::default() });
    assert!(bytes.contains("with \"9\" it has more than 49 bytes"), "{bytes}");
    let entries = refused(&samples, &root, Unpack { max_entries: 9, ..Unpack::default() });
    assert!(entries.contains("with \"9\" it has more than 9 entries"), "{entries}");
    let mut deep = samples.raw("x");
    for _ in 0..258 {
        deep = samples.dir(&[("d", deep)]);
    }
    assert!(refused(&samples, &deep, Unpack::default()).contains("more than 256"));
    let huge = samples.file(&[(samples.raw("x"), 1 << 62)]);
    let huge = refused(&samples, &samples.dir(&[("huge", huge)]), Unpack::default());
    assert!(huge.contains("with \"huge\" it has more than 1099511627776 bytes"), "{huge}");
}

#[test]
fn a_bomb_of_directories_is_cut_off() {
    let samples = Samples::new();
    let mut cid = samples.raw("bomb");
    for _ in 0..10 {
        cid = samples.dir(&(0..50).map(|number| (number.to_string(), cid)).collect::<Vec<_>>());
    }
    let said = refused(&samples, &cid, Unpack { max_entries: 1000, ..Unpack::default() });
    assert!(said.contains("more than 1000 entries"), "{said}");
}

#[test]
fn a_lost_block_is_named_with_its_path_and_nothing_is_left() {
    let samples = Samples::new();
    let file = samples.balanced(&pattern(100), 10, 3);
    let lost = *crate::Block::of(crate::Code::Raw, pattern(100)[50..60].to_vec()).cid();
    samples.blockstore.remove(&lost);
    let root = samples.dir(&[("a", samples.dir(&[("file", file)]))]);
    let said = refused(&samples, &root, Unpack::default());
    assert!(said.contains("read \"a/file\"") && said.contains(&format!("block {lost} is missing")), "{said}");
}

/// A tree that lists names which no tree may have.
#[derive(Debug)]
struct Hostile(BTreeMap<&'static str, Vec<&'static str>>);

impl Tree for Hostile {
    fn stat(&self, path: &str) -> io::Result<bacalhau_tree::Stat> {
        let kind = if path.is_empty() { bacalhau_tree::Kind::Dir } else { bacalhau_tree::Kind::File };
        Ok(bacalhau_tree::Stat::new(kind, 0))
    }

    fn list(&self, path: &str) -> io::Result<Vec<bacalhau_tree::Entry>> {
        let entry = |name: &&str| bacalhau_tree::Entry { name: (*name).into(), kind: bacalhau_tree::Kind::Dir };
        Ok(self.0[path].iter().map(entry).collect())
    }

    fn open(&self, _: &str) -> io::Result<Box<dyn bacalhau_tree::ReadAt>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn read_link(&self, _: &str) -> io::Result<String> {
        Ok("..".into())
    }

    fn identity(&self, _: &bacalhau_tree::Deadline) -> io::Result<String> {
        Ok("hostile".into())
    }
}

#[test]
fn names_are_not_believed_whoever_lists_them() {
    for name in ["..", ".", "", "a/b", "/etc", "a\0"] {
        let dir = tempfile::tempdir().unwrap();
        let tree = Hostile([("", vec![name])].into());
        assert!(words(Unpack::default().publish(&tree, &dir.path().join("out"), &mut |_| {})).contains("the name"));
    }
    let dir = tempfile::tempdir().unwrap();
    let twice = Hostile([("", vec!["a", "a"]), ("a", vec![])].into());
    assert!(Unpack::default().publish(&twice, &dir.path().join("out"), &mut |_| {}).is_err());
    assert_eq!(names(dir.path()), [""; 0]);
}
