//! Two networks with a link between them that is cut while programs run: the requester here, the providers in a network
//! namespace of their own. Where such cannot be made, the test says so and what it skips.

use std::process::Command;

use bacalhau::job::{Event, EventKind, JobState};

use crate::guests;
use crate::support::{Lab, Node, finish};
use crate::watch::Watch;

/// The other network, until it is dropped.
struct Namespace {
    name: String,
    link: String,
    here: String,
    there: String,
}

impl Namespace {
    /// Makes one with a link to ours; or says why that cannot be.
    fn new(number: u8) -> Result<Self, String> {
        let pid = std::process::id();
        let (name, link) = (format!("bac{pid}-{number}"), format!("bac{number}-{pid}"));
        // Addresses for tests of networks, by RFC 2544; as many links as there may be processes of tests at once.
        let subnet = format!("198.18.{}", (pid % 64) * 4 + u32::from(number));
        let space = Self { name, link, here: format!("{subnet}.1"), there: format!("{subnet}.2") };
        let (name, link) = (&space.name, &space.link);
        ip(&format!("netns add {name}"))?;
        ip(&format!("link add {link} type veth peer name far netns {name}"))?;
        ip(&format!("addr add {}/30 dev {link}", space.here))?;
        ip(&format!("link set {link} up"))?;
        ip(&format!("-n {name} addr add {}/30 dev far", space.there))?;
        ip(&format!("-n {name} link set far up"))?;
        ip(&format!("-n {name} link set lo up"))?;
        Ok(space)
    }

    fn set_link(&self, state: &str) {
        ip(&format!("link set {} {state}", self.link)).unwrap();
    }

    /// A provider over there.
    fn provider(&self, lab: &Lab, name: &str, requester: &Node) -> Node {
        let line = format!(
            "serve --host {} --swarm-port 0 --api-port 0 --data-dir {name} --peer {} {TIMES} --output json",
            self.there, requester.peer
        );
        let inner = lab.command_of("unused", &line);
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(inner.get_program()).args(inner.get_args());
        let envs = inner.get_envs().filter_map(|(name, value)| Some((name, value?)));
        command.current_dir(lab.path(".")).envs(envs);
        Node::start(command, line, lab.path(&format!("{name}.log")))
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // The link goes with it.
        let _ = ip(&format!("netns del {}", self.name));
    }
}

const TIMES: &str = "--bidding-time 20s --silence-time 6s";

fn ip(line: &str) -> Result<(), String> {
    let mut command = Command::new("ip");
    command.args(line.split_whitespace());
    if let Err(error) = Command::new("ip").arg("-V").output() {
        return Err(format!("there is no ip ({error})"));
    }
    let end = finish(command, line);
    if end.code == 0 { Ok(()) } else { Err(format!("ip {line}: {}", end.stderr.trim())) }
}

/// A requester here, two providers there, and a job whose programs run.
fn running(number: u8, ticks: u32) -> Option<(Lab, Namespace, Node, [Node; 2], String)> {
    let space = Namespace::new(number)
        .inspect_err(|why| {
            eprintln!("skipped: jobs across a partition of the network: {why}; it needs root and iproute2");
        })
        .ok()?;
    let lab = Lab::new();
    lab.write("program.wat", guests::ticks(ticks));
    let line =
        format!("serve --host {} --swarm-port 0 --api-port 0 --data-dir requester --compute=false {TIMES}", space.here);
    let requester = lab.node("requester", &line);
    let providers = ["p", "q"].map(|name| space.provider(&lab, name, &requester));
    let job = lab.submit(&requester, "program.wat -c 2 --min-bids 2");
    Watch::begin(&requester, &job).until_all(EventKind::Running, 2);
    Some((lab, space, requester, providers, job))
}

#[test]
fn what_ran_behind_a_short_partition_counts() {
    let Some((_lab, space, requester, _providers, job)) = running(0, 6) else { return };
    let mut watch = Watch::begin(&requester, &job);
    space.set_link("down");
    // The requester says so because it hears nothing.
    watch.until("that it stalls", |event| event.kind == EventKind::Stalled);
    space.set_link("up");
    let ended = watch.end(&requester);
    ended.assert_state(JobState::Completed);
    assert!(ended.record.shards[0].verdict.is_some());
}

#[test]
fn who_is_behind_a_long_partition_is_given_up_with_the_reason() {
    let Some((_lab, space, requester, _providers, job)) = running(1, 6) else { return };
    let mut watch = Watch::begin(&requester, &job);
    space.set_link("down");
    let silent = |event: &Event| event.kind == EventKind::Failed;
    let failed = watch.until("that one is given up", silent);
    assert_eq!(failed.text, "silent for 6 s");
    space.set_link("up");
    let ended = watch.end(&requester);
    let shard = &ended.record.shards[0];
    match ended.record.state {
        // One was heard of again before it was given up as well.
        JobState::Completed => assert!(shard.verdict.is_some()),
        JobState::Failed => assert!(shard.why.is_some(), "{:?}", ended.texts()),
        other => panic!("{other}: {:?}", ended.texts()),
    }
}
