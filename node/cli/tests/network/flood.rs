//! A peer that floods the network, and an honest job beside it.

use bacalhau_job::JobState;
use bacalhau_network::Transport;
use bacalhau_p2p::{Allowance, Budgets};
use bacalhau_requester::RequesterConfig;
use bacalhau_values::budget::Rate;

use bacalhau_testkit::{
    cluster::{Ask, Net, SAID},
    until,
};

#[test]
fn who_floods_is_blocked_for_a_while_and_honest_jobs_complete_beside_it() {
    // What a flood takes is a matter of scale: with the defaults it would have to last.
    let peer = Allowance {
        messages: Rate { per_second: 100, burst: 500 },
        jobs: Rate { per_second: 5, burst: 20 },
        ..Budgets::default().peer
    };
    let budgets = Budgets { peer, strikes: Rate { per_second: 1, burst: 50 }, ..Budgets::default() };
    let net = Net::with("honest honest honest flooder", RequesterConfig::default(), &budgets);
    let during = net.run(&Ask::of(3, 3));
    assert_eq!(during.state, JobState::Completed, "{during:#?}");
    let requester = &net.networks()[0];
    until("it is blocked", || requester.counters().blocked > 0);
    let flooder = net.peer(3);
    until("it is not spoken to", || requester.peers().iter().all(|info| info.peer != flooder));
    assert!(requester.counters().ignored >= 50, "{:?}", requester.counters());
    let after = net.run(&Ask::of(3, 3));
    assert_eq!(after.state, JobState::Completed, "{after:#?}");
    for (job, record) in [("during", &during), ("after", &after)] {
        assert_eq!(net.result(record), SAID, "{job}");
        assert_eq!(record.shards[0].executions.len(), 3, "{job}: {record:#?}");
    }
    assert!(requester.peers().iter().all(|info| info.peer != flooder), "it was let in again");
}
