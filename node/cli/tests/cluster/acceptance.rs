//! Many executions over two workers, of which one is lost.

use std::collections::BTreeSet;

use bacalhau_job::JobState;
use bacalhau_testkit::{Lab, watch::Watch};

use crate::front::{count, hashes, reach, record};
use crate::slurm::Slurm;

const EXECUTIONS: usize = 200;

#[test]
fn two_hundred_executions_complete_with_one_hash_though_a_worker_is_lost_in_the_middle() {
    let Some(mut slurm) = Slurm::start("executions over two workers of Slurm") else { return };
    let lab = Lab::new();
    for number in 0..EXECUTIONS {
        lab.write(&format!("in/{number:03}.txt"), "the same\n");
    }
    let node = slurm.serve(&lab, "front", "--requester-offers 100 --client-offers 100");
    let job = lab.submit(&node, "hello.wat -c 1 --verifier noop -i in:/inputs --sharding-glob-pattern /*.txt");
    reach("executions before the loss", EXECUTIONS as u64 / 4, || count(&node, "reported"));
    slurm.lose("w1");
    reach("executions after the loss", EXECUTIONS as u64, || count(&node, "reported"));
    let ended = Watch::begin(&node, &job).end(&node);
    ended.assert_state(JobState::Completed);
    assert_eq!(ended.record.shards.len(), EXECUTIONS);
    let found = hashes(&record(&node, &job));
    assert_eq!(found.len(), EXECUTIONS, "no execution was repeated by another one");
    let local = Lab::new();
    let alone = local.serve("alone", "");
    let job = local.submit(&alone, "hello.wat -c 1 --verifier noop");
    Watch::begin(&alone, &job).end(&alone).assert_state(JobState::Completed);
    let one: BTreeSet<String> = hashes(&record(&alone, &job)).into_iter().collect();
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), one, "and it is the one of a run without a cluster");
    let log = node.log();
    for worker in ["w1", "w2"] {
        assert!(log.contains(&format!("worker=\"{worker}\"")), "{worker} has run some: {log}");
    }
    assert_eq!((count(&node, "submitted"), count(&node, "lost")), (EXECUTIONS as u64, 0), "{log}");
    assert_eq!(slurm.executions(), 0, "nothing is left in the shared directory");
}
