//! `bacalhau piece`: what a provider of Filecoin would be sent, and the names of it.

use std::fs;

use serde_json::json;

use bacalhau_testkit::{Lab, pattern};

/// What the command answers.
fn piece(lab: &Lab, line: &str) -> serde_json::Value {
    lab.expect_json(0, &format!("piece {line} --output json"))
}

#[test]
fn a_directory_is_the_piece_of_its_archive() {
    let (lab, cid) = Lab::with_tree();
    let told = piece(&lab, "tree");
    let size = fs::metadata(lab.path("tree.car")).unwrap().len();
    assert_eq!(told["roots"], json!([cid]));
    assert_eq!((&told["payload_size"], &told["padded_size"]), (&json!(size), &json!(1 << 20)));
    assert_eq!((&told["import_profile"], &told["path"]), (&json!("kubo-cidv1"), &json!("tree")));
    assert!(told["piece_cid_v1"].as_str().unwrap().starts_with("baga6ea4seaq"), "{told}");
    assert!(told["piece_cid_v2"].as_str().unwrap().starts_with("bafkzcib"), "{told}");
    assert_eq!(lab.new_names(), ["data", "maker", "tree", "tree.car"], "nothing was written");
    // The archive as it was exported, and one that is written on the way.
    let archive = piece(&lab, "tree.car");
    let written = piece(&lab, "tree --car out.car");
    for name in ["roots", "piece_cid_v1", "piece_cid_v2", "payload_size", "padded_size"] {
        assert_eq!((&archive[name], &written[name]), (&told[name], &told[name]), "{name}");
    }
    assert_eq!((&archive["import_profile"], &written["car"]), (&json!(null), &json!("out.car")));
    assert!(fs::read(lab.path("out.car")).unwrap() == fs::read(lab.path("tree.car")).unwrap());
    let table = lab.expect(0, "piece tree").stdout;
    let expected = format!(
        "root       {cid}\npiece v1   {}\npiece v2   {}\npayload    600,",
        told["piece_cid_v1"].as_str().unwrap(),
        told["piece_cid_v2"].as_str().unwrap()
    );
    assert!(table.starts_with(&expected) && table.ends_with("padded     1,048,576 bytes (1.0 MiB)\n"), "{table}");
}

#[test]
fn profiles_and_zeros_make_other_pieces() {
    let (lab, _) = Lab::with_tree();
    let told = piece(&lab, "tree/sub/big.bin");
    let other = piece(&lab, "tree/sub/big.bin --import-profile unixfs-v0-2015");
    assert!(other["roots"][0].as_str().unwrap().starts_with("Qm"), "{other}");
    assert_ne!(other["piece_cid_v2"], told["piece_cid_v2"]);
    // A provider's copy, padded with zeros: the same root, another payload.
    let mut car = fs::read(lab.path("tree.car")).unwrap();
    car.resize((1 << 20) / 128 * 127, 0);
    lab.write("padded.car", car);
    let (padded, bare) = (piece(&lab, "padded.car"), piece(&lab, "tree.car"));
    assert_eq!(padded["piece_cid_v1"], bare["piece_cid_v1"]);
    assert_ne!(padded["piece_cid_v2"], bare["piece_cid_v2"]);
    lab.write("empty", "");
    let empty = piece(&lab, "empty");
    assert_eq!((&empty["payload_size"], &empty["padded_size"]), (&json!(96), &json!(128)));
}

#[test]
fn a_piece_is_made_of_any_bytes() {
    let (lab, cid) = Lab::with_tree();
    let car = fs::read(lab.path("tree.car")).unwrap();
    lab.write("cut.car", &car[..car.len() - 1]);
    let mut corrupt = car.clone();
    *corrupt.last_mut().unwrap() ^= 1;
    lab.write("corrupt", &corrupt);
    lab.write("text.car", pattern(300, 1));
    lab.write("text", pattern(300, 1));
    for (name, payload) in [("cut.car", car.len() - 1), ("corrupt", car.len())] {
        let told = piece(&lab, name);
        assert_eq!((&told["roots"], &told["payload_size"]), (&json!([cid]), &json!(payload)), "{name}");
        let raw = piece(&lab, &format!("{name} --raw"));
        assert_eq!((&raw["piece_cid_v2"], &raw["roots"]), (&told["piece_cid_v2"], &json!([])), "{name}");
        assert_ne!(told["piece_cid_v2"], piece(&lab, "tree.car")["piece_cid_v2"]);
    }
    let (named, plain) = (piece(&lab, "text.car --raw"), piece(&lab, "text --raw"));
    assert_eq!((&named["payload_size"], &named["piece_cid_v2"]), (&json!(300), &plain["piece_cid_v2"]));
    assert_ne!(piece(&lab, "text")["piece_cid_v2"], plain["piece_cid_v2"], "which is of an archive");
}

#[test]
fn a_piece_of_few_bytes_is_made_and_it_is_said_that_few_tools_take_it() {
    let lab = Lab::new();
    lab.write("empty", "");
    lab.write("tiny.car", b"\x11\xa2\x65roots\x80\x67version\x01");
    lab.write("smallest", [0; 127]);
    let end = lab.expect(0, "piece --raw empty --output json");
    assert!(end.stderr.contains("reject pieces below 127 bytes"), "{}", end.stderr);
    // The vectors of FRC-0069.
    assert!(end.stdout.contains("bafkzcibcp4bdomn3tgwgrh3g532zopskstnbrd2n3sxfqbze7rxt7vqn7veigmy"), "{}", end.stdout);
    let end = lab.expect(0, "piece --raw smallest");
    assert!(end.stdout.contains("bafkzcibcaabdomn3tgwgrh3g532zopskstnbrd2n3sxfqbze7rxt7vqn7veigmy"), "{}", end.stdout);
    assert!(!end.stderr.contains("reject"), "{}", end.stderr);
    let told = piece(&lab, "tiny.car");
    assert_eq!((&told["payload_size"], &told["padded_size"]), (&json!(18), &json!(128)));
}

#[test]
fn what_is_no_piece_is_said_and_no_archive_stays() {
    let (lab, _) = Lab::with_tree();
    lab.write("text.car", pattern(300, 1));
    std::os::unix::net::UnixListener::bind(lab.path("socket")).unwrap();
    lab.write("whole", "before");
    let before = lab.new_names();
    for (code, line, words) in [
        (4, "text.car", "it is named like an archive (CAR); to commit to its unchanged bytes, use --raw"),
        (2, "tree --raw", "tree is not a file: remove --raw"),
        (2, "text.car --raw --car b.car", "--raw"),
        (2, "nothing", "cannot open nothing"),
        (2, "socket", "socket is neither a file nor a directory"),
        (2, "tree.car --car b.car", "tree.car is an archive already: remove --car"),
        (2, "tree.car --import-profile kubo-cidv1", "tree.car is an archive already: remove --import-profile"),
        (2, "tree --car tree/tree.car", "--car tree/tree.car would be inside tree"),
        (2, "tree/a.txt --car tree/a.txt", "would be inside"),
        (2, "tree --car data", "--car data is a directory"),
        (2, "tree --car none/b.car", "cannot open none"),
        (4, "data/.. --car ../whole", "socket is neither a file, a directory nor a link"),
    ] {
        let end = lab.expect(code, &format!("piece {line}"));
        assert!(end.stderr.contains(words) && end.stdout.is_empty(), "{line}: {}", end.stderr);
    }
    assert_eq!(lab.new_names(), before);
    assert_eq!(lab.read("whole"), "before");
}
