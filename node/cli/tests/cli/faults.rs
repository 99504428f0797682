//! Whose fault it is that there is no result: the user's (2), the job's (3) or this machine's (4).

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;

use bacalhau_testkit::Lab;

/// How `line` ends, and its last words.
fn end(lab: &Lab, line: &str) -> (i32, String) {
    let end = lab.run(line);
    (end.code, end.stderr.lines().last().unwrap_or_default().to_owned())
}

#[test]
fn a_path_that_a_cid_does_not_have_is_a_slip_of_whoever_named_it() {
    let (lab, cid) = Lab::with_tree();
    fs::rename(lab.path("tree"), lab.path(&format!("data/{cid}"))).unwrap();
    fs::rename(lab.path("tree.car"), lab.path(&format!("data/{cid}.car"))).unwrap();
    let raw = lab.add("hello.wat", "--data-dir maker");
    let data = lab.path("data");
    let data = data.to_str().unwrap();
    for flags in [
        "--data-dir maker".to_owned(),
        format!("--filecoin-unsealed-path {data}/{{{{.Cid}}}}"),
        format!("--filecoin-unsealed-path {data}/{{{{.Cid}}}}.car"),
    ] {
        for path in ["nothere", "sub/nothere", "a.txt/x"] {
            let (code, said) = end(&lab, &format!("wasm run hello.wat -i {cid}/{path}:/in {flags}"));
            assert_eq!(code, 2, "{flags}: {said}");
            assert!(said.starts_with("error: there is no ") && said.contains(path) && said.contains(&cid), "{said}");
        }
    }
    let (code, said) = end(&lab, &format!("wasm run hello.wat -i {raw}/x:/in --data-dir maker"));
    assert!(code == 2 && said.contains("there is no x in"), "{said}");
    let (code, said) = end(&lab, &format!("wasm run {cid}/nothere.wasm --data-dir maker"));
    assert!(code == 2 && said.contains("there is no nothere.wasm in"), "{said}");
    // What nobody has is another matter.
    let (code, said) = end(&lab, &format!("wasm run hello.wat -i {cid}/nothere:/in"));
    assert!(code == 4 && said.contains("host error: "), "{said}");
}

#[test]
fn a_name_that_no_machine_could_have_is_refused() {
    let lab = Lab::new();
    lab.write("plain/back\\slash", "x");
    fs::create_dir(lab.path("odd")).unwrap();
    fs::write(lab.path("odd").join(OsStr::from_bytes(b"\xff")), "x").unwrap();
    let cid = lab.add("plain", "");
    for (input, words) in [("plain", "backslashes"), (&cid, "backslashes"), ("odd", "is not UTF-8")] {
        // The guest looks at its standard input, and so into the directory.
        let (code, said) = end(&lab, &format!("wasm run cat.wat -i {input}:/in --stdin /in/x"));
        assert_eq!(code, 3, "{input}: {said}");
        assert!(said.contains(words) && said.contains("rename it") && !said.contains("host error"), "{said}");
    }
    let made = std::process::Command::new("mkfifo").arg(lab.path("plain/pipe")).status().unwrap();
    assert!(made.success());
    for input in ["plain/pipe", "plain"] {
        let (code, said) = end(&lab, &format!("wasm run hello.wat -i {input}:/in"));
        assert!(code == 3 && said.contains("neither a file, a directory nor a link"), "{said}");
    }
}
