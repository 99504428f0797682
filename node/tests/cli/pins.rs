//! What is pinned: of which place in a DAG, of how much of it, and under which name.

use serde_json::json;

use crate::support::Room;

/// Its root is one of a block that it does not have.
const ROOT_ABSENT: &[u8] = include_bytes!("data/rootabsent.car");
/// A directory without one of its files.
const PARTIAL: &[u8] = include_bytes!("data/partial.car");
const HEADER_ONLY: &[u8] = include_bytes!("data/headeronly_root.car");

fn pins(room: &Room, flags: &str) -> String {
    room.expect(0, &format!("ipfs pin ls {flags}")).stdout
}

#[test]
fn every_verb_goes_where_a_path_leads() {
    let (room, cid) = Room::with_tree();
    let sub = room.add("tree/sub", "--only-hash");
    room.expect(0, "ipfs import tree.car");
    let both = |first: &str| {
        let mut lines = [format!("{cid}  {first}\n"), format!("{sub}  \n")];
        lines.sort();
        lines.concat()
    };
    assert_eq!(room.expect(0, &format!("ipfs pin add ipfs://{cid}/sub")).stderr, format!("pinned {sub}\n"));
    assert_eq!(pins(&room, ""), both("tree.car"));
    room.expect(0, &format!("ipfs export {cid}/sub -o sub.car"));
    assert_eq!(
        room.expect_json(0, "ipfs import sub.car --data-dir other --output json")["archives"][0]["roots"],
        json!([sub])
    );
    room.expect(0, &format!("ipfs pin rm {cid}/sub"));
    assert_eq!(pins(&room, ""), format!("{cid}  tree.car\n"));
    for (line, words) in [
        (format!("ipfs pin rm {cid}/sub"), format!("error: {sub} is not pinned")),
        (format!("ipfs pin rm {cid}/nothing"), format!("error: there is no nothing in {cid}")),
        (format!("ipfs pin add {cid}/nothing"), format!("error: there is no nothing in {cid}")),
        (format!("ipfs export {cid}/nothing"), format!("error: there is no nothing in {cid}")),
    ] {
        let end = room.expect(2, &line);
        assert!(end.stderr.contains(&words), "{line}: {}", end.stderr);
    }
    assert_eq!(pins(&room, ""), format!("{cid}  tree.car\n"));
}

#[test]
fn what_is_not_complete_is_said_and_not_pinned_unless_asked_for() {
    let room = Room::new();
    for (name, bytes, words) in [
        ("rootabsent", ROOT_ABSENT, "is missing"),
        ("partial", PARTIAL, "is missing"),
        ("headeronly", HEADER_ONLY, "is missing"),
    ] {
        room.write(&format!("{name}.car"), bytes);
        let at = format!("--data-dir {name}");
        let imported = room.expect_json(4, &format!("ipfs import {name}.car {at} --output json"));
        let archive = &imported["archives"][0];
        let root = archive["roots"][0].as_str().unwrap();
        assert_eq!((&archive["pinned"], &archive["incomplete"][0]["root"]), (&json!(false), &json!(root)), "{name}");
        assert!(archive["incomplete"][0]["why"].as_str().unwrap().contains(words), "{archive}");
        let end = room.expect(4, &format!("ipfs import {name}.car {at}"));
        assert!(
            end.stderr.contains(&format!("error: not pinned, since it is not complete: {root}: block ")),
            "{}",
            end.stderr
        );
        assert_eq!(pins(&room, &at), "", "{name}");
        let loose = room.expect_json(0, &format!("ipfs import {name}.car {at} --no-pin --output json"));
        assert_eq!(loose["archives"][0]["pinned"], false);
        assert_eq!(pins(&room, &at), "", "{name}");
        let asked = room.expect_json(0, &format!("ipfs import {name}.car {at} --pin-incomplete --output json"));
        assert_eq!(asked["archives"][0]["pinned"], true);
        assert_eq!(pins(&room, &at), format!("{root}  {name}.car\n"));
        let found = room.expect_json(4, &format!("ipfs verify {at} --output json"));
        assert_eq!(found["incomplete_pins"][0]["cid"], json!(root), "{name}");
        room.expect(0, &format!("ipfs gc {at}"));
    }
    // Of the archives together, the second one has what the first one lacks.
    let both = room.expect_json(0, "ipfs import headeronly.car rootabsent.car --no-pin --output json");
    assert_eq!(both["archives"][0]["incomplete"], json!([]), "{both}");
    let both = room.expect_json(4, "ipfs import headeronly.car rootabsent.car --output json");
    assert_eq!((&both["archives"][0]["pinned"], &both["archives"][1]["pinned"]), (&json!(true), &json!(false)));
}

#[test]
fn a_pin_keeps_its_name() {
    let (room, cid) = Room::with_tree();
    room.add("tree", "");
    for (line, name) in [
        (format!("ipfs pin add {cid}"), "tree"),
        (format!("ipfs pin add {cid} --name mine"), "mine"),
        (format!("ipfs pin add {cid}"), "mine"),
        ("ipfs add tree".into(), "mine"),
        ("ipfs import tree.car".into(), "mine"),
        (format!("ipfs pin add {cid} --name other"), "other"),
    ] {
        room.expect(0, &line);
        assert_eq!(pins(&room, ""), format!("{cid}  {name}\n"), "{line}");
    }
}
