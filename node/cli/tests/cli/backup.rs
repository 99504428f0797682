//! `bacalhau backup` and `bacalhau restore` where no node serves.

use std::fs;

use bacalhau_testkit::Lab;

#[test]
fn a_store_comes_back_with_what_was_pinned() {
    let (lab, cid) = Lab::with_tree();
    lab.write("maker/modules/x", "a cache");
    let taken = lab.expect_json(0, "backup saved --data-dir maker --output json");
    assert_eq!((&taken["contents"], &taken["peer_id"]), (&"all".into(), &serde_json::Value::Null));
    assert!(!lab.path("saved/data/modules").exists());
    lab.expect(0, "restore saved --data-dir again");
    assert_eq!(
        lab.expect(0, "ipfs pin ls --data-dir again").stdout,
        lab.expect(0, "ipfs pin ls --data-dir maker").stdout
    );
    lab.expect(0, &format!("ipfs get {cid} -o got --data-dir again"));
    assert_eq!(fs::read(lab.path("got/sub/big.bin")).unwrap(), fs::read(lab.path("tree/sub/big.bin")).unwrap());
    lab.expect(0, "backup state --state-only --data-dir maker");
    assert!(lab.path("state/data/store/pins").exists() && !lab.path("state/data/store/packs").exists());
    // The state alone leaves the blocks that are there.
    lab.expect(0, &format!("ipfs pin rm {cid} --data-dir again"));
    lab.expect(0, "restore state --data-dir again --replace");
    lab.expect(0, &format!("ipfs get {cid} -o got2 --data-dir again"));
    assert!(lab.expect(0, "ipfs pin ls --data-dir again").stdout.contains(&cid));
}

#[test]
fn what_cannot_be_backed_up_or_restored_is_said_and_changes_nothing() {
    let (lab, _) = Lab::with_tree();
    lab.expect(0, "backup saved --data-dir maker");
    let list = lab.read("saved/manifest.json");
    let pack = lab.list("saved/data/store/packs")[0].clone();
    let pack = format!("data/store/packs/{pack}");
    let bytes = fs::read(lab.path(&format!("saved/{pack}"))).unwrap();
    let copy = |name: &str| {
        lab.write(&format!("{name}/manifest.json"), &list);
        for path in list.split('"').filter(|text| text.starts_with("store/")) {
            let (from, to) = (lab.path(&format!("saved/data/{path}")), format!("{name}/data/{path}"));
            if from.is_file() {
                lab.write(&to, fs::read(from).unwrap());
            }
        }
    };
    ["flipped", "cut", "missing", "more", "outside"].into_iter().for_each(copy);
    let mut flipped = bytes.clone();
    *flipped.last_mut().unwrap() ^= 1;
    lab.write(&format!("flipped/{pack}"), flipped);
    lab.write(&format!("cut/{pack}"), &bytes[1..]);
    fs::remove_file(lab.path(&format!("missing/{pack}"))).unwrap();
    lab.write("more/data/jobs.redb", "x");
    lab.write("outside/manifest.json", list.replace("\"store/packs/", "\"../../store/packs/"));
    lab.write("future/manifest.json", list.replace("\"bacalhau_backup\": 1", "\"bacalhau_backup\": 2"));
    lab.write("taken/mine", "");
    lab.write("lost/identity", "");
    lab.write("jobless/results/x", "");
    fs::create_dir(lab.path("empty")).unwrap();
    let before = lab.new_names();
    for (code, line, words) in [
        (4, "restore flipped --data-dir new", "does not match the manifest"),
        (4, "restore cut --data-dir new", "does not match the manifest"),
        (4, "restore missing --data-dir new", "is missing"),
        (4, "restore more --data-dir new", "\"jobs.redb\" is not in its list"),
        (4, "restore outside --data-dir new", "which is not below it"),
        (4, "restore future --data-dir new", "version 2 of the format"),
        (2, "restore tree --data-dir new", "tree is not a backup: it has no manifest.json"),
        (2, "restore saved --data-dir taken", "it contains \"mine\"; name another --data-dir"),
        (2, "backup taken --data-dir maker", "cannot write a backup to taken: it is not empty"),
        (2, "backup tree/a.txt --data-dir maker", "cannot write a backup to tree/a.txt"),
        (2, "backup other --data-dir empty", "there is nothing to back up in empty"),
        (2, "backup other --data-dir nowhere", "there is nothing to back up in nowhere"),
        (4, "backup other --data-dir lost", "identity is empty"),
        (4, "backup other --data-dir jobless", "jobs.redb is missing"),
        (4, "ipfs serve --listen /ip4/127.0.0.1/tcp/0 --data-dir lost", "identity is empty"),
        (4, "serve --host 127.0.0.1 --api-port 0 --swarm-port 0 --data-dir jobless", "jobs.redb is missing"),
    ] {
        let end = lab.expect(code, line);
        assert!(end.stderr.contains("error: ") && end.stderr.contains(words), "{line}: {}", end.stderr);
        let left = lab.path("new");
        assert!(!left.exists() || lab.list("new") == ["serving.json"], "{line}: {:?}", lab.list("new"));
    }
    let now: Vec<String> = lab.new_names().into_iter().filter(|name| name != "new").collect();
    assert_eq!(now, before);
}
