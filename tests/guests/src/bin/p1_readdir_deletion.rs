//! A directory that changes while it is listed: a listing is that of the moment at which it began, so nothing that stays
//! is left out or told twice.
use guests::{granted, list, list_once, make_dir, open_dir, put, remove_dir, rename, unlink};

fn main() {
    make_dir("d");
    for n in 0..100 {
        put(&format!("d/{n:03}"), b"");
    }
    // Delete each name right after seeing it: what `rm -r` does.
    let fd = open_dir("d");
    let (mut cookie, mut seen) = (0, Vec::new());
    loop {
        let (used, entries) = granted(list_once(fd, 64, cookie));
        for entry in &entries {
            cookie = entry.next;
            if !entry.name.starts_with('.') {
                granted(unlink(&format!("d/{}", entry.name)));
                seen.push(entry.name.clone());
            }
        }
        if used < 64 {
            break;
        }
    }
    assert!(seen.iter().map(|name| name.parse::<u32>().unwrap()).eq(0..100), "{seen:?}");
    assert_eq!(list(fd, 4096).len(), 2);

    // Names that come, go and move before and behind the cookie.
    for name in ["b", "d", "f", "h"] {
        put(&format!("d/{name}"), b"");
    }
    let head = granted(list_once(fd, 25 + 26 + 25 + 25, 0)).1;
    assert_eq!(head.last().unwrap().name, "d");
    put("d/a", b"");
    put("d/e", b"");
    granted(unlink("d/d"));
    granted(unlink("d/f"));
    granted(rename("d/b", "d/c"));
    let rest = granted(list_once(fd, 4096, head.last().unwrap().next)).1;
    let rest: Vec<_> = rest.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(rest, ["f", "h"], "as it was when the listing began");

    // The directory itself goes, while it is open.
    for name in ["a", "c", "e", "h"] {
        granted(unlink(&format!("d/{name}")));
    }
    granted(remove_dir("d"));
    assert!(list(fd, 4096).len() <= 2);
}
