//! Unsealed copies: in all their forms, by all policies, and what is said when one cannot be used.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use serde_json::{Value, json};

use crate::support::{Room, pattern};

/// Runs over the copy that `template` finds; what stands in the receipt.
fn served(room: &Room, source: &str, template: &str, flags: &str) -> Value {
    let template = room.path(template);
    let line = format!("wasm run cat.wat -c 1 -i {source} --stdin {flags} --output-dir out --filecoin-unsealed-path");
    let mut command = room.command(&line);
    let end = command.arg(template).output().unwrap();
    assert!(end.status.success(), "{source} {flags}: {}", String::from_utf8_lossy(&end.stderr));
    room.json("out/receipt.json")["unclaimed"]["input_services"].clone()
}

fn refused(room: &Room, cid: &str, template: &str, flags: &str) -> String {
    let line = format!("wasm run hello.wat -i {cid}:/in {flags} --output-dir refused --filecoin-unsealed-path");
    let end = room.command(&line).arg(room.path(template)).output().unwrap();
    let said = String::from_utf8(end.stderr).unwrap();
    assert_eq!(end.status.code(), Some(4), "{said}");
    assert!(!room.path("refused").exists());
    said.lines().last().unwrap().to_owned()
}

#[test]
fn a_copy_is_a_directory_a_file_or_an_archive() {
    let (room, cid) = Room::with_tree();
    let big = room.add("tree/sub/big.bin", "--data-dir maker");
    fs::rename(room.path("tree"), room.path(&format!("data/{cid}"))).unwrap();
    fs::copy(room.path(&format!("data/{cid}/sub/big.bin")), room.path(&format!("data/{big}"))).unwrap();
    fs::copy(room.path("tree.car"), room.path(&format!("data/{cid}.car"))).unwrap();
    // Pieces are filled up with zeros, and not all of them have an extension.
    let padded = [fs::read(room.path("tree.car")).unwrap(), vec![0; 1 << 16]].concat();
    fs::create_dir(room.path("padded")).unwrap();
    fs::write(room.path(&format!("padded/{cid}")), padded).unwrap();
    let tree = format!("{cid}:/in");
    let below = format!("{cid}/sub:/in");
    for (source, stdin, template, place) in [
        (&tree, "/in/sub/big.bin", "data/{{.Cid}}", format!("data/{cid}")),
        (&below, "/in/big.bin", "data/{{.CID}}", format!("data/{cid}")),
        (&format!("{big}:/in/x"), "/in/x", "data/{{.Cid}}", format!("data/{big}")),
        (&tree, "/in/sub/big.bin", "data/{{.Cid}}.car", format!("data/{cid}.car")),
        (&below, "/in/big.bin", "data/{{ .Cid }}.car", format!("data/{cid}.car")),
        (&tree, "/in/sub/big.bin", "padded/{{.Cid}}", format!("padded/{cid}")),
    ] {
        let services = served(&room, source, template, stdin);
        let (_, list) = services.as_object().unwrap().iter().next().unwrap();
        let place = room.path(&place).canonicalize().unwrap();
        assert_eq!(
            *list,
            json!([{"driver": "unsealed", "place": place, "checked": "verified"}]),
            "{source} {template}"
        );
        assert!(fs::read(room.path("out/results/stdout")).unwrap() == pattern(600_000, 1), "{template}");
    }
    assert_eq!(room.expect_json(0, "ipfs stat --output json")["blocks"], 0, "nothing was copied");
}

#[test]
fn what_the_template_may_speak_of() {
    let (room, cid) = Room::with_tree();
    for name in ["data/by-name/mine", "data/piece/baga1"] {
        room.write(&format!("{name}/a.txt"), "a\n");
        room.write(&format!("{name}/sub/big.bin"), pattern(600_000, 1));
    }
    for (query, template) in
        [("name=mine", "data/by-name/{{.Name}}"), ("piece=baga1", r#"data/piece/{{index .Metadata "piece"}}"#)]
    {
        let services = served(&room, &format!("ipfs://{cid}?{query}:/in"), template, "/in/a.txt");
        assert_eq!(services["/in"][0]["checked"], "verified");
        assert_eq!(services["/in"][0]["driver"], "unsealed");
    }
    let said = refused(&room, &format!("ipfs://{cid}?name=../../x"), "data/by-name/{{.Name}}", "");
    assert!(said.contains("unsealed: ") && said.contains("leaves "), "{said}");
    let said = refused(&room, &cid, "data/by-name/{{.Name}}", "");
    assert!(said.contains("unsealed: "), "an empty value: {said}");
}

#[test]
fn a_policy_says_what_is_believed() {
    let (room, cid) = Room::with_tree();
    fs::rename(room.path("tree"), room.path(&format!("data/{cid}"))).unwrap();
    let (source, template) = (format!("{cid}:/in"), "data/{{.Cid}}");
    let checked = |policy: &str| {
        served(&room, &source, template, &format!("/in/a.txt --unsealed-verify {policy}"))["/in"][0]["checked"].clone()
    };
    assert_eq!([checked("never"), checked("lazy"), checked("full")], ["trusted", "verified", "verified"]);
    // The copy is another one now.
    room.write(&format!("data/{cid}/a.txt"), "other\n");
    assert_eq!([checked("never"), checked("lazy")], ["trusted", "unverified"]);
    let mut command =
        room.command(&format!("wasm run hello.wat --output-dir shown -i {source} --filecoin-unsealed-path"));
    let shown = String::from_utf8(command.arg(room.path(template)).output().unwrap().stdout).unwrap();
    assert!(shown.contains("(unsealed, unverified: no known import profile gives this CID for it)\n"), "{shown}");
    let said = refused(&room, &cid, template, "--unsealed-verify full");
    assert!(said.contains("could not be shown to be") && said.contains("--unsealed-verify lazy"), "{said}");
}

#[test]
fn what_is_not_a_readable_copy_is_named() {
    let (room, cid) = Room::with_tree();
    let copy = room.path(&format!("data/{cid}"));
    let absent = refused(&room, &cid, "data/{{.Cid}}", "");
    assert!(absent.contains("unsealed: there is no copy at ") && absent.contains("; ipfs: "), "{absent}");
    symlink(room.path("gone"), &copy).unwrap();
    let said = refused(&room, &cid, "data/{{.Cid}}", "");
    assert!(said.contains(&format!("{cid} is a link to something that is not there")), "{said}");
    fs::remove_file(&copy).unwrap();
    symlink(room.path("tree"), &copy).unwrap();
    let said = refused(&room, &cid, "data/{{.Cid}}", "");
    assert!(said.contains("is a link to ") && said.contains("outside of "), "{said}");
    fs::remove_file(&copy).unwrap();
    let other = room.path(&format!("data/{cid}.car"));
    room.expect(0, &format!("ipfs export {} -o other.car --data-dir maker", room.add("hello.wat", "--data-dir maker")));
    fs::rename(room.path("other.car"), &other).unwrap();
    let said = refused(&room, &cid, "data/{{.Cid}}.car", "");
    assert!(said.contains("does not hold"), "{said}");
    fs::write(&other, "no archive ".repeat(99)).unwrap();
    let said = refused(&room, &cid, "data/{{.Cid}}.car", "");
    assert!(said.contains("is malformed") && said.contains("is it a CAR?"), "{said}");
    let car = fs::read(room.path("tree.car")).unwrap();
    fs::write(&other, &car[..car.len() - 1]).unwrap();
    let said = refused(&room, &cid, "data/{{.Cid}}.car", "");
    assert!(said.contains("truncated"), "{said}");
    fs::create_dir(&copy).unwrap();
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read_dir(&copy).is_err() {
        let said = refused(&room, &cid, "data/{{.Cid}}", "");
        assert!(said.contains("unsealed: cannot read ") && said.contains("ermission denied"), "{said}");
    }
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn a_bad_template_fails_before_anything_is_done() {
    let room = Room::new();
    for (flag, template, words) in [
        ("--filecoin-unsealed-path", "/data/{{.Cidd}}", "column 9: there is no .Cidd"),
        ("--filecoin-unsealed-path", "/data/{{.Cid", "column 7"),
        ("--filecoin-unsealed-path", "data/{{.Cid}}", "has to begin with an absolute directory"),
        ("--cid-url", "ftp://host/{{.Cid}}", "has to begin with a URL"),
        ("--cid-url", "https://{{.Cid}}/x", "has to begin with a URL"),
    ] {
        let end = room.command("wasm run hello.wat").args([flag, template]).output().unwrap();
        let said = String::from_utf8(end.stderr).unwrap();
        assert_eq!(end.status.code(), Some(2), "{said}");
        assert!(said.starts_with(&format!("error: {flag}: ")) && said.contains(words), "{template}: {said}");
    }
    assert!(room.new_names().is_empty() && !room.path(".node").exists());
}

/// What a file with these bytes is called.
fn raw_cid(room: &Room, name: &str, bytes: &[u8], flags: &str) -> String {
    room.write(name, bytes);
    room.add(name, flags)
}

#[test]
fn a_copy_that_is_proved_wrong_is_named_and_the_next_source_is_asked() {
    let room = Room::new();
    let cid = raw_cid(&room, "right.txt", b"right\n", "--data-dir maker");
    let wrong = raw_cid(&room, "wrong.txt", b"wrong\n", "--data-dir maker");
    let copy = room.path(&format!("data/{cid}"));
    room.write("empty", "");
    fs::create_dir(room.path("data")).unwrap();
    for (make, what) in [
        ("wrong.txt", format!("it is a file of 6 bytes, whose CID is {wrong}")),
        ("empty", "it is a file of 0 bytes".into()),
        ("", "it is a directory".into()),
    ] {
        if make.is_empty() {
            fs::remove_file(&copy).unwrap();
            fs::create_dir(&copy).unwrap();
        } else {
            fs::copy(room.path(make), &copy).unwrap();
        }
        let said = refused(&room, &cid, "data/{{.Cid}}", "");
        let named = format!("unsealed: {} is not the data of {cid}: {what}", copy.canonicalize().unwrap().display());
        assert!(said.contains(&named), "{said}");
        let services = served(&room, &format!("{cid}:/in/a"), "data/{{.Cid}}", "/in/a --data-dir maker");
        assert_eq!(
            (&services["/in/a"][0]["driver"], &services["/in/a"][0]["checked"]),
            (&json!("ipfs"), &json!("verified"))
        );
        assert_eq!(room.read("out/results/stdout"), "right\n");
    }
}

#[test]
fn a_copy_is_compared_with_the_blocks_that_are_in_the_store() {
    let (room, cid) = Room::with_tree();
    let copy = format!("data/{cid}");
    let tree = format!("{cid}:/in");
    let services =
        |stdin: &str| served(&room, &tree, "data/{{.Cid}}", &format!("{stdin} --data-dir maker"))["/in"].clone();
    // A tool that nobody knows may have made this CID, but not of these.
    for make in ["a file", "a name too many", "a name too few", "another size", "other bytes"] {
        let _ = fs::remove_dir_all(room.path(&copy));
        if make == "a file" {
            room.write(&copy, "a\n");
        } else {
            room.write(&format!("{copy}/a.txt"), if make == "another size" { "aa\n" } else { "a\n" });
            let mut big = pattern(600_000, 1);
            big[599_999] ^= u8::from(make == "other bytes");
            room.write(&format!("{copy}/sub/big.bin"), big);
        }
        match make {
            "a name too many" => room.write(&format!("{copy}/b.txt"), ""),
            "a name too few" => fs::remove_file(room.path(&format!("{copy}/a.txt"))).unwrap(),
            _ => {}
        }
        let list = services("/in/sub/big.bin");
        assert_eq!((&list[0]["driver"], &list[0]["checked"]), (&json!("ipfs"), &json!("verified")), "{make}");
        assert!(fs::read(room.path("out/results/stdout")).unwrap() == pattern(600_000, 1), "{make}");
        let _ = fs::remove_file(room.path(&copy));
    }
    // Without the blocks nothing is proved.
    room.write(&format!("{copy}/a.txt"), "a\n");
    let list = served(&room, &tree, "data/{{.Cid}}", "/in/a.txt")["/in"].clone();
    assert_eq!((&list[0]["driver"], &list[0]["checked"]), (&json!("unsealed"), &json!("unverified")));
}

#[test]
fn a_copy_by_the_older_name_of_its_cid_is_found() {
    let (room, cid) = Room::with_tree();
    let v0 = cid::Cid::new_v0(*cid.parse::<cid::Cid>().unwrap().hash()).unwrap().to_string();
    fs::rename(room.path("tree"), room.path(&format!("data/{v0}"))).unwrap();
    for name in [&v0, &cid] {
        let services = served(&room, &format!("ipfs://{name}:/in"), "data/{{.Cid}}", "/in/sub/big.bin");
        assert_eq!(services["/in"][0]["driver"], "unsealed", "{name}");
    }
}

#[test]
fn a_job_may_demand_inputs_that_are_verified() {
    let (room, cid) = Room::with_tree();
    // Nobody can tell: another tool may have cut this so.
    room.write(&format!("data/{cid}/a.txt"), "other\n");
    let services = served(&room, &format!("{cid}:/in"), "data/{{.Cid}}", "/in/a.txt");
    assert_eq!(services["/in"][0]["checked"], "unverified");
    for policy in ["never", "lazy"] {
        let flags = format!("--verified-inputs --unsealed-verify {policy}");
        let said = refused(&room, &cid, "data/{{.Cid}}", &flags);
        assert!(said.contains("the job takes verified inputs only"), "{said}");
    }
    let services =
        served(&room, &format!("{cid}:/in"), "data/{{.Cid}}", "/in/a.txt --verified-inputs --data-dir maker");
    assert_eq!(services["/in"][0]["driver"], "ipfs");
    room.write(
        "job.yaml",
        format!("engine: {{wasm: {{module: hello.wat}}}}\ninputs: ['{cid}:inputs']\nverified_inputs: true\n"),
    );
    let spec = room.expect_json(0, "create job.yaml --dry-run --output json --api-host 127.0.0.1:9");
    assert_eq!((&spec["verified_inputs"], &spec["inputs"][0]["target"]), (&json!(true), &json!("/inputs")));
}
