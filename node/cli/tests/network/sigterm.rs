//! A node that is told to stop finishes what it has promised, takes nothing new, and ends with success.

use bacalhau_job::{EventKind, JobState};
use rustix::process::Signal;

use bacalhau_testkit::{Lab, Node, guests, until, watch::Watch};

#[test]
fn sigterm_drains() {
    let lab = Lab::new();
    lab.write("program.wat", guests::ticks(6));
    let requester = lab.serve("requester", "--compute=false");
    let mut provider = lab.serve("provider", &format!("--peer {}", requester.peer));
    let job = lab.submit(&requester, "program.wat -c 1 --min-bids 1");
    let mut watch = Watch::begin(&requester, &job);
    watch.until("a program that runs", |event| event.kind == EventKind::Running);
    provider.signal(Signal::TERM);
    until("the node says that it stops", || provider.log().contains("stopping: waiting for running executions"));

    let refused = lab.run_of("client", &format!("wasm run hello.wat --id-only --api-host {}", provider.api));
    assert_eq!(refused.code, 4, "{}", refused.stderr);
    assert!(refused.stderr.contains("this node is shutting down and does not accept jobs"), "{}", refused.stderr);
    assert!(refused.stdout.is_empty(), "{}", refused.stdout);

    let ended = watch.end(&requester);
    ended.assert_state(JobState::Completed);
    assert_eq!(ended.record.shards[0].executions.len(), 1, "by the node that was told to stop: {:?}", ended.texts());
    assert_eq!(provider.code(), 0, "{}", provider.log());

    // And a node that has nothing to do ends at once.
    let mut idle = requester;
    idle.signal(Signal::TERM);
    assert_eq!(idle.code(), 0, "{}", idle.log());
}

#[test]
fn a_provider_whose_requester_is_gone_does_not_wait_for_it() {
    let lab = Lab::new();
    lab.write("program.wat", guests::ticks(3));
    let mut requester = lab.serve("requester", "--compute=false");
    let flags = format!("--peer {}", requester.peer);
    let mut providers = [lab.serve("one", &flags), lab.serve("other", &flags)];
    let job = lab.submit(&requester, "program.wat -c 2 --min-bids 2");
    let mut watch = Watch::begin(&requester, &job);
    watch.until_all(EventKind::Running, 2);
    // The verdict waits for both.
    providers[1].signal(Signal::STOP);
    watch.until("a proposal", |event| event.kind == EventKind::Proposed);
    requester.kill();
    providers[0].signal(Signal::TERM);
    assert_eq!(providers[0].code(), 0, "{}", providers[0].log());
    providers[1].signal(Signal::CONT);
}

#[test]
fn what_a_requester_had_to_say_of_an_ended_job_survives_its_restart() {
    let lab = Lab::new();
    lab.write("program.wat", guests::ticks(400));
    let mut requester = lab.serve("requester", "--compute=false");
    let provider = lab.serve("provider", &format!("--peer {}", requester.peer));
    let job = lab.submit(&requester, "program.wat -c 1 --min-bids 1");
    Watch::begin(&requester, &job).until("a program that runs", |event| event.kind == EventKind::Running);
    provider.signal(Signal::STOP);
    lab.expect(0, &format!("cancel {job} --api-host {}", requester.api));
    requester.kill();
    requester.again(&lab);
    provider.signal(Signal::CONT);
    until("the provider hears that nobody needs it", || {
        let facts = provider.client().node().unwrap();
        facts.free == facts.total && std::fs::read_dir(lab.path("provider/executions")).unwrap().next().is_none()
    });
}

/// A node that runs something for minutes is told to stop, and told again.
fn is_told_twice(lab: &Lab, node: &mut Node) {
    lab.write("program.wat", guests::ticks(1000));
    let job = lab.submit(node, "program.wat -c 1 --min-bids 1");
    Watch::begin(node, &job).until("a program that runs", |event| event.kind == EventKind::Running);
    node.signal(Signal::TERM);
    until("it is not ready any more", || {
        ureq::get(format!("{}/readyz", node.api))
            .call()
            .is_err_and(|error| matches!(error, ureq::Error::StatusCode(503)))
    });
    node.signal(Signal::TERM);
    assert_eq!(node.code(), 130, "{}", node.log());
}

#[test]
fn a_second_signal_ends_a_node_at_once() {
    let lab = Lab::new();
    let mut node = lab.serve("node", "");
    is_told_twice(&lab, &mut node);
}

#[test]
fn a_second_signal_ends_a_devstack_at_once_and_leaves_nothing() {
    let lab = Lab::new();
    let line = "devstack --nodes 2 --output json --ipfs-connect none";
    let temporary = lab.path("temporary");
    std::fs::create_dir(&temporary).unwrap();
    let mut command = lab.command_of("unused", line);
    command.env_remove("BACALHAU_DIR").env("TMPDIR", &temporary);
    let mut node = Node::start(command, line.into(), lab.path("stack.log"));
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 1);
    is_told_twice(&lab, &mut node);
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0, "{}", node.log());
}

#[test]
fn executions_are_waited_for_as_long_as_the_configuration_says() {
    let lab = Lab::new();
    lab.write("program.wat", guests::ticks(1000));
    let mut node = lab.serve("node", "--drain-time 500ms");
    let job = lab.submit(&node, "program.wat -c 1 --min-bids 1");
    Watch::begin(&node, &job).until("a program that runs", |event| event.kind == EventKind::Running);
    node.signal(Signal::TERM);
    assert_eq!(node.code(), 4, "{}", node.log());
    let log = node.log();
    assert!(log.contains("executions still running after 500ms: 1.") && log.contains("--drain-time"), "{log}");
}
