//! What a Helia has is found by Helia's own server of Routing V1, and what we have by our client of it too.

use crate::process::{Kind, Process};
use crate::support::{Ours, contents, pattern};

#[test]
fn a_router_of_helia_leads_to_helia_and_to_us() {
    let (Some(mut router), Some(mut helia)) = (Process::start(Kind::Router), Process::start(Kind::Helia)) else {
        return;
    };
    let ours = Ours::start();
    let dir = tempfile::tempdir().unwrap();
    let (theirs, own) = (dir.path().join("theirs"), dir.path().join("own"));
    std::fs::write(&theirs, pattern(3 << 20)).unwrap();
    std::fs::write(&own, pattern(1 << 20)).unwrap();
    router.provide(&helia.addr);
    router.provide(ours.addr());
    let flags = format!("--ipfs-router {} --ipfs-router-private", router.addr);
    for (path, cid) in [(&theirs, helia.add(&theirs)), (&own, ours.add(&own))] {
        assert!(contents(path) == contents(&ours.get_with(&flags, &cid)), "{cid}");
    }
}
