//! The session on its own: who is asked, when, and what is answered, with a clock that is moved by hand.

use std::sync::Mutex;

use super::*;
use bacalhau_cas::{Block, Code};

const SECOND: Duration = Duration::from_secs(1);

/// A session and what came of it.
struct Scene {
    session: Session,
    now: Instant,
    peers: Vec<PeerId>,
    answers: Answers,
    answered: Arc<Mutex<Vec<String>>>,
}

impl Scene {
    fn new(peers: usize) -> Self {
        let answered: Arc<Mutex<Vec<String>>> = Arc::default();
        let told = answered.clone();
        let answers: Answers = Arc::new(move |_, result: Result<Bytes, DataError>| {
            let text = result.map_or_else(|error| error.to_string(), |bytes| String::from_utf8_lossy(&bytes).into());
            told.lock().unwrap().push(text);
        });
        let config = Config { patience: 60 * SECOND, reask: 5 * SECOND, ..Config::default() };
        let mut ids: Vec<_> = (0..peers).map(|_| PeerId::random()).collect();
        ids.sort_unstable();
        let (session, now) = (Session::new(&config), Instant::now());
        let mut scene = Self { session, now, peers: ids, answers, answered };
        for index in 0..peers {
            let (id, pulse) = (scene.peers[index], Arc::new(LastActivity::new(scene.now)));
            assert_eq!(scene.step(|session, step| session.peer_up(id, pulse, step)), "");
        }
        scene
    }

    /// What is sent, as `peer kind block`, sorted by peer.
    fn step(&mut self, act: impl FnOnce(&mut Session, &mut Step)) -> String {
        let mut step = Step::new(self.now, false);
        act(&mut self.session, &mut step);
        step.answers.into_iter().for_each(Answer::give);
        let name = |id: &PeerId| self.peers.iter().position(|peer| peer == id).unwrap();
        let all = step.wants.iter().flat_map(|(id, wants)| wants.iter().map(move |want| (id, want)));
        all.map(|(id, want)| format!("{} {:?}", name(id), want.kind)).collect::<Vec<_>>().join(", ")
    }

    fn want(&mut self, texts: &[&str]) -> String {
        let (cids, answers) = (texts.iter().map(|text| cid(text)).collect::<Vec<_>>(), self.answers.clone());
        self.step(|session, step| session.want(&cids, &answers, step))
    }

    fn block(&mut self, peer: usize, text: &str) -> String {
        let (id, block) = (self.peers[peer], vec![(*cid(text).hash(), Bytes::copy_from_slice(text.as_bytes()))]);
        self.step(|session, step| {
            session.received(id, block, &[], step);
        })
    }

    fn says(&mut self, peer: usize, text: &str, have: bool) -> String {
        let (id, presence) = (self.peers[peer], Presence { cid: cid(text), have });
        self.step(|session, step| {
            session.received(id, Vec::new(), &[presence], step);
        })
    }

    fn wait(&mut self, time: Duration) -> String {
        self.now += time;
        self.step(Session::tick)
    }

    fn answered(&self) -> Vec<String> {
        std::mem::take(&mut *self.answered.lock().unwrap())
    }
}

fn cid(text: &str) -> Cid {
    *Block::of(Code::Raw, text.to_owned()).cid()
}

#[test]
fn one_peer_is_asked_for_the_block_itself() {
    let mut scene = Scene::new(1);
    assert_eq!(scene.want(&["a", "b"]), "0 Block, 0 Block");
    assert_eq!(scene.block(0, "a"), "");
    assert_eq!(scene.says(0, "b", false), "0 Cancel", "a peer remembers what it does not have");
    let answered = scene.answered();
    assert_eq!(answered[0], "a");
    assert!(answered[1].ends_with("does not have it"), "{answered:?}");
    assert!(scene.session.is_idle());
}

#[test]
fn of_several_one_is_asked_for_the_block_and_the_others_whether_they_have_it() {
    let mut scene = Scene::new(3);
    assert_eq!(scene.want(&["a"]), "0 Block, 1 Have, 2 Have");
    assert_eq!(scene.says(2, "a", true), "");
    assert_eq!(scene.says(0, "a", false), "2 Block");
    assert_eq!(scene.block(2, "a"), "0 Cancel, 1 Cancel");
    assert_eq!(scene.answered(), ["a"]);
}

#[test]
fn who_says_nothing_loses_its_wants_to_the_next() {
    let mut scene = Scene::new(2);
    assert_eq!(scene.want(&["a"]), "0 Block, 1 Have");
    assert_eq!(scene.wait(4 * SECOND), "");
    assert_eq!(scene.wait(SECOND), "0 Cancel, 1 Block");
    assert_eq!(scene.block(0, "a"), "1 Cancel", "what comes late is taken as well");
    assert_eq!(scene.answered(), ["a"]);
}

#[test]
fn a_lonely_peer_is_asked_again_and_given_up() {
    let mut scene = Scene::new(1);
    assert_eq!(scene.want(&["a"]), "0 Block");
    assert_eq!(scene.says(0, "a", true), "");
    assert_eq!(scene.wait(5 * SECOND), "0 Block");
    assert_eq!(scene.wait(5 * SECOND), "0 Block");
    assert_eq!(scene.wait(50 * SECOND), "0 Cancel");
    let answered = scene.answered();
    assert!(answered[0].ends_with("sent nothing in 60.0 s"), "{answered:?}");
}

#[test]
fn who_moves_is_waited_for() {
    let mut scene = Scene::new(1);
    // As if it had just moved something, a long time from now.
    let (id, pulse) = (scene.peers[0], Arc::new(LastActivity::new(scene.now + 18 * SECOND)));
    scene.step(|session, step| session.peer_up(id, pulse, step));
    assert_eq!(scene.want(&["a"]), "0 Block");
    assert_eq!(scene.wait(19 * SECOND), "");
    assert_eq!(scene.wait(SECOND), "0 Block", "but not for ever for one block");
}

#[test]
fn windows_grow_with_what_comes_and_are_filled_in_batches() {
    let mut scene = Scene::new(1);
    let texts: Vec<_> = (0..100).map(|number| number.to_string()).collect();
    let texts: Vec<_> = texts.iter().map(String::as_str).collect();
    assert_eq!(scene.want(&texts).matches("Block").count(), 16);
    let refills: Vec<_> = texts[..16].iter().map(|text| scene.block(0, text).matches("Block").count()).collect();
    assert_eq!(refills, [0, 0, 6, 0, 0, 6, 0, 0, 0, 8, 0, 0, 0, 8, 0, 0]);
    assert_eq!(scene.answered().len(), 16);
}

#[test]
fn who_sends_all_again_is_let_finish() {
    let mut scene = Scene::new(1);
    let texts: Vec<_> = (0..60).map(|number| number.to_string()).collect();
    let texts: Vec<_> = texts.iter().map(String::as_str).collect();
    scene.want(&texts);
    scene.block(0, "0");
    scene.block(0, "0");
    let mut sent: Vec<_> = texts[1..16].iter().map(|text| scene.block(0, text).matches("Block").count()).collect();
    assert_eq!(sent.pop(), Some(32));
    assert!(sent.iter().all(|count| *count == 0), "{sent:?}");
    let cids = [cid(texts[20])];
    assert_eq!(scene.step(|session, step| session.cancel(&cids, step)), "", "and is told of nothing meanwhile");
}

#[test]
fn what_is_cancelled_is_forgotten() {
    let mut scene = Scene::new(2);
    scene.want(&["a"]);
    let cids = [cid("a")];
    assert_eq!(scene.step(|session, step| session.cancel(&cids, step)), "0 Cancel, 1 Cancel");
    scene.block(0, "a");
    assert!(scene.answered().is_empty() && scene.session.is_idle());
}

#[test]
fn whoever_is_left_is_asked_and_then_nobody() {
    let mut scene = Scene::new(2);
    scene.want(&["a"]);
    let peers = scene.peers.clone();
    assert_eq!(scene.step(|session, step| session.peer_down(peers[0], true, step)), "1 Block");
    assert_eq!(scene.step(|session, step| session.peer_failed(peers[1], "does not speak it", false, step)), "");
    let answered = scene.answered();
    assert!(
        answered[0].contains("the connection was lost") && answered[0].contains("does not speak it"),
        "{answered:?}"
    );
    scene.step(|session, step| session.close("over", step));
    scene.want(&["b"]);
    assert!(scene.answered()[0].ends_with("over"));
}

#[test]
fn who_was_lost_is_hoped_for_and_asked_again() {
    let mut scene = Scene::new(1);
    scene.want(&["a"]);
    let id = scene.peers[0];
    assert_eq!(scene.step(|session, step| session.peer_failed(id, "the connection was lost", true, step)), "");
    assert_eq!(scene.step(|session, step| session.peer_down(id, false, step)), "");
    scene.now += 10 * SECOND;
    assert_eq!(scene.want(&["b"]), "");
    assert_eq!(scene.step(Session::tick), "");
    assert!(scene.answered().is_empty(), "it may have been started again");
    let pulse = Arc::new(LastActivity::new(scene.now));
    assert_eq!(scene.step(|session, step| session.peer_up(id, pulse, step)), "0 Block, 0 Block");
    assert_eq!(scene.step(|session, step| session.peer_down(id, false, step)), "");
    scene.now += 20 * SECOND;
    assert_eq!(scene.step(Session::tick), "");
    let answered = scene.answered();
    assert!(answered.len() == 2 && answered[0].contains("the connection was lost"), "{answered:?}");
    scene.want(&["c"]);
    assert_eq!(scene.answered().len(), 1, "who has not come back is not waited for again");
}
