//! Two networks with a link between them that is cut while programs run: the requester here, the providers in a network
//! namespace of their own. Where such cannot be made, the test says so and what it skips.

use bacalhau_job::{Event, EventKind, JobState};

use crate::space::{Space, ip};
use bacalhau_testkit::{Lab, Node, guests, watch::Watch};

/// The other network.
struct Far {
    space: Space,
    link: String,
    here: String,
    there: String,
}

impl Far {
    /// Makes one with a link to ours; or says why that cannot be.
    fn new(number: u8) -> Result<Self, String> {
        let pid = std::process::id();
        let link = format!("bac{number}-{pid}");
        // Addresses for tests of networks, by RFC 2544; as many links as there may be processes of tests at once.
        let subnet = format!("198.18.{}", (pid % 64) * 4 + u32::from(number));
        let far = Self {
            space: Space::new(&format!("far{number}"))?,
            link,
            here: format!("{subnet}.1"),
            there: format!("{subnet}.2"),
        };
        let link = &far.link;
        ip(&format!("link add {link} type veth peer name far netns {}", far.space.name))?;
        ip(&format!("addr add {}/30 dev {link}", far.here))?;
        ip(&format!("link set {link} up"))?;
        far.space.ip(&format!("addr add {}/30 dev far", far.there))?;
        far.space.ip("link set far up")?;
        Ok(far)
    }

    fn set_link(&self, state: &str) {
        ip(&format!("link set {} {state}", self.link)).unwrap();
    }

    /// A provider over there.
    fn provider(&self, lab: &Lab, name: &str, requester: &Node, times: &str) -> Node {
        let line = format!("serve --host {} --swarm-port 0 --api-port 0 --peer {} {times}", self.there, requester.peer);
        self.space.node(lab, name, &line)
    }
}

/// A requester here, two providers there, and a job whose programs run. Nodes that are silent for longer than `silence` are given up.
fn running(number: u8, ticks: u32, silence: &str) -> Option<(Lab, Far, Node, [Node; 2], String)> {
    let far = Far::new(number)
        .inspect_err(|why| {
            eprintln!("skipped: jobs across a partition of the network: {why}; it needs root and iproute2");
        })
        .ok()?;
    let lab = Lab::new();
    lab.write("program.wat", guests::ticks(ticks));
    let times = format!("--bidding-time 20s --silence-time {silence}");
    let line =
        format!("serve --host {} --swarm-port 0 --api-port 0 --data-dir requester --compute=false {times}", far.here);
    let requester = lab.node("requester", &line);
    let providers = ["p", "q"].map(|name| far.provider(&lab, name, &requester, &times));
    let job = lab.submit(&requester, "program.wat -c 2 --min-bids 2 --distinct none");
    Watch::begin(&requester, &job).until_all(EventKind::Running, 2);
    Some((lab, far, requester, providers, job))
}

#[test]
fn what_ran_behind_a_short_partition_counts() {
    let Some((_lab, far, requester, _providers, job)) = running(0, 6, "60s") else { return };
    let mut watch = Watch::begin(&requester, &job);
    far.set_link("down");
    // The requester says so because it hears nothing.
    watch.until("that it stalls", |event| event.kind == EventKind::Stalled);
    far.set_link("up");
    let ended = watch.end(&requester);
    ended.assert_state(JobState::Completed);
    assert!(ended.record.shards[0].verdict.is_some());
}

#[test]
fn who_is_behind_a_long_partition_is_given_up_with_the_reason() {
    let Some((_lab, far, requester, _providers, job)) = running(1, 6, "6s") else { return };
    let mut watch = Watch::begin(&requester, &job);
    far.set_link("down");
    let silent = |event: &Event| event.kind == EventKind::Failed;
    let failed = watch.until("that one is given up", silent);
    assert_eq!(failed.text, "silent for 6 s");
    far.set_link("up");
    let ended = watch.end(&requester);
    let shard = &ended.record.shards[0];
    match ended.record.state {
        // One was heard of again before it was given up as well.
        JobState::Completed => assert!(shard.verdict.is_some()),
        JobState::Failed => assert!(shard.why.is_some(), "{:?}", ended.texts()),
        other => panic!("{other}: {:?}", ended.texts()),
    }
}
