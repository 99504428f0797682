//! The table over the real protocol, in one process.

use bacalhau_job::Deal;

use crate::table::TABLE;
use bacalhau_testkit::cluster::{Ask, Net, SAID};

#[test]
fn the_table_of_votes_over_the_protocol() {
    for line in TABLE {
        let roles = ["honest"].repeat(usize::from(line.nodes - line.bad)).into_iter();
        let roles: Vec<&str> = roles.chain(["liar"].repeat(usize::from(line.bad))).collect();
        let net = Net::of(&roles.join(" "));
        let deal = Deal::new(line.nodes, line.confidence).unwrap().with_min_bids(line.nodes);
        let record = net.run(&Ask { deal, shards: 2, ..Ask::of(line.nodes, 0) });
        line.check(&record, 2);
        if line.stands() {
            assert_eq!(net.result(&record), SAID, "{line:?}");
        }
    }
}
