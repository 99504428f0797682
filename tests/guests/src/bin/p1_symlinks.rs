//! Symbolic links: read back as they were written, followed inside, loops and dangling ones reported.
use guests::{
    ROOT, get, granted, link_stat, make_dir, open, open_dir, put, refused, remove_dir, stat, symlink, unlink,
};
use wasi::{
    ERRNO_EXIST, ERRNO_INVAL, ERRNO_LOOP, ERRNO_NOENT, ERRNO_NOTDIR, FILETYPE_DIRECTORY, FILETYPE_SYMBOLIC_LINK,
};

fn read_link(path: &str, len: usize) -> Result<Vec<u8>, wasi::Errno> {
    let mut buf = vec![0; len];
    let used = unsafe { wasi::path_readlink(ROOT, path, buf.as_mut_ptr(), len) }?;
    buf.truncate(used);
    Ok(buf)
}

fn main() {
    make_dir("d");
    make_dir("d/e");
    put("d/f", b"content");
    granted(symlink("d/f", "l"));
    assert_eq!(granted(read_link("l", 99)), b"d/f");
    assert_eq!(granted(read_link("l", 2)), b"d/", "cut to the buffer");
    assert_eq!(granted(read_link("l", 0)), b"");
    assert_eq!(get("l"), b"content");
    // Relative to the directory of the link; through directories; absolute.
    granted(symlink("../f", "d/e/up"));
    assert_eq!(get("d/e/up"), b"content");
    granted(symlink("d", "ld"));
    assert_eq!(get("ld/e/../f"), b"content");
    assert_eq!(granted(stat("ld/")).filetype, FILETYPE_DIRECTORY);
    assert_eq!(granted(link_stat("ld")).filetype, FILETYPE_SYMBOLIC_LINK);
    granted(symlink("/d/f", "absolute"));
    assert_eq!(get("absolute"), b"content");
    // `..` after a link goes up from where the link leads.
    granted(symlink("d/e", "le"));
    assert_eq!(get("le/../f"), b"content");

    // A chain, a loop of one and of two, a dangling one.
    granted(symlink("l", "chain"));
    assert_eq!(get("chain"), b"content");
    granted(symlink("self", "self"));
    granted(symlink("pong", "ping"));
    granted(symlink("ping", "pong"));
    for path in ["self", "ping", "self/x"] {
        assert_eq!(refused(stat(path)), ERRNO_LOOP, "{path}");
        assert_eq!(refused(open(path, 0)), ERRNO_LOOP, "{path}");
    }
    assert_eq!(granted(link_stat("self")).filetype, FILETYPE_SYMBOLIC_LINK);
    granted(symlink("absent", "dangling"));
    assert_eq!(refused(open("dangling", 0)), ERRNO_NOENT);
    assert_eq!(granted(read_link("dangling", 99)), b"absent");
    // 32 links one after the other are as many as anybody needs; a hundred are too many.
    put("0", b"end");
    for n in 1..=100 {
        granted(symlink(&format!("{}", n - 1), &format!("{n}")));
    }
    assert_eq!(get("32"), b"end");
    assert_eq!(refused(stat("100")), ERRNO_LOOP);

    assert_eq!(refused(symlink("x", "l")), ERRNO_EXIST);
    assert_eq!(refused(symlink("x", "d")), ERRNO_EXIST);
    assert_eq!(refused(symlink("x", "absent/l")), ERRNO_NOENT);
    assert_eq!(refused(symlink("", "empty")), ERRNO_NOENT);
    assert_eq!(refused(read_link("d", 99)), ERRNO_INVAL);
    assert_eq!(refused(read_link("d/f", 99)), ERRNO_INVAL);
    assert_eq!(refused(read_link("absent2", 99)), ERRNO_NOENT);
    // Deleting names the link, never its target.
    assert_eq!(refused(remove_dir("ld")), ERRNO_NOTDIR);
    granted(unlink("ld"));
    granted(unlink("l"));
    assert_eq!(get("d/f"), b"content");
    // From a directory other than the root an absolute link leads out of it.
    granted(symlink("/d/f", "d/e/absolute"));
    let e = open_dir("d/e");
    assert_eq!(refused(guests::open_at(e, "absolute", 0, 0)), wasi::ERRNO_PERM);
    assert_eq!(refused(guests::open_at(e, "up", 0, 0)), wasi::ERRNO_PERM);
    assert_eq!(get("d/e/absolute"), b"content");
}
