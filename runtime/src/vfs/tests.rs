//! What a tree has the host keep, and that its numbers do not depend on it.

use std::path::Path;
use std::sync::Arc;

use bacalhau_tree::Deadline;

use super::*;
use crate::staging::Staging;

/// A tree in memory with a bound on host memory, and the place of a path in it.
fn tree(dir: &Path, most: u64) -> Vfs {
    let scratch = Scratch::new(Arc::new(Staging::new(dir)), u64::MAX);
    Vfs::new(&Limits::default(), Clock::starting_at(0), scratch, HostMemory::new(most)).unwrap()
}

fn place(vfs: &mut Vfs, path: &str) -> Place {
    vfs.resolve(NodeId::ROOT, path, false).unwrap()
}

fn make_dir(vfs: &mut Vfs, path: &str) -> NodeId {
    let to = place(vfs, path);
    vfs.make_dir(&to).unwrap();
    place(vfs, path).node.unwrap()
}

fn make_file(vfs: &mut Vfs, path: &str) -> NodeId {
    let to = place(vfs, path);
    vfs.make_file(&to).unwrap()
}

fn remove(vfs: &mut Vfs, path: &str) {
    let from = place(vfs, path);
    match vfs.kind(from.node.unwrap()) {
        Kind::Dir => vfs.remove_dir(&from).unwrap(),
        Kind::File | Kind::Link => vfs.unlink(&from).unwrap(),
    }
}

fn is_host_failure(answer: &Answer<()>) -> bool {
    matches!(answer, Err(fault::Fault::Stop(fault::Stop::Host(_))))
}

#[test]
fn slots_are_used_again_and_numbers_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let mut vfs = tree(dir.path(), 100_000);
    let kept = make_dir(&mut vfs, "/kept");
    let held = vfs.memory.held();
    for number in 3..5000 {
        let made = make_dir(&mut vfs, "/d");
        assert_eq!((made.inode(), made.slot), (number, 2));
        remove(&mut vfs, "/d");
    }
    assert_eq!(vfs.memory.held(), held);
    // A directory that is gone but open tells the number of the one that it was in, also when that is gone.
    make_dir(&mut vfs, "/a");
    let below = make_dir(&mut vfs, "/a/b");
    let above = place(&mut vfs, "/a").node.unwrap().inode();
    vfs.opened(below);
    remove(&mut vfs, "/a/b");
    remove(&mut vfs, "/a");
    make_dir(&mut vfs, "/other");
    let listing = vfs.list(below).unwrap();
    let names: Vec<_> = listing.from(0).map(|(name, inode, _)| (name.to_owned(), inode)).collect();
    assert_eq!(names, [(".".into(), below.inode()), ("..".into(), above)]);
    assert_eq!(vfs.stat(kept).unwrap().inode, 2);
}

#[test]
fn a_listing_is_shared_until_the_directory_changes() {
    let dir = tempfile::tempdir().unwrap();
    let mut vfs = tree(dir.path(), 1 << 20);
    let id = make_dir(&mut vfs, "/d");
    make_file(&mut vfs, "/d/a");
    let held = vfs.memory.held();
    let one = vfs.list(id).unwrap();
    let once = vfs.memory.held();
    let other = vfs.list(id).unwrap();
    assert!(Arc::ptr_eq(&one, &other) && vfs.memory.held() == once && once > held);
    make_file(&mut vfs, "/d/b");
    let new = vfs.list(id).unwrap();
    assert_eq!((one.len(), new.len()), (3, 4));
    assert_eq!(new.from(3).map(|(name, ..)| name).collect::<Vec<_>>(), ["b"]);
    for listing in [one, new] {
        vfs.unlist(listing);
    }
    remove(&mut vfs, "/d/b");
    assert!(vfs.memory.held() > held, "the other descriptor has the first one still");
    vfs.unlist(other);
    assert_eq!(vfs.memory.held(), held);
    // `..` is in a listing too.
    let before = vfs.list(id).unwrap();
    make_dir(&mut vfs, "/e");
    let (from, to) = (place(&mut vfs, "/d"), place(&mut vfs, "/e/d"));
    vfs.rename(&from, &to).unwrap();
    let after = vfs.list(id).unwrap();
    assert_ne!(before.from(1).next().unwrap().1, after.from(1).next().unwrap().1);
}

#[test]
fn names_targets_and_nodes_end_at_the_bound() {
    let dir = tempfile::tempdir().unwrap();
    let mut vfs = tree(dir.path(), 1 << 20);
    let made = (0..10_000).find(|number| {
        let to = place(&mut vfs, &format!("/{number:0200}"));
        is_host_failure(&vfs.make_link(&"t".repeat(1000), &to))
    });
    let made = made.unwrap();
    assert!((500..1000).contains(&made), "{made} links of some 1,500 bytes in a mebibyte");
}

#[test]
fn files_in_memory_are_counted_by_capacity_and_go_to_disk_when_there_is_little() {
    let dir = tempfile::tempdir().unwrap();
    let mut vfs = tree(dir.path(), 1 << 20);
    let id = make_file(&mut vfs, "/f");
    let held = vfs.memory.held();
    vfs.write(id, &[1; 1000], 0).unwrap();
    vfs.write(id, &[2; 1000], 1000).unwrap();
    assert_eq!(vfs.memory.held(), held + 2000);
    vfs.resize(id, 0).unwrap();
    assert_eq!(vfs.memory.held(), held, "a file that was cut off has no memory");
    // More than half of the bound is for what must be in memory.
    vfs.write(id, &vec![3; 400_000], 0).unwrap();
    vfs.write(id, &vec![4; 200_000], 400_000).unwrap();
    assert_eq!(vfs.memory.held(), held);
    let mut read = vec![0; 600_000];
    assert_eq!(vfs.read(id, &mut read, 0).unwrap(), 600_000);
    assert!(read[..400_000].iter().all(|byte| *byte == 3) && read[400_000..].iter().all(|byte| *byte == 4));
    remove(&mut vfs, "/f");
    assert!(vfs.memory.held() < held);
}

#[test]
fn files_outside_of_outputs_are_counted_and_the_first_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut vfs = tree(dir.path(), 1 << 20);
    let output = vfs.make_place("/work/outputs").unwrap();
    vfs.make_place("/tmp").unwrap();
    let deadline = Deadline::new(std::time::Duration::from_mins(1));
    for path in ["/tmp/scratch", "/work/outputs/kept"] {
        make_file(&mut vfs, path);
    }
    assert_eq!(vfs.unkept(&[output], &deadline).unwrap().count, 0);
    for path in ["/z", "/work/b", "/work/a", "/result.txt"] {
        make_file(&mut vfs, path);
    }
    let found = vfs.unkept(&[output], &deadline).unwrap();
    assert_eq!((found.count, found.listed), (4, ["/result.txt", "/work/a", "/work/b"].map(String::from).to_vec()));
    remove(&mut vfs, "/z");
    assert_eq!(vfs.unkept(&[output], &deadline).unwrap().count, 3);
}
