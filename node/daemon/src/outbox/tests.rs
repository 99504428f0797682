//! The outbox by hand: order, retries, ages, bounds.

use super::*;
use bacalhau_protocol::{Bid, Versions};

const SECOND: u64 = 1000;

fn job(name: &str) -> JobId {
    // 32 digits of base 32.
    format!("{name:a<32}").parse().unwrap()
}

fn running(job: JobId, shard: u32, number: u16) -> Message {
    Message::Running(Running { execution: job.execution(shard, number) })
}

fn send(outbox: &mut Outbox, to: PeerId, message: Message, now: u64) -> u64 {
    outbox.send(to, vec!["/memory/1".into()], message, now).unwrap()
}

fn ids(due: &Due) -> Vec<u64> {
    due.transmit.iter().map(|transmit| transmit.id).collect()
}

fn lost() -> Result<Reply, SendError> {
    Err(SendError::Busy)
}

#[test]
fn a_message_is_sent_again_less_and_less_often_until_it_is_taken() {
    let mut outbox = Outbox::new(OutboxConfig { age_ms: 1_000 * SECOND, ..OutboxConfig::default() });
    let id = send(&mut outbox, PeerId::random(), running(job("b"), 0, 1), 0);
    let mut sent = Vec::new();
    while sent.len() < 9 {
        let now = outbox.deadline().unwrap();
        let due = outbox.tick(now);
        assert_eq!(ids(&due), [id]);
        assert_eq!(due.transmit[0].addrs, ["/memory/1"]);
        assert_eq!(outbox.answered(id, lost(), now), None);
        sent.push(now);
    }
    let waits: Vec<u64> = sent.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(waits, [250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
    let now = outbox.deadline().unwrap();
    outbox.tick(now);
    assert_eq!(outbox.answered(id, Ok(Reply::Taken), now), None);
    assert!(outbox.is_empty());
    assert_eq!(outbox.deadline(), None);
}

#[test]
fn what_is_refused_or_too_old_comes_back_with_the_reason() {
    let mut outbox = Outbox::new(OutboxConfig::default());
    let to = PeerId::random();
    let message = running(job("b"), 0, 1);
    let id = send(&mut outbox, to, message.clone(), 0);
    outbox.tick(0);
    let undelivered = outbox.answered(id, Ok(Reply::Refused(Refusal::Unknown)), 1).unwrap();
    assert_eq!((undelivered.to, &undelivered.message), (to, &message));
    assert!(undelivered.why.contains("does not know"), "{}", undelivered.why);

    let id = send(&mut outbox, to, message.clone(), 5);
    outbox.tick(5);
    outbox.answered(id, lost(), 5);
    assert_eq!(outbox.tick(120_004).undelivered, []);
    let due = outbox.tick(120_005);
    assert_eq!(due.undelivered.len(), 1);
    assert!(
        due.undelivered[0].why.contains("within 120 s, at last: this node has no time"),
        "{}",
        due.undelivered[0].why
    );
    assert_eq!(outbox.answered(id, Ok(Reply::Taken), 120_006), None, "the answer to the last try comes too late");
    assert!(outbox.is_empty());
}

#[test]
fn a_message_on_its_way_without_end_is_given_up_too() {
    let mut outbox = Outbox::new(OutboxConfig::default());
    send(&mut outbox, PeerId::random(), running(job("b"), 0, 1), 0);
    outbox.tick(0);
    assert_eq!(outbox.deadline(), Some(120_000));
    assert_eq!(outbox.tick(120_000).undelivered.len(), 1);
    assert_eq!(outbox.deadline(), None);
}

#[test]
fn a_node_over_its_budget_is_asked_again_later() {
    let mut outbox = Outbox::new(OutboxConfig::default());
    let id = send(&mut outbox, PeerId::random(), running(job("b"), 0, 1), 0);
    outbox.tick(0);
    assert_eq!(outbox.answered(id, Ok(Reply::Refused(Refusal::OverBudget)), 10), None);
    assert_eq!(outbox.tick(259), Due::default());
    assert_eq!(ids(&outbox.tick(260)), [id]);
}

#[test]
fn messages_about_one_shard_keep_their_order_and_others_do_not_wait_for_them() {
    let mut outbox = Outbox::new(OutboxConfig::default());
    let to = PeerId::random();
    let first = send(&mut outbox, to, running(job("b"), 0, 1), 0);
    let second = send(&mut outbox, to, running(job("b"), 0, 2), 0);
    let other_shard = send(&mut outbox, to, running(job("b"), 1, 1), 0);
    let whole_job = send(&mut outbox, to, bid(job("b")), 0);
    let other_job = send(&mut outbox, to, running(job("c"), 0, 1), 0);
    assert_eq!(ids(&outbox.tick(0)), [first, other_shard, whole_job, other_job]);
    outbox.answered(first, lost(), 0);
    for id in [other_shard, whole_job, other_job] {
        outbox.answered(id, Ok(Reply::Taken), 0);
    }
    assert_eq!(ids(&outbox.tick(0)), [first], "a node that has answered is tried again at once");
    outbox.answered(first, Ok(Reply::Taken), 1);
    assert_eq!(ids(&outbox.tick(1)), [second]);
}

#[test]
fn a_silent_node_costs_its_queue_and_one_try_at_a_time() {
    let config = OutboxConfig { per_peer: 40, on_their_way: 4, ..OutboxConfig::default() };
    let mut outbox = Outbox::new(config);
    let (silent, other) = (PeerId::random(), PeerId::random());
    for shard in 0..40 {
        send(&mut outbox, silent, running(job("b"), shard, 1), 0);
    }
    let refused = outbox.send(silent, Vec::new(), running(job("b"), 40, 1), 0).unwrap_err();
    assert!(refused.why.contains("40 messages wait"), "{}", refused.why);
    let mut tries = 0;
    let first = outbox.tick(0);
    assert_eq!(first.transmit.len(), 4, "no more at once to a node of which nothing is known");
    let mut on_their_way = ids(&first);
    let mut given_up = 0;
    while !outbox.is_empty() {
        let now = outbox.deadline().unwrap();
        for id in std::mem::take(&mut on_their_way) {
            outbox.answered(id, lost(), now);
        }
        let due = outbox.tick(now);
        assert!(due.transmit.len() <= 1);
        tries += due.transmit.len();
        given_up += due.undelivered.len();
        on_their_way = ids(&due);
    }
    assert_eq!(given_up, 40);
    assert!(tries < 20, "{tries} tries in two minutes");
    let id = send(&mut outbox, other, running(job("b"), 0, 1), 500_000);
    assert_eq!(ids(&outbox.tick(500_000)), [id]);
}

#[test]
fn a_node_that_is_heard_of_is_tried_at_once() {
    let mut outbox = Outbox::new(OutboxConfig::default());
    let to = PeerId::random();
    let id = send(&mut outbox, to, running(job("b"), 0, 1), 0);
    let mut now = 0;
    for _ in 0..8 {
        now = now.max(outbox.deadline().unwrap());
        outbox.tick(now);
        outbox.answered(id, lost(), now);
    }
    assert_eq!(outbox.tick(now + 1), Due::default());
    outbox.heard(&to, now + 2);
    assert_eq!(ids(&outbox.tick(now + 2)), [id]);
}

fn bid(job: JobId) -> Message {
    let versions = Versions { semver: String::new(), protocol: 1, profiles: Vec::new() };
    Message::Bid(Bid { job, shards: vec![0], versions, claim: None, commit: None })
}

mod any_sequence {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Send(usize, u32),
        Answer(usize, u8),
        Heard(usize),
        Wait(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..3_usize, 0..3_u32).prop_map(|(to, shard)| Step::Send(to, shard)),
            (0..8_usize, 0..4_u8).prop_map(|(which, how)| Step::Answer(which, how)),
            (0..3_usize).prop_map(Step::Heard),
            (0..20_000_u64).prop_map(Step::Wait),
        ]
    }

    proptest! {
        /// Whatever happens in whatever order: each message is taken or comes back, once, and none is forgotten.
        #[test]
        fn nothing_is_lost(steps in prop::collection::vec(step(), 1..200)) {
            let mut outbox = Outbox::new(OutboxConfig { per_peer: 10, on_their_way: 2, ..OutboxConfig::default() });
            let peers = [PeerId::random(), PeerId::random(), PeerId::random()];
            let (mut now, mut sent, mut ended) = (0, 0, 0);
            let mut on_their_way: Vec<u64> = Vec::new();
            for step in steps {
                match step {
                    Step::Send(to, shard) => {
                        sent += usize::from(outbox.send(peers[to], Vec::new(), running(job("b"), shard, 1), now).is_ok());
                    }
                    Step::Answer(which, how) if which < on_their_way.len() => {
                        let id = on_their_way.remove(which);
                        let known = outbox.waiting.contains_key(&id);
                        let reply = match how {
                            0 => lost(),
                            1 => Ok(Reply::Refused(Refusal::OverBudget)),
                            2 => Ok(Reply::Refused(Refusal::Unknown)),
                            _ => Ok(Reply::Taken),
                        };
                        let given_back = outbox.answered(id, reply, now).is_some();
                        prop_assert_eq!(given_back, known && how == 2);
                        ended += usize::from(known && how >= 2);
                    }
                    Step::Answer(..) => {}
                    Step::Heard(from) => outbox.heard(&peers[from], now),
                    Step::Wait(ms) => now += ms,
                }
                let due = outbox.tick(now);
                ended += due.undelivered.len();
                on_their_way.extend(ids(&due));
                prop_assert_eq!(outbox.len() + ended, sent);
                prop_assert!(outbox.deadline().is_none_or(|at| at > now), "what is due is done");
                for peer in outbox.peers.values() {
                    prop_assert!(peer.on_their_way <= 2 && peer.waiting <= 10);
                }
            }
            while let Some(at) = outbox.deadline() {
                ended += outbox.tick(at).undelivered.len();
            }
            prop_assert_eq!(ended, sent);
            prop_assert!(outbox.peers.is_empty() && outbox.due.is_empty());
        }
    }
}

#[test]
fn a_last_message_is_kept_for_a_day_and_does_not_hold_up_others() {
    let mut outbox = Outbox::new(OutboxConfig::default());
    let to = PeerId::random();
    let execution = job("b").execution(0, 1);
    let last = send(&mut outbox, to, Message::Collected(Collected { execution }), 0);
    // Behind it in its lane, and ahead of it at its end.
    let other = send(&mut outbox, to, running(job("b"), 0, 2), 0);
    let mut now = 0;
    let mut tries = 0;
    while let Some(at) = outbox.deadline() {
        now = at;
        let due = outbox.tick(now);
        tries += due.transmit.len();
        for transmit in &due.transmit {
            assert_eq!(transmit.id, last, "the other one waits behind it");
            outbox.answered(transmit.id, lost(), now);
        }
        if due.undelivered.iter().any(|it| matches!(it.message, Message::Running(_))) {
            assert_eq!((now, outbox.len()), (120 * SECOND, 1));
        }
    }
    assert_eq!(now, 86_400 * SECOND);
    assert!(tries < 400, "{tries} in a day");
    assert!(other > last && outbox.is_empty());
}
