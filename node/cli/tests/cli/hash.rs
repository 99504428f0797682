//! `bacalhau hash`: values made with Go's `golang.org/x/mod/sumdb/dirhash`.

use bacalhau_testkit::Lab;

#[test]
fn what_go_prints() {
    let lab = Lab::new();
    lab.write("r/stdout", "hello\n");
    lab.write("r/stderr", "");
    lab.write("r/exitCode", "0");
    lab.write("r/outputs/a.txt", "A");
    let h1 = "h1:xDRtyIYDIi13Hdnuza3x7uvoVkOT8z3t/2/kpkrtde0=";
    assert_eq!(lab.expect(0, "hash r").stdout, format!("{h1}\n"));
    let files = lab.expect(0, "hash r --files").stdout;
    assert!(files.starts_with(h1) && files.lines().count() == 5, "{files}");
    let json = lab.expect_json(0, "hash r --files --output json");
    assert_eq!(json["h1"], h1);
    assert_eq!(json["files"][1]["name"], "outputs/a.txt");
    assert_eq!(json["files"][1]["bytes"], 1);
    assert_ne!(lab.expect(0, "hash r --prefix other").stdout, format!("{h1}\n"));
}

#[test]
#[cfg(unix)]
fn what_cannot_be_hashed_is_refused() {
    let lab = Lab::new();
    lab.write("r/a", "");
    std::os::unix::fs::symlink("/etc/passwd", lab.path("r/link")).unwrap();
    assert!(lab.expect(3, "hash r").stderr.contains("link"));
}
