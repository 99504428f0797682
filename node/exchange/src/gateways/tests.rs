//! Several gateways: who is asked, who is asked as well, and what is said when nobody has it.

use std::sync::mpsc;

use super::*;
use bacalhau_cas::{Block, Code};

const BOUND: Duration = Duration::from_secs(20);

/// A gateway that answers when the test says so.
#[derive(Default)]
struct Puppet {
    name: &'static str,
    wants: Mutex<Vec<(Cid, Answers)>>,
    cancelled: Mutex<Vec<Cid>>,
    wanted: Condvar,
}

impl fmt::Debug for Puppet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl BlockProvider for Puppet {
    fn name(&self) -> String {
        self.name.into()
    }

    fn want(&self, cids: &[Cid], answers: &Answers) {
        self.wants.lock().unwrap().extend(cids.iter().map(|cid| (*cid, Arc::clone(answers))));
        self.wanted.notify_all();
    }

    fn cancel(&self, cids: &[Cid]) {
        self.cancelled.lock().unwrap().extend(cids);
    }
}

impl Puppet {
    /// Waits until it is asked for `block`, and answers.
    fn answer(&self, block: &Block, result: Result<(), &str>) {
        let wants = self.wants.lock().unwrap();
        let is_here = |wants: &Vec<(Cid, Answers)>| wants.iter().position(|(cid, _)| cid == block.cid());
        let (mut wants, timeout) =
            self.wanted.wait_timeout_while(wants, BOUND, |wants| is_here(wants).is_none()).unwrap();
        assert!(!timeout.timed_out(), "{self:?} was not asked for {}", block.cid());
        let position = is_here(&wants).unwrap();
        let (cid, answers) = wants.remove(position);
        drop(wants);
        let result = result.map(|()| block.bytes().clone());
        answers(cid, result.map_err(|why| DataError::missing(&cid, format!("{}: {why}", self.name))));
    }

    fn count(&self) -> usize {
        self.wants.lock().unwrap().len()
    }
}

struct Stage {
    puppets: Vec<Arc<Puppet>>,
    gateways: Gateways,
    answers: Answers,
    answered: mpsc::Receiver<(Cid, Result<Bytes, String>)>,
}

fn stage() -> Stage {
    let puppets: Vec<_> =
        ["a", "b", "c"].into_iter().map(|name| Arc::new(Puppet { name, ..Puppet::default() })).collect();
    let gateways = Gateways::of(puppets.iter().map(|puppet| Arc::clone(puppet) as Arc<dyn BlockProvider>).collect());
    let (sender, answered) = mpsc::channel();
    let answers: Answers =
        Arc::new(move |cid, result| sender.send((cid, result.map_err(|error| error.to_string()))).unwrap());
    Stage { puppets, gateways, answers, answered }
}

impl Stage {
    fn want(&self, block: &Block) {
        self.gateways.want(&[*block.cid()], &self.answers);
    }

    fn next(&self) -> (Cid, Result<Bytes, String>) {
        self.answered.recv_timeout(BOUND).unwrap()
    }

    fn expect(&self, block: &Block) {
        assert_eq!(self.next(), (*block.cid(), Ok(block.bytes().clone())));
    }
}

fn block(text: &'static str) -> Block {
    Block::of(Code::Raw, text)
}

#[test]
fn the_first_block_is_raced_and_the_winner_is_asked_first_then() {
    let stage = stage();
    let [a, b, c] = &stage.puppets[..] else { panic!() };
    let (one, two) = (block("one"), block("two"));
    stage.want(&one);
    b.answer(&one, Ok(()));
    stage.expect(&one);
    assert_eq!(*a.cancelled.lock().unwrap(), [*one.cid()]);
    assert_eq!(*c.cancelled.lock().unwrap(), [*one.cid()]);
    // Late answers are nobody's.
    a.answer(&one, Err("404"));
    c.answer(&one, Ok(()));
    stage.want(&two);
    assert_eq!((a.count(), b.count(), c.count()), (0, 1, 0));
    b.answer(&two, Ok(()));
    stage.expect(&two);
    assert!(stage.answered.try_recv().is_err());
}

#[test]
fn who_fails_or_keeps_us_waiting_is_helped() {
    let stage = stage();
    let [a, b, c] = &stage.puppets[..] else { panic!() };
    let (one, two) = (block("one"), block("two"));
    stage.want(&one);
    for puppet in [a, b, c] {
        puppet.answer(&one, if puppet.name == "c" { Ok(()) } else { Err("404") });
    }
    stage.expect(&one);
    // At once on an error, after a while on silence.
    stage.want(&two);
    c.answer(&two, Err("500"));
    let begin = Instant::now();
    a.answer(&two, Err("404"));
    assert_eq!(b.count(), 1);
    b.answer(&two, Ok(()));
    stage.expect(&two);
    assert!(begin.elapsed() < Duration::from_millis(400), "an error was waited over");
    let three = block("three");
    stage.want(&three);
    assert_eq!(b.count(), 1);
    c.answer(&three, Ok(()));
    stage.expect(&three);
    assert_eq!(*b.cancelled.lock().unwrap(), [*three.cid()]);
}

#[test]
fn all_failed_is_said_of_each() {
    let stage = stage();
    let one = block("one");
    stage.want(&one);
    for puppet in &stage.puppets {
        assert!(stage.answered.try_recv().is_err());
        puppet.answer(&one, Err("404"));
    }
    let (_, result) = stage.next();
    assert_eq!(result.unwrap_err(), format!("block {} is missing: a: 404; b: 404; c: 404", one.cid()));
    assert!(stage.answered.try_recv().is_err());
    // Nobody to ask is said as well.
    Gateways::new([]).want(&[*one.cid()], &stage.answers);
    assert!(stage.next().1.unwrap_err().contains("there is no gateway"));
}

#[test]
fn who_wants_the_same_waits_for_the_same() {
    let stage = stage();
    let one = block("one");
    stage.want(&one);
    stage.want(&one);
    assert!(stage.puppets.iter().all(|puppet| puppet.count() == 1));
    stage.puppets[0].answer(&one, Ok(()));
    stage.expect(&one);
    stage.expect(&one);
}

#[test]
fn what_is_cancelled_or_left_is_over() {
    let stage = stage();
    let (one, two) = (block("one"), block("two"));
    stage.want(&one);
    stage.gateways.cancel(&[*one.cid()]);
    assert!(stage.puppets.iter().all(|puppet| puppet.cancelled.lock().unwrap().contains(one.cid())));
    stage.puppets[0].answer(&one, Ok(()));
    assert!(stage.answered.try_recv().is_err());
    stage.want(&two);
    let Stage { gateways, answered, .. } = stage;
    drop(gateways);
    assert!(answered.recv_timeout(BOUND).unwrap().1.unwrap_err().contains("cancelled"));
}
