//! `bacalhau get` with receipts whose places strangers wrote.

use serde_json::json;

use crate::server::Server;
use bacalhau_testkit::Lab;

/// A lab with a receipt that says that its results are at `places`.
fn room_with_places(places: &[String]) -> Lab {
    let lab = Lab::new();
    lab.expect(0, "wasm run hello.wat --output-dir out");
    let mut receipt = lab.json("out/receipt.json");
    receipt["unclaimed"]["published"] = json!([{ "publisher": "local", "places": places }]);
    lab.write("theirs.json", receipt.to_string());
    lab
}

#[test]
fn a_receipt_leads_into_ones_own_network_only_where_it_is_allowed() {
    let server = Server::start("something else");
    let lab = room_with_places(&[server.url("/file")]);
    let end = lab.expect(4, "get theirs.json --output-dir got");
    assert!(end.stderr.contains("add --private-addresses"), "{}", end.stderr);
    let end = lab.expect(4, "get theirs.json --output-dir got --private-addresses");
    assert!(end.stderr.contains("its SHA-256 is") || end.stderr.contains("it is larger than"), "{}", end.stderr);
    assert_eq!(lab.new_names(), ["out", "theirs.json"]);
}

#[test]
fn what_is_more_than_the_receipt_claims_is_not_copied() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("large"), vec![0; 1 << 20]).unwrap();
    let place = dir.path().to_str().unwrap().to_owned();
    let lab = room_with_places(&vec![place; 40]);
    let end = lab.expect(4, "get theirs.json --output-dir got");
    assert!(end.stderr.contains("has more than"), "{}", end.stderr);
    assert_eq!(end.stderr.matches("has more than").count(), 32, "each place is a try, and tries are bounded");
    assert_eq!(lab.new_names(), ["out", "theirs.json"]);
}
