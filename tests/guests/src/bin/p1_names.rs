//! Which names a file can have: those that every file system of every machine can hold.
use guests::{ROOT, granted, make_dir, names, open, put, refused, rename, stat, symlink};
use wasi::{ERRNO_ILSEQ, ERRNO_NAMETOOLONG, OFLAGS_CREAT, wasi_snapshot_preview1 as raw};

fn main() {
    unsafe {
        make_dir("d");
        for name in ["a b", "ä", "日本", "-", "...", "x.", "~", "$HOME", "*", "a:b", "'\"", "e\u{301}"] {
            put(&format!("d/{name}"), name.as_bytes());
            assert_eq!(guests::get(&format!("d/{name}")), name.as_bytes());
        }
        assert_eq!(names("d").len(), 12);
        put("f", b"");
        for name in ["a\0b", "a\nb", "\u{1}", "a\\b", "\t", "\u{7f}", "d/a\nb"] {
            assert_eq!(refused(open(name, OFLAGS_CREAT)), ERRNO_ILSEQ, "{name:?}");
            assert_eq!(refused(stat(name)), ERRNO_ILSEQ, "{name:?}");
            assert_eq!(refused(wasi::path_create_directory(ROOT, name)), ERRNO_ILSEQ, "{name:?}");
            assert_eq!(refused(rename("f", name)), ERRNO_ILSEQ, "{name:?}");
            assert_eq!(refused(symlink("f", name)), ERRNO_ILSEQ, "{name:?}");
        }
        for bytes in [&b"\xff"[..], b"a\xc3", b"\xed\xa0\x80"] {
            let (at, len) = (bytes.as_ptr() as i32, bytes.len() as i32);
            assert_eq!(raw::path_create_directory(3, at, len), i32::from(ERRNO_ILSEQ.raw()), "{bytes:?}");
            assert_eq!(raw::path_unlink_file(3, at, len), i32::from(ERRNO_ILSEQ.raw()), "{bytes:?}");
        }
        // 255 bytes are the most, not 255 letters.
        put(&"x".repeat(255), b"");
        put(&"ä".repeat(127), b"");
        assert_eq!(refused(open(&"x".repeat(256), OFLAGS_CREAT)), ERRNO_NAMETOOLONG);
        assert_eq!(refused(open(&"ä".repeat(128), OFLAGS_CREAT)), ERRNO_NAMETOOLONG);
        assert_eq!(refused(stat(&"x".repeat(256))), ERRNO_NAMETOOLONG);
        // A path of very many steps that stays where it is; and one that is too long for any program.
        assert_eq!(granted(stat(&"d/../".repeat(500))).ino, granted(stat("/")).ino);
        assert_eq!(refused(stat(&"d/../".repeat(100_000))), ERRNO_NAMETOOLONG);
    }
}
