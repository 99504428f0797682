//! Pieces as inputs and modules: archives, files and aggregates, from paths and from providers, also damaged ones.

mod aggregate;
mod provider;

use std::fs;

use serde_json::{Value, json};

use aggregate::aggregate;
use bacalhau_testkit::{Lab, pattern};
use provider::provider;

const WORD_COUNT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../wasm-examples/modules/word-count.wasm");

/// The two CIDs and the padded size of the file `name` as a piece.
fn piece(lab: &Lab, name: &str) -> (String, String, u64) {
    let told = lab.expect_json(0, &format!("piece --raw {name} --output json"));
    let text = |key: &str| told[key].as_str().unwrap().to_owned();
    (text("piece_cid_v2"), text("piece_cid_v1"), told["padded_size"].as_u64().unwrap())
}

/// Keeps `bytes` as a piece in `pieces`.
fn keep(lab: &Lab, bytes: &[u8]) -> String {
    lab.write("bytes", bytes);
    let (v2, ..) = piece(lab, "bytes");
    lab.write(&format!("pieces/{v2}"), bytes);
    v2
}

fn places(lab: &Lab, flags: &str) -> String {
    format!("{flags} --piece-path {}/pieces/{{{{.PieceCid}}}}", lab.path("").display())
}

/// The receipt of a run that prints a file of the input.
fn printed(lab: &Lab, source: &str, file: &str, flags: &str) -> Value {
    lab.expect(0, &format!("wasm run cat.wat -c 1 -i {source}:/in --stdin {file} --output-dir out {flags}"));
    lab.json("out/receipt.json")
}

fn stdout(lab: &Lab) -> Vec<u8> {
    fs::read(lab.path("out/results/stdout")).unwrap()
}

#[test]
fn a_piece_lies_under_its_number() {
    let lab = Lab::new();
    let bytes = pattern(3000, 1);
    lab.write("sectors/s-t01000-42", &bytes);
    lab.write("bytes", &bytes);
    let (v2, v1, size) = piece(&lab, "bytes");
    let flags =
        |numbers: &str| format!("{numbers} --piece-path {}/sectors/s-t01000-{{{{.Number}}}}", lab.path("").display());
    lab.write("numbers", format!("# sectors\n{v1} 42\n"));
    for source in [v2.clone(), format!("{v1}?size={size}")] {
        printed(&lab, &source, "/in", &flags("--piece-numbers numbers"));
        assert!(stdout(&lab).starts_with(&bytes), "{source}");
    }
    lab.write("numbers", format!("{v1} 43\n"));
    let end =
        lab.expect(4, &format!("wasm run cat.wat -c 1 -i {v2}:/in --stdin /in {}", flags("--piece-numbers numbers")));
    assert!(end.stderr.contains("there is no piece at") && end.stderr.contains("s-t01000-43"), "{}", end.stderr);
    lab.write("numbers", "");
    let end =
        lab.expect(4, &format!("wasm run cat.wat -c 1 -i {v2}:/in --stdin /in {}", flags("--piece-numbers numbers")));
    assert!(end.stderr.contains("the file of numbers has none for the piece"), "{}", end.stderr);
    let end = lab.expect(2, &format!("wasm run cat.wat -c 1 -i {v2}:/in --stdin /in {}", flags("")));
    assert!(end.stderr.contains("set --piece-numbers"), "{}", end.stderr);
}

#[test]
fn a_piece_of_an_archive_gives_the_results_of_its_directory() {
    let lab = Lab::new();
    lab.write("texts/a.txt", "to be or not to be\n");
    lab.write("texts/b/c.txt", "that is the question\n");
    lab.expect(0, "piece texts --car texts.car");
    let (v2, v1, size) = piece(&lab, "texts.car");
    let car = fs::read(lab.path("texts.car")).unwrap();
    lab.write(&format!("pieces/{v2}"), &car);
    // As it lies in a sector: filled up with zeros, and more of them.
    lab.write(&format!("padded/{v1}"), [&car[..], &[0; 3000]].concat());
    let padded = format!("--piece-path {}/padded/{{{{.PieceCidV1}}}}", lab.path("").display());
    let run = |source: &str, flags: &str, dir: &str| {
        lab.expect(0, &format!("wasm run {WORD_COUNT} -i {source}:/inputs --output-dir {dir} {flags}"));
        lab.json(&format!("{dir}/receipt.json"))
    };
    let plain = run("texts", "", "plain");
    for (number, (source, flags)) in [
        (v2.clone(), places(&lab, "")),
        (format!("ipfs://{v2}"), padded.clone()),
        (format!("{v1}?size={size}"), padded.clone()),
        (v2.clone(), places(&lab, "--unsealed-verify never")),
        (v2.clone(), places(&lab, "--unsealed-verify full --verified-inputs")),
    ]
    .iter()
    .enumerate()
    {
        let receipt = run(source, flags, &format!("out{number}"));
        assert_eq!(receipt["claim"]["h1"], plain["claim"]["h1"], "{source} {flags}");
        let service = &receipt["unclaimed"]["input_services"]["/inputs"][0];
        let checked = if flags.contains("never") { "trusted" } else { "verified" };
        assert_eq!((&service["driver"], &service["checked"]), (&json!("piece"), &json!(checked)), "{flags}");
        if !source.contains('?') {
            assert_eq!(receipt["claim"]["job"]["inputs"]["/inputs"], json!(v2));
        }
    }
    let receipt = run(&format!("{v2}/b"), &places(&lab, ""), "below");
    assert_eq!(receipt["claim"]["job"]["inputs"]["/inputs"], json!(format!("{v2}/b")));
    lab.expect(0, &format!("verify below/receipt.json {}", places(&lab, "")));
}

#[test]
fn a_piece_of_a_file_is_that_file_also_as_a_module() {
    let lab = Lab::new();
    let big = pattern(2_300_000, 3);
    let file = keep(&lab, &big);
    printed(&lab, &file, "/in", &places(&lab, ""));
    assert!(stdout(&lab) == big);
    // Of version 1 with a size: filled up with zeros to that size.
    let (_, v1, size) = piece(&lab, "bytes");
    fs::rename(lab.path(&format!("pieces/{file}")), lab.path(&format!("pieces/{v1}"))).unwrap();
    let by_v1 = format!("--piece-path {}/pieces/{{{{.PieceCidV1}}}}", lab.path("").display());
    printed(&lab, &format!("{v1}?size={size}"), "/in", &by_v1);
    let expected = [&big[..], &vec![0; usize::try_from(size).unwrap() / 128 * 127 - big.len()]].concat();
    assert!(stdout(&lab) == expected);
    let hello = keep(&lab, &fs::read(lab.path("hello.wat")).unwrap());
    lab.expect(0, &format!("wasm run {hello} {}", places(&lab, "")));
    for (source, why) in [
        (v1.clone(), "add the padded size, as in ?size=32GiB"),
        (format!("{v1}?size=100"), "are not a power of two"),
        (format!("{file}?root=x"), "root=x"),
    ] {
        let said = lab.expect(2, &format!("wasm run hello.wat -i {source}:/in")).stderr;
        assert!(said.contains(why), "{said}");
    }
    let said = lab.expect(4, &format!("wasm run hello.wat -i {file}:/in")).stderr;
    assert!(said.contains("name one with --piece-path or --piece-url"), "{said}");
}

#[test]
fn an_aggregate_is_a_directory_of_its_segments() {
    let (lab, root) = Lab::with_tree();
    let (tree, big) = (fs::read(lab.path("tree.car")).unwrap(), pattern(50_000, 9));
    lab.write("big", &big);
    let (.., tree_v1, tree_size) = piece(&lab, "tree.car");
    let (big_v2, big_v1, big_size) = piece(&lab, "big");
    let parts = [(tree.clone(), tree_v1, tree_size), (big.clone(), big_v1.clone(), big_size)];
    let bytes = aggregate(4 << 20, &parts);
    let cid = keep(&lab, &bytes);
    let padded = [&big[..], &vec![0; usize::try_from(big_size).unwrap() / 128 * 127 - big.len()]].concat();
    for flags in [places(&lab, ""), places(&lab, "--unsealed-verify never"), places(&lab, "--unsealed-verify full")] {
        // Under each of its names.
        for name in [&big_v2, &big_v1] {
            let receipt = printed(&lab, &format!("{cid}/{name}"), "/in", &flags);
            assert!(stdout(&lab) == padded, "{name} {flags}");
            assert_eq!(receipt["claim"]["job"]["inputs"]["/in"], json!(format!("{cid}/{name}")));
        }
        let source = format!("ipfs://{cid}/sub?root={root}");
        let receipt = printed(&lab, &source, "/in/big.bin", &flags);
        assert!(stdout(&lab) == pattern(600_000, 1), "{flags}");
        assert_eq!(receipt["claim"]["job"]["inputs"]["/in"], json!(format!("{cid}/sub?root={root}")));
    }
    // Both are there.
    let line = format!("wasm run {WORD_COUNT} -i {cid}:/inputs --output-dir counted {}", places(&lab, ""));
    assert!(
        lab.expect(0, &line).stderr.contains(" in 3 files")
            || lab.read("counted/results/stdout").contains("in 3 files")
    );
    // An index that lies.
    let mut lying = parts.clone();
    lying[1].1 = parts[0].1.clone();
    let cid = keep(&lab, &aggregate(4 << 20, &lying));
    let said = lab.expect(3, &format!("wasm run hello.wat -i {cid}:/in {}", places(&lab, ""))).stderr;
    assert!(said.contains("its index names the segment ") && said.contains("other data is there"), "{said}");
}

#[test]
fn a_damaged_copy_is_not_used_and_the_next_one_is_asked() {
    let lab = Lab::new();
    let big = pattern(2_300_000, 3);
    let cid = keep(&lab, &big);
    let mut wrong = big.clone();
    wrong[1_500_000] ^= 1;
    lab.write(&format!("wrong/{cid}"), &wrong);
    let first = format!("--piece-path {}/wrong/{{{{.PieceCid}}}}", lab.path("").display());
    // Read whole, since nothing is known of the piece.
    let said = lab.expect(4, &format!("wasm run hello.wat -i {cid}:/in {first}")).stderr;
    assert!(said.contains(&format!("is not the piece {cid}: its bytes 0 to 2300000 are the piece bafkzcib")), "{said}");
    let receipt = printed(&lab, &cid, "/in", &places(&lab, &first));
    assert_eq!(receipt["unclaimed"]["input_services"]["/in"][0]["place"], json!(lab.path(&format!("pieces/{cid}"))));
    // Now its tree is: a copy that is read by parts is found out by the part.
    lab.write(&format!("other/{cid}"), &wrong);
    let first = format!("--piece-path {}/other/{{{{.PieceCid}}}}", lab.path("").display());
    let receipt = printed(&lab, &cid, "/in", &places(&lab, &first));
    assert!(stdout(&lab) == big);
    let services = receipt["unclaimed"]["input_services"]["/in"].as_array().unwrap();
    let why = services[0]["failed"].as_str().unwrap();
    assert!(why.contains(&cid) && why.contains("bytes 1040384 to 2080768 have the hash "), "{why}");
    assert_eq!((services.len(), &services[1]["failed"]), (2, &Value::Null));
    let full = lab.expect(4, &format!("wasm run hello.wat -i {cid}:/in {first} --unsealed-verify full")).stderr;
    assert!(full.contains("is not the piece") && full.contains("; bytes 1040384 to 2080768 are the first"), "{full}");
}

#[test]
fn a_provider_is_asked_for_the_whole_once_and_for_parts_then() {
    let lab = Lab::new();
    let big = pattern(2_300_000, 3);
    let cid = keep(&lab, &big);
    let (server, whole) = (provider(big.clone(), true), provider(big.clone(), false));
    let url = |server: &bacalhau_testkit::server::TestServer| {
        format!("--piece-url {}{{{{.PieceCid}}}}", server.url("/piece/"))
    };
    let run = |flags: &str| printed(&lab, &cid, "/in", flags);
    let receipt = run(&url(&server));
    assert!(stdout(&lab) == big);
    let service = &receipt["unclaimed"]["input_services"]["/in"][0];
    assert_eq!((&service["driver"], &service["checked"]), (&json!("piece-url"), &json!("verified")));
    let ranges =
        || server.asked().iter().filter_map(|asked| asked.header("range").map(str::to_owned)).collect::<Vec<_>>();
    assert_eq!(ranges(), [""; 0]);
    run(&url(&server));
    assert!(stdout(&lab) == big);
    assert_eq!(ranges()[..2], ["bytes=0-0", "bytes=0-1040383"]);
    // A server without ranges, and one that lies.
    run(&url(&whole));
    assert!(stdout(&lab) == big);
    let mut wrong = big.clone();
    wrong[5] ^= 1;
    for ranges in [true, false] {
        let liar = provider(wrong.clone(), ranges);
        let receipt = run(&format!("{} {}", url(&liar), url(&server)));
        assert!(stdout(&lab) == big);
        let first = &receipt["unclaimed"]["input_services"]["/in"][0];
        assert!(first["failed"].as_str().unwrap().contains("bytes 0 to 1040384 have the hash"), "{receipt}");
    }
    let line = format!("wasm run hello.wat -i {cid}:/in --data-dir new {}", url(&provider(wrong, true)));
    let said = lab.expect(4, &line).stderr;
    assert!(said.contains("is not the piece"), "{said}");
}
