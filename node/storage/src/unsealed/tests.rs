//! Unsealed copies in every form and under every policy, and what is not one.

use std::fs;
use std::io::Write as _;
use std::sync::Mutex;

use bacalhau_tree::Deadline;

use super::*;
use bacalhau_cas::{
    Block, Code,
    car::CarWriter,
    memory::MemoryBlockstore,
    unixfs::import::{Profile, import},
};

/// A place for copies, and one for what is remembered of them.
struct Room(tempfile::TempDir);

impl Room {
    fn new() -> Self {
        let room = Self(tempfile::tempdir().unwrap());
        fs::create_dir(room.data()).unwrap();
        room
    }

    fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    fn storage(&self, file: &str, verify: UnsealedVerify) -> UnsealedStorage {
        let template = Template::parse(&format!("{}/{file}", self.data().display())).unwrap();
        UnsealedStorage::new(template, verify, &self.0.path().join("node"), Arc::<MemoryBlockstore>::default()).unwrap()
    }

    /// A tree with a file and one below.
    fn tree(&self, name: &str) -> PathBuf {
        let dir = self.data().join(name);
        fs::create_dir_all(dir.join("sub")).unwrap();
        fs::write(dir.join("a.txt"), "a\n").unwrap();
        let big: Vec<u8> = (0..600_000_u32).map(|byte| (byte % 251) as u8).collect();
        fs::write(dir.join("sub/big"), big).unwrap();
        dir
    }
}

/// The CID of what lies at `path`, and its blocks as an archive.
fn import_at(path: &Path, car: Option<&Path>) -> CidPath {
    let blocks = Mutex::new(Vec::new());
    let mut sink = |block: Block| {
        blocks.lock().unwrap().push(block);
        Ok(())
    };
    let cid = import(&HostTree::open(path).unwrap(), Profile::KuboCidV1, &mut sink).unwrap().cid;
    if let Some(car) = car {
        let mut writer = CarWriter::new(File::create(car).unwrap(), &[cid]).unwrap();
        blocks.lock().unwrap().iter().for_each(|block| writer.write(block).unwrap());
        writer.finish().unwrap();
    }
    CidPath::of(&cid)
}

fn source(place: &CidPath, path: &str) -> Source {
    Source::Cid(CidSource::of(CidPath { path: path.into(), ..place.clone() }))
}

fn read(tree: &dyn Tree, path: &str) -> Vec<u8> {
    let mut content = vec![0; usize::try_from(tree.stat(path).unwrap().size).unwrap()];
    assert_eq!(tree.open(path).unwrap().read_at(&mut content, 0).unwrap(), content.len());
    content
}

fn checked(opened: &Opened) -> Checked {
    opened.services.list()[0].checked
}

#[test]
fn a_directory_is_read_in_place_and_proved_once() {
    let room = Room::new();
    let place = import_at(&room.tree("new"), None);
    let dir = room.data().join(place.cid.to_string());
    fs::rename(room.data().join("new"), &dir).unwrap();
    for verify in [UnsealedVerify::Lazy, UnsealedVerify::Full] {
        let storage = room.storage("{{.Cid}}", verify);
        assert!(storage.has_locally(&source(&place, "")).unwrap());
        assert_eq!(storage.size(&source(&place, "")).unwrap(), Some(600_002));
        let opened = storage.open(&source(&place, "")).unwrap();
        assert_eq!(read(&*opened.tree, "sub/big").len(), 600_000);
        assert_eq!((checked(&opened), opened.services.list()[0].driver.as_str()), (Checked::Verified, "unsealed"));
        let below = storage.open(&source(&place, "sub/big")).unwrap();
        assert_eq!(read(&*below.tree, "").len(), 600_000);
        assert_eq!(storage.size(&source(&place, "sub")).unwrap(), Some(600_000));
        for path in ["sub/none", "a.txt/none"] {
            let error = storage.open(&source(&place, path)).map(drop).unwrap_err().to_string();
            assert!(error.contains(path), "{error}");
        }
    }
    let trusted = room.storage("{{.Cid}}", UnsealedVerify::Never).open(&source(&place, "")).unwrap();
    assert_eq!(checked(&trusted), Checked::Trusted);
}

#[test]
fn a_copy_that_is_overwritten_after_it_was_opened_is_found_out_at_the_end() {
    let room = Room::new();
    let place = import_at(&room.tree("new"), None);
    let dir = room.data().join(place.cid.to_string());
    fs::rename(room.data().join("new"), &dir).unwrap();
    let never = Deadline::never();
    // The first proves it, the second remembers that, and the last two believe it.
    for verify in [UnsealedVerify::Full, UnsealedVerify::Full, UnsealedVerify::Lazy, UnsealedVerify::Never] {
        let opened = room.storage("{{.Cid}}", verify).open(&source(&place, "sub")).unwrap();
        assert_eq!(read(&*opened.tree, "big").len(), 600_000);
        opened.tree.check_unchanged(&never).unwrap();
        let big = File::options().write(true).open(dir.join("sub/big")).unwrap();
        let first = read(&*opened.tree, "big")[0];
        std::os::unix::fs::FileExt::write_all_at(&big, &[first ^ 1], 0).unwrap();
        let error = opened.tree.check_unchanged(&never).unwrap_err().to_string();
        assert!(error.contains("\"sub/big\" was changed"), "{verify:?}: {error}");
        std::os::unix::fs::FileExt::write_all_at(&big, &[first], 0).unwrap();
    }
    // What is remembered as proved, and is changed before the guest first reads it.
    let storage = room.storage("{{.Cid}}", UnsealedVerify::Full);
    storage.open(&source(&place, "")).unwrap();
    let opened = storage.open(&source(&place, "")).unwrap();
    assert_eq!(checked(&opened), Checked::Verified);
    fs::write(dir.join("a.txt"), "b\n").unwrap();
    assert!(opened.tree.check_unchanged(&never).unwrap_err().to_string().contains("\"a.txt\" was changed"));
    let error = storage.open(&source(&place, "")).map(drop).unwrap_err().to_string();
    assert!(error.contains("could not be verified as"), "it is another copy now: {error}");
}

#[test]
fn blocks_of_an_archive_that_is_overwritten_are_never_the_wrong_ones() {
    let room = Room::new();
    let dir = room.tree("new");
    let place = import_at(&dir, Some(&room.data().join("new.car")));
    let car = room.data().join(format!("{}.car", place.cid));
    fs::rename(room.data().join("new.car"), &car).unwrap();
    for verify in [UnsealedVerify::Full, UnsealedVerify::Lazy] {
        let opened = room.storage("{{.Cid}}.car", verify).open(&source(&place, "")).unwrap();
        opened.tree.stat("sub/big").unwrap();
        let before = fs::read(&car).unwrap();
        let mut after = before.clone();
        let at = after.len() - 1000;
        after[at] ^= 1;
        fs::write(&car, after).unwrap();
        let file = opened.tree.open("sub/big").unwrap();
        let whole: io::Result<()> = (0..6).try_for_each(|n| file.read_at(&mut vec![0; 100_000], n * 100_000).map(drop));
        let error = whole.unwrap_err().to_string();
        assert!(error.contains("is corrupt"), "a block is not that of its CID: {error}");
        fs::write(&car, before).unwrap();
    }
}

#[test]
fn what_no_profile_proves_is_said_or_refused() {
    let room = Room::new();
    let place = import_at(&room.tree("new"), None);
    let dir = room.data().join(place.cid.to_string());
    fs::rename(room.data().join("new"), &dir).unwrap();
    fs::write(dir.join("a.txt"), "b\n").unwrap();
    let opened = room.storage("{{.Cid}}", UnsealedVerify::Lazy).open(&source(&place, "")).unwrap();
    assert_eq!(checked(&opened), Checked::Unverified);
    let error = room.storage("{{.Cid}}", UnsealedVerify::Full).open(&source(&place, "")).unwrap_err().to_string();
    assert!(error.contains("could not be verified as") && error.contains("--unsealed-verify lazy"), "{error}");
    // Mended, it is looked at again.
    fs::write(dir.join("a.txt"), "a\n").unwrap();
    let opened = room.storage("{{.Cid}}", UnsealedVerify::Full).open(&source(&place, "")).unwrap();
    assert_eq!(checked(&opened), Checked::Verified);
}

#[test]
fn an_archive_is_mounted_as_it_lies() {
    let room = Room::new();
    let dir = room.tree("new");
    let spare = room.0.path().join("spare.car");
    let place = import_at(&dir, Some(&spare));
    // Providers hold pieces filled up with zeros, and not all of them have an extension.
    fs::OpenOptions::new().append(true).open(&spare).unwrap().write_all(&[0; 4096]).unwrap();
    for file in ["{{.Cid}}.car", "{{.Cid}}"] {
        fs::copy(&spare, room.data().join(file.replace("{{.Cid}}", &place.cid.to_string()))).unwrap();
        for verify in [UnsealedVerify::Never, UnsealedVerify::Lazy, UnsealedVerify::Full] {
            let storage = room.storage(file, verify);
            let opened = storage.open(&source(&place, "")).unwrap();
            assert_eq!(read(&*opened.tree, "a.txt"), b"a\n");
            assert_eq!(checked(&opened), Checked::Verified);
            assert_eq!(storage.size(&source(&place, "sub/big")).unwrap(), Some(600_000));
        }
    }
}

#[test]
fn archives_that_are_not_what_they_should_be_are_refused() {
    let room = Room::new();
    let place = import_at(&room.tree("new"), Some(&room.0.path().join("good.car")));
    let good = fs::read(room.0.path().join("good.car")).unwrap();
    let car = room.data().join("x.car");
    let storage = |verify| room.storage("x.car{{/* one for all */}}", verify);
    let open = |verify| storage(verify).open(&source(&place, "")).map_err(|error| error.to_string());
    fs::write(&car, "hello").unwrap();
    assert!(open(UnsealedVerify::Lazy).unwrap_err().contains("x.car"), "no archive");
    fs::write(&car, &good[..good.len() - 10]).unwrap();
    assert!(open(UnsealedVerify::Lazy).unwrap_err().contains("x.car"), "cut short");
    let mut bad = good.clone();
    bad[good.len() / 2] ^= 1;
    fs::write(&car, &bad).unwrap();
    assert!(open(UnsealedVerify::Full).unwrap_err().contains("corrupt"));
    let opened = open(UnsealedVerify::Lazy).unwrap();
    let mut content = vec![0; 600_000];
    let error = opened.tree.open("sub/big").unwrap().read_at(&mut content, 0).unwrap_err();
    assert!(error.to_string().contains("corrupt"), "{error}");
    fs::write(&car, &good).unwrap();
    let other = CidPath::of(Block::of_v0("other").cid());
    let error = storage(UnsealedVerify::Lazy).open(&source(&other, "")).unwrap_err().to_string();
    assert!(error.contains("does not hold"), "{error}");
}

#[test]
fn both_names_of_a_cid_find_a_copy() {
    let room = Room::new();
    let v1 = import_at(&room.tree("new"), None);
    // The same hash: a CID of version 0 is one of version 1 in other letters.
    let v0 = Cid::new_v0(*v1.cid.hash()).unwrap();
    for (file, name) in
        [("{{.Cid}}", v0.to_string()), ("{{.Cid}}", v1.cid.to_string()), ("{{.CID}}-x", format!("{v0}-x"))]
    {
        fs::rename(room.data().join("new"), room.data().join(&name)).unwrap();
        for asked in [CidPath::of(&v0), v1.clone()] {
            let storage = room.storage(file, UnsealedVerify::Lazy);
            assert!(storage.has_locally(&source(&asked, "")).unwrap(), "{name}");
            let opened = storage.open(&source(&asked, "")).unwrap();
            assert_eq!(read(&*opened.tree, "a.txt"), b"a\n");
            assert!(opened.services.list()[0].place.ends_with(&name));
        }
        fs::rename(room.data().join(&name), room.data().join("new")).unwrap();
    }
    let error = room.storage("{{.Cid}}", UnsealedVerify::Lazy).open(&source(&v1, "")).unwrap_err().to_string();
    assert!(error.contains(&v0.to_string()) && error.contains(&v1.cid.to_string()), "{error}");
    // Of plain bytes there is one name.
    let raw = CidPath::of(Block::of(Code::Raw, "x").cid());
    let error = room.storage("{{.Cid}}", UnsealedVerify::Lazy).open(&source(&raw, "")).unwrap_err().to_string();
    assert!(error.contains("there is no copy at ") && !error.contains(" nor at "), "{error}");
}

#[test]
fn an_archive_that_is_the_data_itself_is_used_where_that_is_proved() {
    let room = Room::new();
    import_at(&room.tree("new"), Some(&room.data().join("x")));
    let whole = fs::read(room.data().join("x")).unwrap();
    for (name, content) in [("whole", &whole[..]), ("cut", &whole[..whole.len() - 10])] {
        fs::write(room.data().join("x"), content).unwrap();
        let place = import_at(&room.data().join("x"), None);
        for file in ["{{.Cid}}", "{{.Cid}}.car"] {
            let path = room.data().join(file.replace("{{.Cid}}", &place.cid.to_string()));
            fs::write(&path, content).unwrap();
            for verify in [UnsealedVerify::Never, UnsealedVerify::Lazy, UnsealedVerify::Full] {
                let opened = room.storage(file, verify).open(&source(&place, "")).unwrap();
                assert_eq!(
                    (read(&*opened.tree, ""), checked(&opened)),
                    (content.to_vec(), Checked::Verified),
                    "{name}"
                );
            }
            // What is not proved is no file that happens to be an archive, but the wrong archive, or half of one.
            let other = CidPath::of(Block::of_v0("other").cid());
            let other_path = room.data().join(file.replace("{{.Cid}}", &other.cid.to_string()));
            fs::rename(&path, &other_path).unwrap();
            let storage = room.storage(file, UnsealedVerify::Lazy);
            let error = storage.open(&source(&other, "")).map(drop).unwrap_err().to_string();
            let why = if name == "whole" { "does not hold" } else { "truncated" };
            assert!(error.contains(why) && error.contains(&*other_path.to_string_lossy()), "{error}");
            let error = storage.has_locally(&source(&other, "")).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
            fs::remove_file(&other_path).unwrap();
        }
    }
}

#[test]
fn nothing_of_a_path_enters_through_an_input() {
    let room = Room::new();
    room.tree("secret");
    let place = CidPath::of(Block::of_v0("x").cid());
    let mut named = CidSource::of(place.clone());
    for name in ["../secret", "..", "a/../../secret", ""] {
        named.metadata.insert("name".into(), name.into());
        let storage = room.storage("below/{{.Name}}", UnsealedVerify::Never);
        let error = storage.open(&Source::Cid(named.clone())).unwrap_err().to_string();
        assert!(error.contains("leaves") || error.contains("is empty"), "{name:?}: {error}");
        let error = storage.has_locally(&Source::Cid(named.clone())).unwrap_err().to_string();
        assert!(error.contains("leaves") || error.contains("is empty"), "{name:?}: {error}");
    }
    let storage = room.storage("{{.Cid}}", UnsealedVerify::Lazy);
    assert!(!storage.has_locally(&source(&place, "")).unwrap());
    assert!(storage.open(&source(&place, "")).unwrap_err().to_string().contains("there is no copy at"));
    let other = storage.open(&Source::parse("http://x/y").unwrap()).map(drop).unwrap_err().to_string();
    assert!(other.contains("http://x/y"), "{other}");
}

#[test]
fn what_is_proved_to_be_other_data_is_never_used() {
    let room = Room::new();
    let cid = *Block::of(Code::Raw, "right").cid();
    let (place, copy) = (CidPath::of(&cid), room.data().join(cid.to_string()));
    let open = |verify| room.storage("{{.Cid}}", verify).open(&source(&place, "")).map_err(|error| error.to_string());
    let other = *Block::of(Code::Raw, "wrong").cid();
    let refused = |what: &str| {
        for verify in [UnsealedVerify::Lazy, UnsealedVerify::Full] {
            // Twice: the second time it is remembered.
            for _ in 0..2 {
                let error = open(verify).unwrap_err();
                let named = format!("{} is not the data of {cid}: {what}", copy.display());
                assert!(error.contains(&named), "{error}");
            }
            let error = room.storage("{{.Cid}}", verify).has_locally(&source(&place, "")).unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
        }
    };
    fs::write(&copy, "wrong").unwrap();
    refused(&format!("it is a file of 5 bytes with the CID {other}"));
    fs::write(&copy, "").unwrap();
    refused("it is a file of 0 bytes");
    fs::remove_file(&copy).unwrap();
    fs::create_dir(&copy).unwrap();
    refused("it is a directory");
    let error = open(UnsealedVerify::Never).unwrap_err();
    assert!(error.contains("it is a directory"), "that costs nothing to see: {error}");
    fs::remove_dir(&copy).unwrap();
    // No block is so large, but a CID names the bytes of any file.
    let large = vec![7; (2 << 20) + 1];
    fs::write(&copy, &large).unwrap();
    let error = open(UnsealedVerify::Lazy).unwrap_err();
    assert!(error.contains("it is a file of 2097153 bytes with the CID "), "{error}");
    fs::write(&copy, "right").unwrap();
    assert_eq!(checked(&open(UnsealedVerify::Lazy).unwrap()), Checked::Verified);
}

#[test]
fn a_job_may_take_only_what_is_proved_whatever_the_policy() {
    let room = Room::new();
    let place = import_at(&room.tree("new"), None);
    let dir = room.data().join(place.cid.to_string());
    fs::rename(room.data().join("new"), &dir).unwrap();
    let demanding = source(&place, "").verified(true);
    for verify in [UnsealedVerify::Never, UnsealedVerify::Lazy, UnsealedVerify::Full] {
        let opened = room.storage("{{.Cid}}", verify).open(&demanding).unwrap();
        assert_eq!(checked(&opened), Checked::Verified);
    }
    fs::write(dir.join("a.txt"), "b\n").unwrap();
    for verify in [UnsealedVerify::Never, UnsealedVerify::Lazy, UnsealedVerify::Full] {
        let storage = room.storage("{{.Cid}}", verify);
        let error = storage.open(&demanding).unwrap_err().to_string();
        assert!(error.contains("the job takes verified inputs only"), "{error}");
        let error = storage.has_locally(&demanding).expect_err("a provider that knows that does not bid").to_string();
        assert!(error.contains("the job takes verified inputs only"), "{error}");
        assert!(storage.has_locally(&source(&place, "")).unwrap());
    }
}

/// As Lotus writes the unsealed file of a sector: two bits of zero behind every 254.
fn sector(piece: &[u8]) -> Vec<u8> {
    let bit = |at: usize| piece[at / 8] >> (at % 8) & 1;
    let mut padded = vec![0; piece.len() * 128 / 127];
    for at in 0..padded.len() * 8 {
        let (number, within) = (at / 256, at % 256);
        let from = number * 254 + within;
        if within < 254 && from < piece.len() * 8 {
            padded[at / 8] |= bit(from) << (at % 8);
        }
    }
    padded
}

#[test]
fn the_file_of_a_sector_is_no_copy_of_its_data() {
    let room = Room::new();
    let spare = room.0.path().join("spare.car");
    let place = import_at(&room.tree("new"), Some(&spare));
    let piece = fs::read(&spare).unwrap();
    for file in ["{{.Cid}}", "{{.Cid}}.car"] {
        let path = room.data().join(file.replace("{{.Cid}}", &place.cid.to_string()));
        fs::write(&path, sector(&piece)).unwrap();
        assert_eq!(fs::read(&path).unwrap()[..31], piece[..31], "it begins as the archive does");
        let error = room.storage(file, UnsealedVerify::Lazy).open(&source(&place, "")).map(drop).unwrap_err();
        assert!(error.to_string().contains("unsealed file of a sector"), "{error}");
    }
}
