//! The provider's claim, which says that the piece is in a sector.

use bacalhau_publisher::filecoin::{Observation, SectorClaim};
use bacalhau_runtime::Link;

use crate::support::{Scene, later, never, waiting};
use bacalhau_testkit::lotus::chain::DAY;

#[test]
fn a_claim_is_waited_for_and_found() {
    let scene = Scene::complete();
    let words = waiting(scene.step());
    assert!(words.starts_with("f01000 has not claimed allocation 70 yet; it can until epoch 5"), "{words}");
    scene.fake.chain().pass(DAY);
    scene.fake.chain().claim(scene.allocation(), 4711);
    let term_start = scene.fake.chain().epoch;
    assert_eq!(scene.step(), Ok(Observation::Claimed(SectorClaim { sector: 4711, term_start })));
}

#[test]
fn a_claim_of_another_piece_is_none() {
    let scene = Scene::complete();
    scene.fake.chain().claim(scene.allocation(), 4711);
    let other = *Link::of_raw(b"another").cid();
    scene.fake.chain().claims.get_mut(&scene.allocation()).unwrap().0.data = other;
    assert!(never(scene.step()).contains("claim 70 of f01000 is for another piece"));
}

#[test]
fn an_allocation_that_expires_is_the_end() {
    let scene = Scene::complete();
    scene.fake.chain().pass(60 * DAY);
    let said = never(scene.step());
    assert!(said.contains("allocation 70 expired in epoch 5") && said.contains("is returned"), "{said}");
    // Somebody has cleaned up.
    scene.fake.chain().allocations.clear();
    assert!(later(scene.step()).0.contains("neither a claim nor an allocation 70"));
}
