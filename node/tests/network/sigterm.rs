//! A node that is told to stop finishes what it has promised, takes nothing new, and ends with success.

use bacalhau::job::{EventKind, JobState};
use rustix::process::Signal;

use crate::guests;
use crate::support::{Lab, until};
use crate::watch::Watch;

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
    until("the node says that it stops", || provider.log().contains("told to stop"));

    let refused = lab.run_of("client", &format!("wasm run hello.wat --id-only --api-host {}", provider.api));
    assert_eq!(refused.code, 4, "{}", refused.stderr);
    assert!(refused.stderr.contains("this node is shutting down and takes no more jobs"), "{}", refused.stderr);
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
