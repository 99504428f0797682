//! What requesters are told where there is no bid.

use super::*;

/// The same job, as a requester announces it that asks every node why it does not bid.
fn asking(job: &Arc<AnnouncedJob>) -> Input {
    Input::Announced { job: Arc::clone(job).into(), versions: versions().asking(bacalhau_protocol::ALL_NODES) }
}

/// What requesters are told once.
fn declined(effects: &[Effect]) -> Vec<&str> {
    let reasons = effects.iter().filter_map(|effect| match effect {
        Effect::SendOnce { message: Message::Decline(decline), .. } => Some(&*decline.reason),
        _ => None,
    });
    reasons.collect()
}

#[test]
fn a_requester_that_asks_is_told_why_there_is_no_bid() {
    let no = |job: &AnnouncedJob| Input::Assessed {
        job: job.id,
        result: Err(Declined::new(DeclineReason::NoInput, "/a/path is not here")),
    };
    let (mut provider, asked) = (provider(), job(peer(), 1));
    provider.handle(0, announced(&asked));
    assert_eq!(provider.handle(1, no(&asked)), [], "a requester that does not ask, or is of an earlier version");
    for told in [1, 1, 0, 0] {
        assert_eq!(declined(&provider.handle(2, asking(&asked))), [""; 0]);
        assert_eq!(declined(&provider.handle(3, no(&asked))).len(), told);
    }
    assert_eq!(provider.take_news().len(), 1, "the log says it once");

    // Full: two run already, and the third waits.
    let jobs = [job(peer(), 1), job(peer(), 1), job(peer(), 1)];
    for job in &jobs {
        provider.handle(4, announced(job));
        provider.handle(5, assessed(job, NEED));
    }
    assert_eq!(declined(&provider.handle(6, asking(&jobs[2]))), ["full"]);
    assert_eq!(declined(&provider.handle(6, asking(&jobs[0]))), [""; 0], "it has bid on that one");
    let large = job(peer(), 1);
    provider.handle(7, asking(&large));
    assert_eq!(declined(&provider.handle(8, assessed(&large, 3 * NEED))), ["too-large"]);
    let space = DiskSpace { full: true, room_bytes: 0 };
    provider.handle(9, Input::Disk(space));
    assert_eq!(declined(&provider.handle(9, asking(&job(peer(), 1)))), ["disk-full"]);
    provider.handle(10, Input::Drain);
    assert_eq!(declined(&provider.handle(11, asking(&job(peer(), 1)))), ["draining"]);
}
