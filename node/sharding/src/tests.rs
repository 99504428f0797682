//! Plans over directories of this machine and over DAGs, and the table of patterns of the first implementation.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use bacalhau_tree::{Deadline, Entry, HostFailure, HostTree, Kind, ReadAt, Stat, Tree};
use proptest::prelude::*;

use super::*;
use bacalhau_cas::{
    Block, DataError,
    memory::MemoryBlockstore,
    unixfs::DagTree,
    unixfs::import::{Profile, import},
};
use bacalhau_storage::{LocalStorage, Opened, Services, Source};

/// Local paths, and DAGs of a blockstore.
#[derive(Debug, Default)]
struct Data {
    blockstore: Arc<MemoryBlockstore>,
}

impl Data {
    fn import(&self, dir: &Path) -> String {
        let tree = HostTree::open(dir).unwrap();
        let mut sink = |block: Block| -> Result<(), DataError> {
            self.blockstore.put(block);
            Ok(())
        };
        import(&tree, Profile::KuboCidV1, &mut sink).unwrap().cid.to_string()
    }
}

impl Storage for Data {
    fn name(&self) -> &'static str {
        "data"
    }

    fn has_locally(&self, _: &Source) -> Result<bool, HostFailure> {
        Ok(true)
    }

    fn size(&self, _: &Source) -> Result<Option<u64>, HostFailure> {
        Ok(None)
    }

    fn open(&self, source: &Source) -> Result<Opened, HostFailure> {
        let Source::Cid(cid) = source else { return LocalStorage::default().open(source) };
        let blocks = Arc::clone(&self.blockstore);
        let tree = DagTree::open(blocks, &cid.place.cid, &cid.place.path);
        let tree: Arc<dyn Tree> = Arc::new(tree.map_err(|error| HostFailure::new(error.to_string()))?);
        Ok(Opened { tree, services: Services::default() })
    }
}

fn make(dir: &Path, files: &[&str]) {
    for file in files {
        let path = dir.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, *file).unwrap();
    }
}

fn at(source: impl Into<String>, target: &str) -> InputSpec {
    InputSpec { source: source.into(), target: target.into() }
}

fn at_dir(dir: &Path, target: &str) -> InputSpec {
    at(dir.to_str().unwrap(), target)
}

fn by(pattern: &str, base: &str, batch: u32) -> Sharding {
    Sharding { glob_pattern: pattern.into(), base_path: base.into(), batch_size: batch }
}

/// The targets of each shard.
fn targets(shards: &[Vec<InputSpec>]) -> Vec<Vec<&str>> {
    shards.iter().map(|shard| shard.iter().map(|input| input.target.as_str()).collect()).collect()
}

fn error(inputs: &[InputSpec], sharding: &Sharding) -> String {
    plan(&Data::default(), inputs, Some(sharding)).unwrap_err().to_string()
}

/// What the first implementation's tests say of patterns.
#[test]
fn patterns_match_as_they_did_in_the_original() {
    let folder = |name: &str| {
        let files = (1..=4).map(|n| format!("/{name}/file{n}.txt"));
        std::iter::once(format!("/{name}")).chain(files).chain([format!("/{name}/apples.txt")]).collect::<Vec<_>>()
    };
    let all = [folder("a"), folder("b")].concat();
    let files: Vec<String> = all.iter().filter(|path| path.contains('.')).cloned().collect();
    let of_a: Vec<String> = (1..=4).map(|n| format!("/file{n}.txt")).collect();
    let strings = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>();
    let table = [
        ("/*", "", strings(&["/a", "/b"])),
        ("*", "", strings(&["/a", "/b"])),
        ("/**/*", "", all.clone()),
        ("/**/*", "/", all.clone()),
        ("**/*", "", all.clone()),
        ("/**", "", all.clone()),
        ("/**/*.*", "", files),
        ("/a/**", "", folder("a")),
        ("/file*.txt", "/a", of_a.clone()),
        ("file*.txt", "a", of_a.clone()),
        ("/file*.txt", "/a/", of_a),
        ("/file[12].txt", "/a", strings(&["/file1.txt", "/file2.txt"])),
        ("/{file1,apples}.txt", "/b", strings(&["/file1.txt", "/apples.txt"])),
        ("/file?.txt", "", strings(&[])),
        ("/A", "", strings(&[])),
        ("/*", "/file", strings(&[])),
    ];
    for (glob, base, expected) in table {
        let pattern = Pattern::new(glob, base).unwrap();
        let found = all.iter().filter_map(|path| pattern.remainder(path)).filter(|rest| pattern.matches(rest));
        assert_eq!(found.collect::<Vec<_>>(), expected, "{glob} below {base:?}");
    }
    let spaces = Pattern::new("/my file*.txt", "/with space").unwrap();
    assert!(spaces.matches(spaces.remainder("/with space/my file 1.txt").unwrap()));
    assert_eq!(spaces.remainder("/with spaces/my file 1.txt"), None, "a base path ends with a name");
    assert!(Pattern::new("/a[", "/").map(drop).unwrap_err().to_string().contains("the sharding pattern \"/a[\""));
}

#[test]
fn ten_folders_of_ten_files_are_111_entries_with_the_root_first() {
    let dir = tempfile::tempdir().unwrap();
    for folder in 0..10 {
        for file in 0..10 {
            make(dir.path(), &[&format!("folder{folder}/file{file}.txt")]);
        }
    }
    let data = Data::default();
    let cid = data.import(dir.path());
    for source in [dir.path().to_str().unwrap(), &format!("ipfs://{cid}")] {
        let place = Place::of(&at(source, "/in")).unwrap();
        let (mut listed, mut seen) = (0, Vec::new());
        walk::walk(&data, &place, &mut listed, &mut |path| {
            seen.push(place.target(path));
            Ok(())
        })
        .unwrap();
        assert_eq!((listed, seen.len()), (111, 111));
        assert_eq!(seen[..3], ["/in", "/in/folder0", "/in/folder0/file0.txt"]);
        assert!(seen.is_sorted());
        let shards = plan(&data, &[at(source, "/inputs")], Some(&by("/*/*.txt", "/inputs", 10))).unwrap();
        assert_eq!(shards.len(), 10);
        assert!(shards.iter().all(|shard| shard.len() == 10));
        assert_eq!(shards[3][7].target, "/inputs/folder3/file7.txt");
        assert_eq!(shards[3][7].source, format!("{source}/folder3/file7.txt"));
    }
}

#[test]
fn without_a_pattern_inputs_are_one_shard_as_they_are() {
    let inputs = [at("no/such/place", "/inputs"), at("data:,x", "/x")];
    for sharding in [None, Some(&by("", "/inputs", 3))] {
        assert_eq!(plan(&Data::default(), &inputs, sharding).unwrap(), [inputs.to_vec()]);
    }
    assert_eq!(plan(&Data::default(), &[], None).unwrap(), [[]]);
}

#[test]
fn batches_are_filled_in_order_over_all_inputs() {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path(), &["one/b", "one/a", "one/B", "two/c", "two/d"]);
    let inputs = [
        at_dir(&dir.path().join("two"), "/inputs"),
        at_dir(&dir.path().join("one"), "/inputs/one"),
        at("data:,hello", "/inputs/said"),
        at("https://example.org/x.csv", "/inputs/x.csv"),
    ];
    let shards = plan(&Data::default(), &inputs, Some(&by("/*", "/inputs", 2))).unwrap();
    let expected = [vec!["/inputs/c", "/inputs/d"], vec!["/inputs/one", "/inputs/said"], vec!["/inputs/x.csv"]];
    assert_eq!(targets(&shards), expected);
    assert_eq!(shards[1][1], inputs[2]);
    assert_eq!(shards[2], [inputs[3].clone()]);
    let shards = plan(&Data::default(), &inputs[1..2], Some(&by("/one/*", "/inputs", 0))).unwrap();
    assert_eq!(targets(&shards), [["/inputs/one/B"], ["/inputs/one/a"], ["/inputs/one/b"]]);
}

#[test]
fn every_input_of_a_plan_leads_back_to_its_place() {
    let names = ["my file", "ünï/日本", "a?b", "a#b", "100%25", "a:b/c", "plus+&=", "quo\"te'", "tail ", "-i", "*[x]"];
    let dir = tempfile::tempdir().unwrap();
    make(dir.path(), &names);
    let data = Data::default();
    let cid = data.import(dir.path());
    fs::create_dir(dir.path().join("deep")).unwrap();
    fs::rename(dir.path().join("a?b"), dir.path().join("deep/a?b")).unwrap();
    let deep = data.import(dir.path());
    let sources = [
        dir.path().to_str().unwrap().to_owned(),
        format!("file://{}", dir.path().display()),
        format!("ipfs://{cid}"),
        format!("/ipfs/{deep}/"),
        format!("ipfs://{deep}/deep"),
        deep,
    ];
    for source in sources {
        let shards = plan(&data, &[at(&source, "/inputs")], Some(&by("/**/*", "/inputs", 1))).unwrap();
        for input in shards.concat() {
            let parsed = Source::parse(&input.source).unwrap();
            let tree = data.open(&parsed).unwrap().tree;
            let (path, mut content) = (input.target.strip_prefix("/inputs/").unwrap(), vec![0; 99]);
            if tree.stat("").unwrap().kind == Kind::File {
                let length = tree.open("").unwrap().read_at(&mut content, 0).unwrap();
                let said = String::from_utf8(content[..length].to_vec()).unwrap();
                assert_eq!(said.strip_prefix("deep/").unwrap_or(&said), path.strip_prefix("deep/").unwrap_or(path));
            } else {
                assert!(["ünï", "a:b", "deep"].contains(&path), "{path}");
            }
        }
        let expected = if source.ends_with("/deep") { 1 } else { names.len() + 2 };
        assert!(shards.len() >= expected, "{source}: {shards:?}");
    }
}

#[test]
fn what_is_said_of_a_cid_is_said_of_what_lies_in_it() {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path(), &["a/b"]);
    let data = Data::default();
    let cid = data.import(dir.path());
    let input = at(format!("ipfs://{cid}/a?piece=baga&name=x"), "/inputs");
    let shards = plan(&data, &[input], Some(&by("/*", "/inputs", 1))).unwrap();
    assert_eq!(shards, [[at(format!("ipfs://{cid}/a/b?name=x&piece=baga"), "/inputs/b")]]);
    make(dir.path(), &["a/b?c"]);
    let cid = data.import(dir.path());
    let input = at(format!("ipfs://{cid}/a?name=x"), "/inputs");
    let shards = plan(&data, &[input], Some(&by("/*c", "/inputs", 1))).unwrap();
    assert_eq!(shards, [[at(format!("ipfs://{cid}/a/b%3Fc?name=x"), "/inputs/b?c")]]);
}

#[test]
fn a_directory_brings_what_is_in_it_once() {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path(), &["a/x/1", "a/y", "a-b", "b"]);
    let inputs = [at_dir(dir.path(), "/inputs")];
    let shards = plan(&Data::default(), &inputs, Some(&by("/**/*", "/inputs", 100))).unwrap();
    assert_eq!(targets(&shards), [["/inputs/a", "/inputs/a-b", "/inputs/b"]]);
    // Only within a shard: batches are made of what matches.
    let shards = plan(&Data::default(), &inputs, Some(&by("/**/*", "/inputs", 3))).unwrap();
    assert_eq!(targets(&shards), [vec!["/inputs/a"], vec!["/inputs/a/y", "/inputs/a-b", "/inputs/b"]]);
}

#[test]
fn two_inputs_never_hide_each_other() {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path(), &["one/a", "two/a", "two/b"]);
    let both = [at_dir(&dir.path().join("one"), "/inputs"), at_dir(&dir.path().join("two"), "/inputs")];
    let apart = plan(&Data::default(), &both, Some(&by("/*", "/inputs", 1))).unwrap();
    assert_eq!(targets(&apart), [["/inputs/a"], ["/inputs/a"], ["/inputs/b"]]);
    let said = error(&both, &by("/*", "/inputs", 2));
    assert!(said.contains("one/a and ") && said.contains("two/a would be at /inputs/a and /inputs/a"), "{said}");
    // The one that lies in the other comes first.
    let nested = [at_dir(&dir.path().join("one"), "/inputs/x/y"), at_dir(&dir.path().join("two"), "/inputs/x")];
    let said = error(&nested, &by("/**", "/inputs", 9));
    assert!(said.contains("in one shard: give the inputs places of their own"), "{said}");
}

#[test]
#[cfg(unix)]
fn links_come_with_their_directory_and_are_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path(), &["a/file"]);
    std::os::unix::fs::symlink("..", dir.path().join("a/up")).unwrap();
    std::os::unix::fs::symlink("a/file", dir.path().join("link")).unwrap();
    let shards = plan(&Data::default(), &[at_dir(dir.path(), "/inputs")], Some(&by("/**/*", "/inputs", 1))).unwrap();
    assert_eq!(targets(&shards), [["/inputs/a"], ["/inputs/a/file"]]);
}

#[test]
fn what_cannot_be_sharded_is_said() {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path(), &["a.csv", "b.csv"]);
    let inputs = [at_dir(dir.path(), "/inputs")];
    let said = error(&inputs, &by("/*.txt", "/inputs", 1));
    assert!(said.contains("no entry matches the sharding pattern \"/*.txt\" below \"/inputs\""), "{said}");
    assert!(said.contains("3 entries were listed, such as /inputs, /inputs/a.csv, /inputs/b.csv; change"), "{said}");
    assert!(error(&[], &by("/*", "/inputs", 1)).contains("since the job has no inputs"));
    let said = error(&inputs, &by("/*", "/data", 1));
    assert!(said.contains("the input at /inputs has nothing below the sharding base path /data"), "{said}");
    assert!(error(&inputs, &by("/[", "/inputs", 1)).contains("\"/[\" is invalid"));
    let said = error(&[at("no/such/place", "/inputs")], &by("/*", "/inputs", 1));
    assert!(said.contains("the input no/such/place cannot be listed for sharding: cannot find"), "{said}");
    let cid = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi";
    let said = error(&[at(cid, "/inputs")], &by("/*", "/inputs", 1));
    assert!(said.starts_with(&format!("the input {cid} cannot be listed")) && !said.contains("no result"), "{said}");
}

/// A tree that lists whatever a function says: that of a stranger.
#[derive(Debug)]
struct Made(fn(&str) -> Vec<Entry>);

impl Tree for Made {
    fn stat(&self, _: &str) -> io::Result<Stat> {
        Ok(Stat::new(Kind::Dir, 0))
    }

    fn list(&self, path: &str) -> io::Result<Vec<Entry>> {
        Ok(self.0(path))
    }

    fn open(&self, _: &str) -> io::Result<Box<dyn ReadAt>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn read_link(&self, _: &str) -> io::Result<String> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn identity(&self, _: &Deadline) -> io::Result<String> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl Storage for Made {
    fn name(&self) -> &'static str {
        "made"
    }

    fn has_locally(&self, _: &Source) -> Result<bool, HostFailure> {
        Ok(true)
    }

    fn size(&self, _: &Source) -> Result<Option<u64>, HostFailure> {
        Ok(None)
    }

    fn open(&self, _: &Source) -> Result<Opened, HostFailure> {
        Ok(Opened { tree: Arc::new(Self(self.0)), services: Services::default() })
    }
}

fn directory(name: &str) -> Entry {
    Entry { name: name.into(), kind: Kind::Dir }
}

#[test]
fn more_than_a_job_can_have_is_refused() {
    let wide =
        Made(|_| (0..=MAX_SHARDS).map(|n| Entry { name: format!("{n:05}"), kind: Kind::File }).collect::<Vec<_>>());
    let all = by("/*", "/i", 1);
    let error = plan(&wide, &[at("/", "/i")], Some(&all)).unwrap_err();
    assert_eq!(error, ShardingError::TooManyShards { matches: 10_001, batch: 1, shards: 10_001 });
    let shards = plan(&wide, &[at("/", "/i")], Some(&by("/*", "/i", 2))).unwrap();
    assert_eq!(targets(&shards)[5000], ["/i/10000"]);
    let cid = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi";
    let error = plan(&wide, &[at(cid, "/i")], Some(&by("/*", "/i", 9000))).unwrap_err();
    assert!(error.to_string().contains("more than an announcement holds"), "{error}");
}

#[test]
fn trees_without_end_are_not_listed_to_the_end() {
    let deep = Made(|_| vec![directory("d")]);
    let doubling = Made(|path| {
        let below = path.matches('/').count() < 24;
        if below { vec![directory("a"), directory("b")] } else { Vec::new() }
    });
    for tree in [deep, doubling] {
        let error = plan(&tree, &[at("/", "/i")], Some(&by("/none", "/i", 1))).unwrap_err();
        assert_eq!(error, ShardingError::TooManyEntries);
    }
}

proptest! {
    /// Nothing that matches is lost, twice there, or out of order, whatever the batches.
    #[test]
    fn batches_deal_out_every_match(files in 1_usize..60, batch in 0_u32..70) {
        let dir = tempfile::tempdir().unwrap();
        let names: Vec<String> = (0..files).map(|n| format!("{n:02}")).collect();
        make(dir.path(), &names.iter().map(String::as_str).collect::<Vec<_>>());
        let shards = plan(&Data::default(), &[at_dir(dir.path(), "/inputs")], Some(&by("*", "inputs", batch))).unwrap();
        let dealt: Vec<String> = targets(&shards).concat().iter().map(|target| target["/inputs/".len()..].into()).collect();
        prop_assert_eq!(dealt, names);
        let full = shards.iter().rev().skip(1).all(|shard| shard.len() == batch.max(1) as usize);
        prop_assert!(full && shards.iter().all(|shard| !shard.is_empty()));
    }

    #[test]
    fn any_pattern_is_read_or_refused(pattern: String, base: String, path: String) {
        if let Ok(pattern) = Pattern::new(&pattern, &base) {
            let _ = pattern.remainder(&path).map(|rest| pattern.matches(rest));
        }
    }
}
