//! Memory of announced jobs.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use libp2p_identity::PeerId;

use bacalhau_job::*;
use bacalhau_testkit::jobs::job;

#[test]
fn empty_elements_take_memory() {
    let mut job = job(PeerId::random(), "memory");
    let of = |job: &AnnouncedJob| Announced::from(job.clone()).memory_bytes();
    let plain = of(&job);
    let Engine::Wasm(wasm) = &mut job.request.request.spec.engine else { panic!("it is for the sandbox") };
    wasm.job.args = vec![String::new(); 1000];
    assert_eq!(of(&job), plain + 24_000);
    job.shards = vec![Vec::new(); 1000];
    assert!(of(&job) >= plain + 47_000);
}
