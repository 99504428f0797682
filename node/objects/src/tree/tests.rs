//! Trees over a store in memory.

use object_store::ObjectStoreExt as _;
use object_store::memory::InMemory;
use object_store::path::Path;

use super::*;

struct Bucket(Arc<dyn ObjectStore>);

impl Bucket {
    fn with(objects: &[(&str, &[u8])]) -> Self {
        let bucket = Self(Arc::new(InMemory::new()));
        for (key, data) in objects {
            bucket.put(key, data);
        }
        bucket
    }

    fn put(&self, key: &str, data: &[u8]) {
        let (store, path, data) = (Arc::clone(&self.0), Path::parse(key).unwrap(), Bytes::copy_from_slice(data));
        wait(async move { store.put(&path, data.into()).await }).unwrap();
    }

    fn delete(&self, key: &str) {
        let (store, path) = (Arc::clone(&self.0), Path::parse(key).unwrap());
        wait(async move { store.delete(&path).await }).unwrap();
    }

    fn tree(&self, url: &str) -> Result<ObjectTree, String> {
        let url: ObjectUrl = url.parse().unwrap();
        let listing = Listing::read(&self.0, &url).map_err(|error| error.to_string())?;
        Ok(ObjectTree::new(Arc::clone(&self.0), url, listing))
    }
}

fn names(tree: &ObjectTree, path: &str) -> Vec<(String, Kind)> {
    tree.list(path).unwrap().into_iter().map(|entry| (entry.name, entry.kind)).collect()
}

#[test]
fn objects_below_a_prefix_are_directories_and_files() {
    let bucket = Bucket::with(&[
        ("logs/2026/a.txt", b"hello"),
        ("logs/2026/b/c.txt", b"world"),
        ("logs/empty", b""),
        // As a console makes it, when its final / is cut.
        ("logs/2026", b""),
        ("logs-other/x", b"not below it"),
    ]);
    let tree = bucket.tree("s3://data/logs").unwrap();
    assert_eq!(names(&tree, ""), [("2026".into(), Kind::Dir), ("empty".into(), Kind::File)]);
    assert_eq!(names(&tree, "2026"), [("a.txt".into(), Kind::File), ("b".into(), Kind::Dir)]);
    assert_eq!(tree.stat("2026/b/c.txt").unwrap(), Stat::new(Kind::File, 5));
    let mut buf = [0; 8];
    assert_eq!(tree.open("2026/b/c.txt").unwrap().read_at(&mut buf, 1).unwrap(), 4);
    assert_eq!(&buf[..4], b"orld");
    let error = tree.stat("2026/none").unwrap_err().to_string();
    assert_eq!(error, "cannot read s3://data/logs/2026/none: there is no such object, and none below it");
    let whole = bucket.tree("s3://data").unwrap();
    assert_eq!(names(&whole, ""), [("logs".into(), Kind::Dir), ("logs-other".into(), Kind::Dir)]);
}

#[test]
fn a_directory_has_the_identity_of_its_copy_on_the_disk_and_an_object_that_of_a_file() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("b")).unwrap();
    std::fs::write(dir.path().join("a"), "1").unwrap();
    std::fs::write(dir.path().join("b/c"), "2").unwrap();
    let bucket = Bucket::with(&[("in/a", b"1"), ("in/b/c", b"2")]);
    for (url, path) in [("s3://data/in", dir.path().to_owned()), ("s3://data/in/b/c", dir.path().join("b/c"))] {
        let here = bacalhau_tree::HostTree::open(&path).unwrap().identity(&Deadline::never()).unwrap();
        assert_eq!(bucket.tree(url).unwrap().identity(&Deadline::never()).unwrap(), here, "{url}");
    }
}

#[test]
fn reads_cross_blocks_and_end_at_the_end() {
    let block = usize::try_from(BLOCK_BYTES).unwrap();
    let data: Vec<u8> = (0..2 * block + 100).map(|number| u8::try_from(number % 251).unwrap()).collect();
    let bucket = Bucket::with(&[("large", &data)]);
    let tree = bucket.tree("s3://data/large").unwrap();
    let file = tree.open("").unwrap();
    for (offset, length) in [(0, 10), (block - 3, 7), (block - 1, block + 50), (2 * block + 90, 50), (data.len(), 5)] {
        let mut buf = vec![0; length];
        let read = file.read_at(&mut buf, offset as u64).unwrap();
        let wanted = &data[offset..(offset + length).min(data.len())];
        assert!(buf[..read] == *wanted, "{length} bytes at {offset}: {read}");
    }
    assert_eq!(file.read_at(&mut [0; 4], u64::MAX).unwrap(), 0);
}

#[test]
fn an_object_that_changes_while_it_is_read_is_a_failure() {
    let block = usize::try_from(BLOCK_BYTES).unwrap();
    let bucket = Bucket::with(&[("in/a", &vec![1; block + 1]), ("in/b", b"b")]);
    let tree = bucket.tree("s3://data/in").unwrap();
    let file = tree.open("a").unwrap();
    assert_eq!(file.read_at(&mut [0; 4], 0).unwrap(), 4);
    assert!(tree.check_unchanged(&Deadline::never()).is_ok());
    bucket.put("in/a", &vec![2; block + 1]);
    let error = file.read_at(&mut [0; 4], block as u64 - 2).unwrap_err().to_string();
    assert_eq!(error, "cannot read s3://data/in/a: it changed while it was read");
    for change in [|bucket: &Bucket| bucket.put("in/c", b"new"), |bucket: &Bucket| bucket.delete("in/b")] {
        let tree = bucket.tree("s3://data/in").unwrap();
        change(&bucket);
        let error = tree.check_unchanged(&Deadline::never()).unwrap_err().to_string();
        assert_eq!(error, "cannot use s3://data/in: it changed while it was read");
    }
}

#[test]
fn what_cannot_be_a_directory_is_refused_with_the_key() {
    for (objects, why) in [
        (vec![("in/a", &b"1"[..]), ("in/a/b", b"2")], "a is both an object and the directory of others"),
        (vec![("other", &b""[..])], "there is no such object, and none below it"),
    ] {
        let error = Bucket::with(&objects).tree("s3://data/in").unwrap_err();
        assert!(error.contains(why), "{error}");
    }
    let deep = format!("in/{}", vec!["d"; 300].join("/"));
    let error = Bucket::with(&[(&deep, b"x")]).tree("s3://data/in").unwrap_err();
    assert!(error.contains("has more than 256 names"), "{error}");
}
