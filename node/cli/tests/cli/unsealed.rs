//! Unsealed copies: in all their forms, by all policies, and what is said when one cannot be used.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use serde_json::{Value, json};

use bacalhau_testkit::{Lab, pattern};

/// Runs over the copy that `template` finds; what stands in the receipt.
fn served(lab: &Lab, source: &str, template: &str, flags: &str) -> Value {
    let template = lab.path(template);
    let line = format!("wasm run cat.wat -c 1 -i {source} --stdin {flags} --output-dir out --filecoin-unsealed-path");
    let mut command = lab.command(&line);
    let end = command.arg(template).output().unwrap();
    assert!(end.status.success(), "{source} {flags}: {}", String::from_utf8_lossy(&end.stderr));
    lab.json("out/receipt.json")["unclaimed"]["input_services"].clone()
}

fn refused(lab: &Lab, cid: &str, template: &str, flags: &str) -> String {
    let line = format!("wasm run hello.wat -i {cid}:/in {flags} --output-dir refused --filecoin-unsealed-path");
    let end = lab.command(&line).arg(lab.path(template)).output().unwrap();
    let said = String::from_utf8(end.stderr).unwrap();
    assert_eq!(end.status.code(), Some(4), "{said}");
    assert!(!lab.path("refused").exists());
    said.lines().last().unwrap().to_owned()
}

#[test]
fn a_copy_is_a_directory_a_file_or_an_archive() {
    let (lab, cid) = Lab::with_tree();
    let big = lab.add("tree/sub/big.bin", "--data-dir maker");
    fs::rename(lab.path("tree"), lab.path(&format!("data/{cid}"))).unwrap();
    fs::copy(lab.path(&format!("data/{cid}/sub/big.bin")), lab.path(&format!("data/{big}"))).unwrap();
    fs::copy(lab.path("tree.car"), lab.path(&format!("data/{cid}.car"))).unwrap();
    // Pieces are filled up with zeros, and not all of them have an extension.
    let padded = [fs::read(lab.path("tree.car")).unwrap(), vec![0; 1 << 16]].concat();
    fs::create_dir(lab.path("padded")).unwrap();
    fs::write(lab.path(&format!("padded/{cid}")), padded).unwrap();
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
        let services = served(&lab, source, template, stdin);
        let (_, list) = services.as_object().unwrap().iter().next().unwrap();
        let place = lab.path(&place).canonicalize().unwrap();
        assert_eq!(
            *list,
            json!([{"driver": "unsealed", "place": place, "checked": "verified"}]),
            "{source} {template}"
        );
        assert!(fs::read(lab.path("out/results/stdout")).unwrap() == pattern(600_000, 1), "{template}");
    }
    assert_eq!(lab.expect_json(0, "ipfs stat --output json")["blocks"], 0, "nothing was copied");
}

#[test]
fn what_the_template_may_speak_of() {
    let (lab, cid) = Lab::with_tree();
    for name in ["data/by-name/mine", "data/piece/baga1"] {
        lab.write(&format!("{name}/a.txt"), "a\n");
        lab.write(&format!("{name}/sub/big.bin"), pattern(600_000, 1));
    }
    for (query, template) in
        [("name=mine", "data/by-name/{{.Name}}"), ("piece=baga1", r#"data/piece/{{index .Metadata "piece"}}"#)]
    {
        let services = served(&lab, &format!("ipfs://{cid}?{query}:/in"), template, "/in/a.txt");
        assert_eq!(services["/in"][0]["checked"], "verified");
        assert_eq!(services["/in"][0]["driver"], "unsealed");
    }
    let said = refused(&lab, &format!("ipfs://{cid}?name=../../x"), "data/by-name/{{.Name}}", "");
    assert!(said.contains("unsealed: ") && said.contains("leaves "), "{said}");
    let said = refused(&lab, &cid, "data/by-name/{{.Name}}", "");
    assert!(said.contains("unsealed: "), "an empty value: {said}");
}

#[test]
fn a_policy_says_what_is_believed() {
    let (lab, cid) = Lab::with_tree();
    fs::rename(lab.path("tree"), lab.path(&format!("data/{cid}"))).unwrap();
    let (source, template) = (format!("{cid}:/in"), "data/{{.Cid}}");
    let checked = |policy: &str| {
        served(&lab, &source, template, &format!("/in/a.txt --unsealed-verify {policy}"))["/in"][0]["checked"].clone()
    };
    assert_eq!([checked("never"), checked("lazy"), checked("full")], ["trusted", "verified", "verified"]);
    // The copy is another one now.
    lab.write(&format!("data/{cid}/a.txt"), "other\n");
    assert_eq!([checked("never"), checked("lazy")], ["trusted", "unverified"]);
    let mut command =
        lab.command(&format!("wasm run hello.wat --output-dir shown -i {source} --filecoin-unsealed-path"));
    let shown = String::from_utf8(command.arg(lab.path(template)).output().unwrap().stdout).unwrap();
    assert!(shown.contains("(unsealed, unverified: no known import profile yields this CID for it)\n"), "{shown}");
    let said = refused(&lab, &cid, template, "--unsealed-verify full");
    assert!(said.contains("could not be verified as") && said.contains("--unsealed-verify lazy"), "{said}");
}

#[test]
fn what_is_not_a_readable_copy_is_named() {
    let (lab, cid) = Lab::with_tree();
    let copy = lab.path(&format!("data/{cid}"));
    let absent = refused(&lab, &cid, "data/{{.Cid}}", "");
    assert!(absent.contains("unsealed: there is no copy at ") && absent.contains("; ipfs: "), "{absent}");
    symlink(lab.path("gone"), &copy).unwrap();
    let said = refused(&lab, &cid, "data/{{.Cid}}", "");
    assert!(said.contains(&format!("{cid} is a link to something that is not there")), "{said}");
    fs::remove_file(&copy).unwrap();
    symlink(lab.path("tree"), &copy).unwrap();
    let said = refused(&lab, &cid, "data/{{.Cid}}", "");
    assert!(said.contains("is a link to ") && said.contains("outside of "), "{said}");
    fs::remove_file(&copy).unwrap();
    let other = lab.path(&format!("data/{cid}.car"));
    lab.expect(0, &format!("ipfs export {} -o other.car --data-dir maker", lab.add("hello.wat", "--data-dir maker")));
    fs::rename(lab.path("other.car"), &other).unwrap();
    let said = refused(&lab, &cid, "data/{{.Cid}}.car", "");
    assert!(said.contains("does not hold"), "{said}");
    fs::write(&other, "no archive ".repeat(99)).unwrap();
    let said = refused(&lab, &cid, "data/{{.Cid}}.car", "");
    assert!(said.contains("is malformed") && said.contains("is it a CAR?"), "{said}");
    let car = fs::read(lab.path("tree.car")).unwrap();
    fs::write(&other, &car[..car.len() - 1]).unwrap();
    let said = refused(&lab, &cid, "data/{{.Cid}}.car", "");
    assert!(said.contains("truncated"), "{said}");
    fs::create_dir(&copy).unwrap();
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read_dir(&copy).is_err() {
        let said = refused(&lab, &cid, "data/{{.Cid}}", "");
        assert!(said.contains("unsealed: cannot read ") && said.contains("ermission denied"), "{said}");
    }
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn a_bad_template_fails_before_anything_is_done() {
    let lab = Lab::new();
    for (flag, template, words) in [
        ("--filecoin-unsealed-path", "/data/{{.Cidd}}", "column 9: unknown field .Cidd"),
        ("--filecoin-unsealed-path", "/data/{{.Cid", "column 7"),
        ("--filecoin-unsealed-path", "data/{{.Cid}}", "has to begin with an absolute directory"),
        ("--cid-url", "ftp://host/{{.Cid}}", "has to begin with a URL"),
        ("--cid-url", "https://{{.Cid}}/x", "has to begin with a URL"),
    ] {
        let end = lab.command("wasm run hello.wat").args([flag, template]).output().unwrap();
        let said = String::from_utf8(end.stderr).unwrap();
        assert_eq!(end.status.code(), Some(2), "{said}");
        assert!(said.starts_with(&format!("error: {flag}: ")) && said.contains(words), "{template}: {said}");
    }
    assert!(lab.new_names().is_empty() && !lab.path("client").exists());
}

/// What a file with these bytes is called.
fn raw_cid(lab: &Lab, name: &str, bytes: &[u8], flags: &str) -> String {
    lab.write(name, bytes);
    lab.add(name, flags)
}

#[test]
fn a_copy_that_is_proved_wrong_is_named_and_the_next_source_is_asked() {
    let lab = Lab::new();
    let cid = raw_cid(&lab, "right.txt", b"right\n", "--data-dir maker");
    let wrong = raw_cid(&lab, "wrong.txt", b"wrong\n", "--data-dir maker");
    let copy = lab.path(&format!("data/{cid}"));
    lab.write("empty", "");
    fs::create_dir(lab.path("data")).unwrap();
    for (make, what) in [
        ("wrong.txt", format!("it is a file of 6 bytes with the CID {wrong}")),
        ("empty", "it is a file of 0 bytes".into()),
        ("", "it is a directory".into()),
    ] {
        if make.is_empty() {
            fs::remove_file(&copy).unwrap();
            fs::create_dir(&copy).unwrap();
        } else {
            fs::copy(lab.path(make), &copy).unwrap();
        }
        let said = refused(&lab, &cid, "data/{{.Cid}}", "");
        let named = format!("unsealed: {} is not the data of {cid}: {what}", copy.canonicalize().unwrap().display());
        assert!(said.contains(&named), "{said}");
        let services = served(&lab, &format!("{cid}:/in/a"), "data/{{.Cid}}", "/in/a --data-dir maker");
        assert_eq!(
            (&services["/in/a"][0]["driver"], &services["/in/a"][0]["checked"]),
            (&json!("ipfs"), &json!("verified"))
        );
        assert_eq!(lab.read("out/results/stdout"), "right\n");
    }
}

#[test]
fn a_copy_is_compared_with_the_blocks_that_are_in_the_store() {
    let (lab, cid) = Lab::with_tree();
    let copy = format!("data/{cid}");
    let tree = format!("{cid}:/in");
    let services =
        |stdin: &str| served(&lab, &tree, "data/{{.Cid}}", &format!("{stdin} --data-dir maker"))["/in"].clone();
    // A tool that nobody knows may have made this CID, but not of these.
    for make in ["a file", "a name too many", "a name too few", "another size", "other bytes"] {
        let _ = fs::remove_dir_all(lab.path(&copy));
        if make == "a file" {
            lab.write(&copy, "a\n");
        } else {
            lab.write(&format!("{copy}/a.txt"), if make == "another size" { "aa\n" } else { "a\n" });
            let mut big = pattern(600_000, 1);
            big[599_999] ^= u8::from(make == "other bytes");
            lab.write(&format!("{copy}/sub/big.bin"), big);
        }
        match make {
            "a name too many" => lab.write(&format!("{copy}/b.txt"), ""),
            "a name too few" => fs::remove_file(lab.path(&format!("{copy}/a.txt"))).unwrap(),
            _ => {}
        }
        let list = services("/in/sub/big.bin");
        assert_eq!((&list[0]["driver"], &list[0]["checked"]), (&json!("ipfs"), &json!("verified")), "{make}");
        assert!(fs::read(lab.path("out/results/stdout")).unwrap() == pattern(600_000, 1), "{make}");
        let _ = fs::remove_file(lab.path(&copy));
    }
    // Without the blocks nothing is proved.
    lab.write(&format!("{copy}/a.txt"), "a\n");
    let list = served(&lab, &tree, "data/{{.Cid}}", "/in/a.txt")["/in"].clone();
    assert_eq!((&list[0]["driver"], &list[0]["checked"]), (&json!("unsealed"), &json!("unverified")));
}

#[test]
fn a_copy_by_the_older_name_of_its_cid_is_found() {
    let (lab, cid) = Lab::with_tree();
    let v0 = cid::Cid::new_v0(*cid.parse::<cid::Cid>().unwrap().hash()).unwrap().to_string();
    fs::rename(lab.path("tree"), lab.path(&format!("data/{v0}"))).unwrap();
    for name in [&v0, &cid] {
        let services = served(&lab, &format!("ipfs://{name}:/in"), "data/{{.Cid}}", "/in/sub/big.bin");
        assert_eq!(services["/in"][0]["driver"], "unsealed", "{name}");
    }
}

#[test]
fn a_job_may_demand_inputs_that_are_verified() {
    let (lab, cid) = Lab::with_tree();
    // Nobody can tell: another tool may have cut this so.
    lab.write(&format!("data/{cid}/a.txt"), "other\n");
    let services = served(&lab, &format!("{cid}:/in"), "data/{{.Cid}}", "/in/a.txt");
    assert_eq!(services["/in"][0]["checked"], "unverified");
    for policy in ["never", "lazy"] {
        let flags = format!("--verified-inputs --unsealed-verify {policy}");
        let said = refused(&lab, &cid, "data/{{.Cid}}", &flags);
        assert!(said.contains("the job takes verified inputs only"), "{said}");
    }
    let services = served(&lab, &format!("{cid}:/in"), "data/{{.Cid}}", "/in/a.txt --verified-inputs --data-dir maker");
    assert_eq!(services["/in"][0]["driver"], "ipfs");
    lab.write(
        "job.yaml",
        format!("engine: {{wasm: {{module: hello.wat}}}}\ninputs: ['{cid}:inputs']\nverified_inputs: true\n"),
    );
    let spec = lab.expect_json(0, "create job.yaml --dry-run --output json --api-host 127.0.0.1:9");
    assert_eq!((&spec["verified_inputs"], &spec["inputs"][0]["target"]), (&json!(true), &json!("/inputs")));
}
