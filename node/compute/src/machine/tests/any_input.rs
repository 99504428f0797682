//! Whatever is said in whatever order: capacity is never below zero nor above the total, no shard runs twice, and when
//! time has passed nothing is left.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::Task;

/// One thing that happens: which, to which job, shard and execution, how much later.
type Happening = (u8, usize, u32, u16, u64);

fn input(happening: &Happening, jobs: &[Arc<AnnouncedJob>], stranger: PeerId) -> Input {
    let (kind, job, shard, number, _) = *happening;
    let job = &jobs[job];
    let (requester, execution) = (job.requester.peer, job.id.execution(shard, number));
    let cancel = |shard| says(requester, Message::Cancel(Cancel { job: job.id, shard, why: String::new() }));
    match kind {
        0 | 1 => announced(job),
        2 | 3 => assessed(job, NEED / (1 + u64::from(number))),
        4 => Input::Assessed { job: job.id, result: Err(Declined::new(DeclineReason::Policy, "no")) },
        5..=8 => accept(job, shard, number),
        9 => says(requester, Message::Reject(Reject { job: job.id, shards: vec![shard, 0] })),
        10 => cancel(None),
        11 => cancel(Some(shard)),
        12..=14 => ran(execution),
        15 => Input::Ran { execution, result: Err((FailureKind::Host, "disk".into())) },
        16 => says(requester, verdict(execution, true, true)),
        17 => says(requester, verdict(execution, number == 1, false)),
        18 => Input::Published { execution, result: Ok((Delivery::Directory("/r".into()), Vec::new())) },
        19 => says(requester, Message::Collected(Collected { execution })),
        20 => Input::Undelivered {
            to: requester,
            message: Message::Bid(Bid {
                job: job.id,
                shards: vec![shard],
                versions: versions(),
                claim: None,
                commit: None,
            }),
            refusal: None,
        },
        21 => says(stranger, Message::Accept(Accept::new(execution, 60_000))),
        22 if number == 3 => Input::Drain,
        _ => Input::Tick,
    }
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    prop::collection::vec((0_u8..24, 0_usize..3, 0_u32..4, 1_u16..4, 0_u64..8_000), 1..120)
}

proptest! {
    #[test]
    fn capacity_comes_back_whatever_happens(happenings in happenings(), crash in 0_usize..120) {
        let stranger = peer();
        let jobs = [job(peer(), 1), job(peer(), 3), job(peer(), 4)];
        let mut provider = provider();
        let mut runs: BTreeMap<(JobId, u32), u16> = BTreeMap::new();
        let mut disk: BTreeMap<JobId, Vec<u8>> = BTreeMap::new();
        let mut beating: BTreeSet<ExecutionId> = BTreeSet::new();
        let mut now = 0;
        for (index, happening) in happenings.iter().enumerate() {
            now += happening.4;
            let mut effects = provider.handle(now, input(happening, &jobs, stranger));
            if index == crash {
                // What was on disk before the last effects, and nothing of the memory.
                let mut next = Compute::new(provider.me, versions(), config(), Arc::new(Open::default()));
                save(&mut provider, &mut disk);
                effects.extend(next.restore(now, disk.values().cloned().collect()).unwrap());
                provider = next;
                beating.clear();
            }
            save(&mut provider, &mut disk);
            for effect in effects {
                beats(&mut beating, &effect);
                if let Effect::Task(Task::Run { execution, .. }) = effect {
                    let number = *runs.entry((execution.job, execution.shard)).or_insert(execution.number);
                    // Only a crash forgets which jobs are over.
                    prop_assert!(number == execution.number || index >= crash, "{execution} after {number}");
                }
            }
            let reserved = provider.ledger.reserved();
            let total = config().total;
            prop_assert!(reserved.cpu_millis <= total.cpu_millis && reserved.disk_bytes <= total.disk_bytes);
        }
        // Runs end, and time passes.
        for job in &jobs {
            for (shard, number) in (0..4).flat_map(|shard| (1..4).map(move |number| (shard, number))) {
                let effects = provider.handle(now, ran(job.id.execution(shard, number)));
                for effect in &effects {
                    beats(&mut beating, effect);
                }
            }
        }
        provider.handle(now + 10_000_000, Input::Tick);
        save(&mut provider, &mut disk);
        prop_assert_eq!(provider.ledger.reserved(), amount(0));
        prop_assert!(provider.jobs.is_empty() && is_idle(&provider) && disk.is_empty());
        prop_assert_eq!(provider.deadline(), None);
        prop_assert!(beating.is_empty(), "{beating:?}");
    }
}

fn beats(beating: &mut BTreeSet<ExecutionId>, effect: &Effect) {
    match effect {
        Effect::StartHeartbeat { execution, .. } => drop(beating.insert(*execution)),
        Effect::StopHeartbeat(execution) => drop(beating.remove(execution)),
        _ => {}
    }
}

fn save(provider: &mut Compute, disk: &mut BTreeMap<JobId, Vec<u8>>) {
    for job in provider.take_changes() {
        match provider.record(&job) {
            Some(record) => drop(disk.insert(job, record)),
            None => drop(disk.remove(&job)),
        }
    }
}
