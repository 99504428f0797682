//! `poll_oneoff`: files are ready at once, the earliest clock wins, events come in the order of the subscriptions,
//! and waiting takes no time but that of the virtual clock.
use guests::{LOOK, NOBODY, ROOT, SECOND, granted, now, open, put, refused};
use wasi::{
    CLOCKID_MONOTONIC, CLOCKID_REALTIME, Clockid, ERRNO_BADF, ERRNO_INVAL, ERRNO_SUCCESS, EVENTTYPE_CLOCK,
    EVENTTYPE_FD_READ, EVENTTYPE_FD_WRITE, Event, Subscription, SubscriptionClock, SubscriptionFdReadwrite,
    SubscriptionU, SubscriptionUU,
};

fn clock(userdata: u64, id: Clockid, timeout: u64, flags: u16) -> Subscription {
    let clock = SubscriptionClock { id, timeout, precision: 0, flags };
    Subscription { userdata, u: SubscriptionU { tag: EVENTTYPE_CLOCK.raw(), u: SubscriptionUU { clock } } }
}

fn ready(userdata: u64, fd: u32, tag: wasi::Eventtype) -> Subscription {
    let fd_read = SubscriptionFdReadwrite { file_descriptor: fd };
    Subscription { userdata, u: SubscriptionU { tag: tag.raw(), u: SubscriptionUU { fd_read } } }
}

fn poll(subscriptions: &[Subscription]) -> Result<Vec<Event>, wasi::Errno> {
    let mut events = Vec::with_capacity(subscriptions.len());
    unsafe {
        let count = wasi::poll_oneoff(subscriptions.as_ptr(), events.as_mut_ptr(), subscriptions.len())?;
        events.set_len(count);
    }
    Ok(events)
}

fn who(events: &[Event]) -> Vec<u64> {
    events.iter().map(|event| event.userdata).collect()
}

fn main() {
    const ABSOLUTE: u16 = wasi::SUBCLOCKFLAGS_SUBSCRIPTION_CLOCK_ABSTIME;
    put("f", b"12345");
    let fd = granted(open("f", 0));
    assert_eq!(refused(poll(&[])), ERRNO_INVAL);

    // One clock, relative: the time jumps by exactly that.
    let start = now();
    let events = granted(poll(&[clock(1, CLOCKID_MONOTONIC, 3600 * SECOND, 0)]));
    assert_eq!((who(&events), events[0].error, events[0].type_), (vec![1], ERRNO_SUCCESS, EVENTTYPE_CLOCK));
    let after = now();
    assert_eq!(after - start, 3600 * SECOND + LOOK);

    // The earliest of several; two that come at the same moment come together, in the order of asking.
    let second = |id, seconds| clock(id, CLOCKID_MONOTONIC, seconds * SECOND, 0);
    assert_eq!(who(&granted(poll(&[second(1, 9), second(2, 5), second(3, 7)]))), [2]);
    assert_eq!(now() - after, 5 * SECOND + LOOK);
    let realtime = clock(4, CLOCKID_REALTIME, 5 * SECOND, 0);
    assert_eq!(who(&granted(poll(&[second(1, 5), second(2, 9), second(3, 5), realtime]))), [1, 3, 4]);

    // Absolute: in the future, and already past (no time goes by).
    let here = now();
    let events = granted(poll(&[clock(1, CLOCKID_REALTIME, here + 60 * SECOND, ABSOLUTE)]));
    assert_eq!(who(&events), [1]);
    let there = now();
    assert!((60 * SECOND..=60 * SECOND + LOOK).contains(&(there - here)), "{}", there - here);
    assert_eq!(who(&granted(poll(&[clock(1, CLOCKID_REALTIME, here, ABSOLUTE), second(2, 1)]))), [1]);
    assert_eq!(now(), there + LOOK);
    assert_eq!(who(&granted(poll(&[second(1, 0)]))), [1]);

    // A file is ready before any clock that still runs; the clock does not move.
    let here = now();
    let events = granted(poll(&[second(1, 5), ready(2, fd, EVENTTYPE_FD_READ), ready(3, fd, EVENTTYPE_FD_WRITE)]));
    assert_eq!(who(&events), [2, 3]);
    assert_eq!((events[0].type_, events[1].type_), (EVENTTYPE_FD_READ, EVENTTYPE_FD_WRITE));
    assert_eq!(events[0].fd_readwrite.nbytes, 5);
    assert_eq!(now() - here, LOOK);
    // Standard input is at its end, standard output can be written: both ready.
    let events = granted(poll(&[ready(1, 0, EVENTTYPE_FD_READ), ready(2, 1, EVENTTYPE_FD_WRITE)]));
    assert_eq!(who(&events), [1, 2]);
    // What is wrong with one subscription is told in its event.
    let events = granted(poll(&[ready(1, NOBODY, EVENTTYPE_FD_READ), ready(2, fd, EVENTTYPE_FD_READ)]));
    assert_eq!((who(&events), events[0].error, events[1].error), (vec![1, 2], ERRNO_BADF, ERRNO_SUCCESS));
    let events = granted(poll(&[ready(1, ROOT, EVENTTYPE_FD_READ)]));
    assert_eq!(events.len(), 1);

    // An unknown kind, an unknown clock, more subscriptions than memory holds.
    let mut odd = second(1, 0);
    odd.u.tag = 9;
    assert_eq!(refused(poll(&[odd])), ERRNO_INVAL);
    let mut odd = second(1, 0);
    odd.u.u.clock.id = unsafe { std::mem::transmute::<u32, Clockid>(77) };
    assert_eq!(refused(poll(&[odd])), ERRNO_INVAL);
    let mut event = std::mem::MaybeUninit::<Event>::uninit();
    let many = unsafe { wasi::poll_oneoff(&second(1, 0), event.as_mut_ptr(), usize::MAX / 48) };
    assert_eq!(refused(many), wasi::ERRNO_FAULT);
}
