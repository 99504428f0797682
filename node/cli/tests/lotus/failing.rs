//! Networks, servers and tokens that are not as they should be: every step may be taken again, and then works.

use std::time::{Duration, Instant};

use bacalhau_publisher::filecoin::{Observation, Stage};

use crate::support::{Scene, client, later};
use bacalhau_testkit::lotus::fake::Fault;

/// A deal at each stage that the chain has a step for, and how many calls that step makes.
fn scenes() -> [(fn() -> Scene, usize); 4] {
    [
        (Scene::new, 6),
        (|| Scene::at(Stage::Checked), 3),
        (
            || {
                let scene = Scene::allocating();
                scene.fake.chain().pass(10);
                scene
            },
            3,
        ),
        (
            || {
                let scene = Scene::complete();
                scene.fake.chain().claim(70, 9);
                scene
            },
            3,
        ),
    ]
}

#[test]
fn whatever_call_fails_in_whatever_way_the_next_try_works() {
    let faults = [
        (Fault::Silence, "was silent for 1.5 s"),
        (Fault::HangUp, "does not answer"),
        (Fault::Busy, "with 503"),
        (Fault::Overloaded, "with 502"),
        (Fault::Page, "malformed data"),
        (Fault::NoJson, "malformed data"),
        (Fault::Refusal("the chain is not synced"), "Lotus rejects the request: the chain is not synced"),
        (Fault::LostAnswer, "does not answer"),
        (Fault::OtherId, "it answers another request"),
        (Fault::NoResult, "malformed data"),
    ];
    for (make, calls) in scenes() {
        let scene = make();
        let before = scene.fake.called().len();
        let whole = scene.step().unwrap();
        assert_eq!(scene.fake.called().len() - before, calls, "{:?}", scene.deal.stage);
        for at in 0..calls {
            let scene = make();
            for (fault, words) in &faults {
                scene.fake.fail((0..at).map(|_| None).chain([Some(fault.clone())]));
                let (why, after) = later(scene.step());
                assert!(why.contains(words), "{:?}, call {at}: {why}", scene.deal.stage);
                let pause = matches!(fault, Fault::Busy).then_some(Duration::from_secs(77));
                assert_eq!(after, pause, "{fault:?}");
            }
            scene.fake.fail([]);
            let then = scene.step().unwrap();
            match (&then, &whole) {
                // Another node has another message.
                (Observation::Pushed(_), Observation::Pushed(_)) => {}
                _ => assert_eq!(then, whole),
            }
            assert!(scene.fake.chain().messages.len() <= 1, "nothing was sent twice");
        }
    }
}

#[test]
fn an_answer_that_never_ends_is_not_waited_for() {
    let scene = Scene::new();
    scene.fake.fail([Some(Fault::Trickle)]);
    assert!(later(scene.step()).0.contains("was not whole after 6 s"));
    assert!(matches!(scene.step(), Ok(Observation::Checked(_))));
}

#[test]
fn a_node_that_is_not_there_is_named() {
    let mut scene = Scene::new();
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{gone}/rpc/v1").parse().unwrap();
    scene.lotus = bacalhau_publisher::filecoin::Lotus::new(url, None);
    let began = Instant::now();
    let (why, _) = later(scene.step());
    assert!(why.contains(&format!("the Lotus node at {gone} does not answer ChainHead")), "{why}");
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_wrong_path_is_said() {
    let mut scene = Scene::new();
    let url = scene.fake.url().join("/rpc/v9").unwrap();
    scene.lotus = bacalhau_publisher::filecoin::Lotus::new(url, None);
    assert!(later(scene.step()).0.contains("answers ChainHead with 404"));
}

#[test]
fn a_token_that_is_not_taken_is_shown_nowhere() {
    let mut scene = Scene::new();
    scene.lotus = client(&scene.fake, Some("another.s3cr3t"));
    let (why, _) = later(scene.step());
    assert!(why.contains("rejects the token (401 Unauthorized): set filecoin.lotus_token"), "{why}");
    assert!(!why.contains("s3cr3t") && !format!("{:?}", scene.lotus).contains("s3cr3t"));
}
