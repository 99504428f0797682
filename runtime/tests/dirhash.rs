//! The directory hash against what Go itself answered (`tests/golden/dirhash.json`), against hostile trees, and
//! against a naive copy of the rules.
#![allow(clippy::disallowed_methods, reason = "a test makes files of its own")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use bacalhau_runtime::dirhash::{DirHash, HashError, hash_dir, hash1};
use proptest::prelude::*;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

fn golden() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden/dirhash.json");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} in {value}"))
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().unwrap_or_else(|| panic!("{key} in {value}"))
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().map(|c| u8::try_from(c.to_digit(16).unwrap()).unwrap()).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn lcg(seed: u64, len: u64) -> Vec<u8> {
    let mut x = u32::try_from(seed).unwrap();
    let step = |_| {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        x.to_le_bytes()[2]
    };
    (0..len).map(step).collect()
}

fn content(content: &Value) -> Vec<u8> {
    if let Some(text) = content["utf8"].as_str() {
        return text.as_bytes().to_vec();
    }
    if let Some(hex) = content["hex"].as_str() {
        return unhex(hex);
    }
    assert_eq!(text(content, "pattern"), "lcg");
    lcg(content["seed"].as_u64().unwrap(), content["len"].as_u64().unwrap())
}

#[cfg(unix)]
fn entry_path(entry: &Value) -> PathBuf {
    use std::os::unix::ffi::OsStringExt as _;
    match entry["path_hex"].as_str() {
        Some(hex) => std::ffi::OsString::from_vec(unhex(hex)).into(),
        None => text(entry, "path").into(),
    }
}

#[cfg(unix)]
fn build(dir: &Path, tree: &[Value]) {
    for entry in tree {
        let path = dir.join(entry_path(entry));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match text(entry, "kind") {
            "file" => fs::write(path, content(&entry["content"])).unwrap(),
            "dir" => fs::create_dir_all(path).unwrap(),
            "symlink" => std::os::unix::fs::symlink(text(entry, "target"), path).unwrap(),
            other => panic!("unknown kind {other}"),
        }
    }
}

#[cfg(unix)]
#[test]
fn every_tree_hashes_as_in_go() {
    let mut checked = 0;
    for case in list(&golden(), "cases") {
        let name = text(case, "name");
        let dir = TempDir::new().unwrap();
        build(dir.path(), list(case, "tree"));
        for result in list(case, "results") {
            let prefix = text(result, "prefix");
            let ours = hash_dir(dir.path(), prefix);
            check(name, prefix, result, ours);
            checked += 1;
        }
    }
    assert!(checked >= 80, "only {checked} results in the table");
}

/// One row. Go follows a link out of the tree; we refuse it on purpose, so that no file of the host is ever hashed.
#[cfg(unix)]
fn check(name: &str, prefix: &str, go: &Value, ours: Result<DirHash, HashError>) {
    let row = format!("{name} with prefix {prefix:?}");
    if name == "symlink_outside" {
        assert!(go["h1"].is_string(), "{row}: Go follows it");
        assert!(matches!(ours, Err(HashError::LinkLeaves { .. })), "{row}: {ours:?}");
        return;
    }
    if let Some(h1) = go["h1"].as_str() {
        let ours = ours.unwrap_or_else(|error| panic!("{row}: {error}"));
        assert_eq!(ours.h1, h1, "{row}");
        return;
    }
    let error = ours.expect_err(&row);
    let as_in_go = match text(go, "error") {
        go if go.contains("newlines") => matches!(error, HashError::Newline { .. }),
        go if go.contains("is a directory") => matches!(error, HashError::LinkToOther { .. }),
        go if go.contains("too many levels") => matches!(error, HashError::Link { .. }),
        _ if name.starts_with("prefix") => matches!(error, HashError::Prefix { .. }),
        go => go.contains("no such file") && matches!(error, HashError::Link { .. }),
    };
    assert!(as_in_go, "{row}: {error}");
}

/// The only test that needs the process's directory; every other one uses absolute paths.
#[cfg(unix)]
#[test]
fn the_directory_may_be_named_in_the_forms_that_go_takes() {
    let work = TempDir::new().unwrap();
    let tree = work.path().join("one_file");
    fs::create_dir(&tree).unwrap();
    fs::write(tree.join("stdout"), "hello\n").unwrap();
    std::os::unix::fs::symlink(&tree, work.path().join("rootlink")).unwrap();
    std::env::set_current_dir(&tree).unwrap();
    let at = |end: &str| format!("{}/{end}", work.path().display());
    for row in list(&golden(), "dir_argument_forms_on_one_file_prefix_results") {
        let form = text(row, "form");
        let dir = match form {
            "trailing slash" => at("one_file/"),
            "unclean" => at("x/..//one_file/./"),
            "relative" => "../one_file".into(),
            "a file, not a directory" => at("one_file/stdout"),
            "missing" => at("one_file-missing"),
            "symlink to directory" => at("rootlink"),
            "symlink to directory, trailing slash" => at("rootlink/"),
            "'.' with cwd in the tree" => ".".into(),
            other => panic!("a form we do not know: {other}"),
        };
        let ours = hash_dir(Path::new(&dir), "results");
        match row["h1"].as_str() {
            Some(h1) => assert_eq!(ours.unwrap_or_else(|e| panic!("{form}: {e}")).h1, h1, "{form}"),
            None if form == "missing" => assert!(matches!(ours, Err(HashError::Root { .. })), "{form}"),
            None => assert!(matches!(ours, Err(HashError::NotADirectory { .. })), "{form}: {ours:?}"),
        }
    }
}

#[test]
fn the_files_are_listed_in_order_with_sizes() {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("a")).unwrap();
    for (name, content) in [("a/b", "1"), ("a-b", "22"), ("a.txt", "333")] {
        fs::write(dir.path().join(name), content).unwrap();
    }
    let hash = hash_dir(dir.path(), "results").unwrap();
    let files: Vec<_> = hash.files.iter().map(|file| (file.name_lossy().into_owned(), file.size)).collect();
    assert_eq!(files, [("a-b".into(), 2), ("a.txt".into(), 3), ("a/b".into(), 1)]);
}

#[cfg(unix)]
#[test]
fn a_link_out_of_the_tree_is_refused_however_it_is_written() {
    let work = TempDir::new().unwrap();
    fs::write(work.path().join("secret"), "host").unwrap();
    let tree = work.path().join("tree");
    for target in ["../secret", "/etc/hostname", "sub/../../secret", "../tree/own"] {
        fs::create_dir_all(tree.join("sub")).unwrap();
        fs::write(tree.join("own"), "own").unwrap();
        std::os::unix::fs::symlink(target, tree.join("link")).unwrap();
        let error = hash_dir(&tree, "results").unwrap_err();
        assert!(matches!(error, HashError::LinkLeaves { .. }), "{target}: {error}");
        fs::remove_dir_all(&tree).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn a_link_may_climb_inside_the_tree() {
    let dir = TempDir::new().unwrap();
    fs::create_dir_all(dir.path().join("a/b")).unwrap();
    fs::write(dir.path().join("real"), "x").unwrap();
    std::os::unix::fs::symlink("../../real", dir.path().join("a/b/link")).unwrap();
    let hash = hash_dir(dir.path(), "results").unwrap();
    assert_eq!(hash.files[0].sha256, hash.files[1].sha256);
}

#[cfg(unix)]
#[test]
fn a_socket_is_refused_and_a_link_to_it_too() {
    let dir = TempDir::new().unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("b")).unwrap();
    assert!(matches!(hash_dir(dir.path(), "r"), Err(HashError::Special { kind: "socket", .. })));
    std::os::unix::fs::symlink("b", dir.path().join("a")).unwrap();
    assert!(matches!(hash_dir(dir.path(), "r"), Err(HashError::LinkToOther { .. })));
}

#[cfg(unix)]
#[test]
fn a_pipe_is_refused_without_waiting_for_it() {
    let dir = TempDir::new().unwrap();
    let made = std::process::Command::new("mkfifo").arg(dir.path().join("pipe")).status().unwrap();
    assert!(made.success());
    let error = hash_dir(dir.path(), "results").unwrap_err();
    assert_eq!(
        error.to_string(),
        r#""pipe" is a pipe, not a file or directory, so it has no content to hash: remove it"#
    );
}

#[cfg(unix)]
#[test]
fn the_error_is_that_of_the_first_name() {
    let dir = TempDir::new().unwrap();
    for index in 0..800 {
        fs::write(dir.path().join(format!("f{index:04}")), "x").unwrap();
    }
    for index in [799, 500, 300] {
        std::os::unix::fs::symlink("nowhere", dir.path().join(format!("f{index:04}x"))).unwrap();
    }
    for _ in 0..5 {
        let error = hash_dir(dir.path(), "results").unwrap_err();
        assert!(error.to_string().starts_with("\"f0300x\" is a link"), "{error}");
    }
}

/// 600 levels, each with a directory before and one after it: more than may be held open, and coming back up has to
/// open them again. The path is longer than `PATH_MAX`, so it is built and removed step by step.
#[cfg(unix)]
#[test]
fn a_tree_may_be_deeper_than_a_path_can_be_long() {
    const LEVELS: usize = 600;
    let root = TempDir::new().unwrap();
    let mut dir = cap_std::fs::Dir::open_ambient_dir(root.path(), cap_std::ambient_authority()).unwrap();
    let mut path = String::from("results");
    let mut lines = Vec::new();
    for _ in 0..LEVELS {
        for side in ["a", "z"] {
            dir.create_dir(side).unwrap();
            dir.write(format!("{side}/f"), "x").unwrap();
            lines.push((format!("{path}/{side}/f"), Sha256::digest("x").into()));
        }
        dir.create_dir("middle").unwrap();
        dir = dir.open_dir("middle").unwrap();
        path.push_str("/middle");
    }
    assert!(path.len() > 4096);
    let hash = hash_dir(root.path(), "results").unwrap();
    assert_eq!(hash.files.len(), 2 * LEVELS);
    assert_eq!(hash.h1, hash1(lines).unwrap());
}

#[test]
fn a_file_larger_than_the_buffers_is_streamed() {
    let dir = TempDir::new().unwrap();
    let mut lines = Vec::new();
    for len in [262_143_u64, 262_144, 262_145, 1_000_000] {
        let content = lcg(len, len);
        fs::write(dir.path().join(len.to_string()), &content).unwrap();
        lines.push((format!("results/{len}"), Sha256::digest(&content).into()));
    }
    assert_eq!(hash_dir(dir.path(), "results").unwrap().h1, hash1(lines).unwrap());
}

/// The rules written down once more, as plainly as can be.
fn naive(files: &BTreeMap<String, Vec<u8>>) -> String {
    use base64::Engine as _;
    let mut lines: Vec<(String, String)> = Vec::new();
    for (name, content) in files {
        let digits: Vec<String> = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
        lines.push((format!("results/{name}"), digits.concat()));
    }
    lines.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
    let text: Vec<String> = lines.iter().map(|(name, sha256)| format!("{sha256}  {name}\n")).collect();
    format!("h1:{}", base64::engine::general_purpose::STANDARD.encode(Sha256::digest(text.concat())))
}

/// A name which is a file in one place is never a directory in another: files end in `.f`.
fn trees() -> impl Strategy<Value = BTreeMap<String, Vec<u8>>> {
    let name = proptest::collection::vec("[a-c .!0-]{1,2}[a-z]", 1..4).prop_map(|parts| parts.join("/") + ".f");
    proptest::collection::btree_map(name, proptest::collection::vec(any::<u8>(), 0..64), 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_order_of_creation_does_not_matter(tree in trees(), order in any::<u64>()) {
        let mut names: Vec<&String> = tree.keys().collect();
        names.sort_by_key(|name| Sha256::digest(format!("{order}{name}")).to_vec());
        let dir = TempDir::new().unwrap();
        for name in names {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, &tree[name]).unwrap();
        }
        prop_assert_eq!(hash_dir(dir.path(), "results").unwrap().h1, naive(&tree));
    }
}
