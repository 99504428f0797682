//! What is pinned: of which place in a DAG, of how much of it, and under which name.

use serde_json::json;

use bacalhau_testkit::Lab;

/// Its root is one of a block that it does not have.
const ROOT_ABSENT: &[u8] = include_bytes!("data/rootabsent.car");
/// A directory without one of its files.
const PARTIAL: &[u8] = include_bytes!("data/partial.car");
const HEADER_ONLY: &[u8] = include_bytes!("data/headeronly_root.car");

fn pins(lab: &Lab, flags: &str) -> String {
    lab.expect(0, &format!("ipfs pin ls {flags}")).stdout
}

#[test]
fn every_verb_goes_where_a_path_leads() {
    let (lab, cid) = Lab::with_tree();
    let sub = lab.add("tree/sub", "--only-hash");
    lab.expect(0, "ipfs import tree.car");
    let both = |first: &str| {
        let mut lines = [format!("{cid}  {first}\n"), format!("{sub}  \n")];
        lines.sort();
        lines.concat()
    };
    assert_eq!(lab.expect(0, &format!("ipfs pin add ipfs://{cid}/sub")).stderr, format!("pinned {sub}\n"));
    assert_eq!(pins(&lab, ""), both("tree.car"));
    lab.expect(0, &format!("ipfs export {cid}/sub -o sub.car"));
    assert_eq!(
        lab.expect_json(0, "ipfs import sub.car --data-dir other --output json")["archives"][0]["roots"],
        json!([sub])
    );
    lab.expect(0, &format!("ipfs pin rm {cid}/sub"));
    assert_eq!(pins(&lab, ""), format!("{cid}  tree.car\n"));
    for (line, words) in [
        (format!("ipfs pin rm {cid}/sub"), format!("error: {sub} is not pinned")),
        (format!("ipfs pin rm {cid}/nothing"), format!("error: there is no nothing in {cid}")),
        (format!("ipfs pin add {cid}/nothing"), format!("error: there is no nothing in {cid}")),
        (format!("ipfs export {cid}/nothing"), format!("error: there is no nothing in {cid}")),
    ] {
        let end = lab.expect(2, &line);
        assert!(end.stderr.contains(&words), "{line}: {}", end.stderr);
    }
    assert_eq!(pins(&lab, ""), format!("{cid}  tree.car\n"));
}

#[test]
fn what_is_not_complete_is_said_and_not_pinned_unless_asked_for() {
    let lab = Lab::new();
    for (name, bytes, words) in [
        ("rootabsent", ROOT_ABSENT, "is missing"),
        ("partial", PARTIAL, "is missing"),
        ("headeronly", HEADER_ONLY, "is missing"),
    ] {
        lab.write(&format!("{name}.car"), bytes);
        let at = format!("--data-dir {name}");
        let imported = lab.expect_json(4, &format!("ipfs import {name}.car {at} --output json"));
        let archive = &imported["archives"][0];
        let root = archive["roots"][0].as_str().unwrap();
        assert_eq!((&archive["pinned"], &archive["incomplete"][0]["root"]), (&json!(false), &json!(root)), "{name}");
        assert!(archive["incomplete"][0]["why"].as_str().unwrap().contains(words), "{archive}");
        let end = lab.expect(4, &format!("ipfs import {name}.car {at}"));
        assert!(end.stderr.contains(&format!("error: incomplete, so not pinned: {root}: block ")), "{}", end.stderr);
        assert_eq!(pins(&lab, &at), "", "{name}");
        let loose = lab.expect_json(0, &format!("ipfs import {name}.car {at} --no-pin --output json"));
        assert_eq!(loose["archives"][0]["pinned"], false);
        assert_eq!(pins(&lab, &at), "", "{name}");
        let asked = lab.expect_json(0, &format!("ipfs import {name}.car {at} --pin-incomplete --output json"));
        assert_eq!(asked["archives"][0]["pinned"], true);
        assert_eq!(pins(&lab, &at), format!("{root}  {name}.car\n"));
        let found = lab.expect_json(4, &format!("ipfs verify {at} --output json"));
        assert_eq!(found["incomplete_pins"][0]["cid"], json!(root), "{name}");
        lab.expect(0, &format!("ipfs gc {at}"));
    }
    // Of the archives together, the second one has what the first one lacks.
    let both = lab.expect_json(0, "ipfs import headeronly.car rootabsent.car --no-pin --output json");
    assert_eq!(both["archives"][0]["incomplete"], json!([]), "{both}");
    let both = lab.expect_json(4, "ipfs import headeronly.car rootabsent.car --output json");
    assert_eq!((&both["archives"][0]["pinned"], &both["archives"][1]["pinned"]), (&json!(true), &json!(false)));
}

#[test]
fn a_pin_keeps_its_name() {
    let (lab, cid) = Lab::with_tree();
    lab.add("tree", "");
    for (line, name) in [
        (format!("ipfs pin add {cid}"), "tree"),
        (format!("ipfs pin add {cid} --name mine"), "mine"),
        (format!("ipfs pin add {cid}"), "mine"),
        ("ipfs add tree".into(), "mine"),
        ("ipfs import tree.car".into(), "mine"),
        (format!("ipfs pin add {cid} --name other"), "other"),
    ] {
        lab.expect(0, &line);
        assert_eq!(pins(&lab, ""), format!("{cid}  {name}\n"), "{line}");
    }
}
