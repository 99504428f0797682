//! Listing: `.` and `..` first, then names in the order of their bytes; cookies resume anywhere, with any buffer that
//! holds one entry; an entry that does not fit is cut off, and the buffer is then full.
use guests::{NOBODY, granted, link_stat, list, list_once, make_dir, open, open_dir, put, refused, symlink};
use wasi::{ERRNO_BADF, ERRNO_NOTDIR, FILETYPE_DIRECTORY, FILETYPE_REGULAR_FILE, FILETYPE_SYMBOLIC_LINK};

fn main() {
    make_dir("d");
    for name in ["b", "a", "B", "é", "a.b", "ab", "a-long-name-that-fills-the-buffer", "10", "9"] {
        put(&format!("d/{name}"), b"");
    }
    make_dir("d/sub");
    granted(symlink("a", "d/z"));
    let sorted = ["10", "9", "B", "a", "a-long-name-that-fills-the-buffer", "a.b", "ab", "b", "sub", "z", "é"];

    let fd = open_dir("d");
    let all = list(fd, 4096);
    assert_eq!([&all[0].name, &all[1].name], [".", ".."]);
    assert!(all[2..].iter().map(|entry| &entry.name).eq(sorted), "{all:?}");
    let kind = |name: &str| all.iter().find(|entry| entry.name == name).unwrap().kind;
    assert_eq!(kind("."), FILETYPE_DIRECTORY.raw());
    assert_eq!(kind("sub"), FILETYPE_DIRECTORY.raw());
    assert_eq!(kind("a"), FILETYPE_REGULAR_FILE.raw());
    assert_eq!(kind("z"), FILETYPE_SYMBOLIC_LINK.raw());
    for entry in &all[2..] {
        let stat = granted(link_stat(&format!("d/{}", entry.name)));
        assert_eq!((stat.ino, stat.filetype.raw()), (entry.ino, entry.kind), "{}", entry.name);
    }
    assert_eq!(all[0].ino, granted(link_stat("d")).ino);
    assert_eq!(all[1].ino, granted(link_stat(".")).ino);

    for len in [24 + 33, 64, 100, 1000] {
        assert_eq!(list(fd, len), all, "with a buffer of {len} bytes");
    }
    for (at, entry) in all.iter().enumerate() {
        let rest = granted(list_once(fd, 4096, entry.next)).1;
        assert_eq!(rest, all[at + 1..], "behind {}", entry.name);
    }
    // The first entry is 25 bytes long, the second 26.
    for (len, used, whole) in [(0, 0, 0), (10, 10, 0), (24, 24, 0), (25, 25, 1), (30, 30, 1), (51, 51, 2)] {
        let (got, entries) = granted(list_once(fd, len, 0));
        assert_eq!((got, entries.len()), (used, whole), "with a buffer of {len} bytes");
    }
    assert_eq!(granted(list_once(fd, 4096, all.last().unwrap().next)).0, 0, "behind the last entry");
    assert_eq!(granted(list_once(fd, 4096, u64::MAX)).0, 0, "a cookie that nobody gave out");
    assert_eq!(refused(list_once(NOBODY, 64, 0)), ERRNO_BADF);
    assert_eq!(refused(list_once(1, 64, 0)), ERRNO_NOTDIR);
    let file = granted(open("d/a", 0));
    assert_eq!(refused(list_once(file, 64, 0)), ERRNO_NOTDIR);
    // The parent of the root is the root.
    let root = list(guests::ROOT, 4096);
    assert_eq!(root[0].ino, root[1].ino);
}
