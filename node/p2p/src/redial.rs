//! Schedule of redials to permanent peers, with increasing pauses. Has no network access.

use std::time::{Duration, Instant};

use libp2p::Multiaddr;

/// Before the second try.
const SOON: Duration = Duration::from_millis(250);
/// Between tries at most.
const LATE: Duration = Duration::from_mins(1);

/// Addresses, by their index.
#[derive(Debug)]
pub(super) struct Redial(Vec<Target>);

#[derive(Debug)]
struct Target {
    addr: Multiaddr,
    /// When it is tried; never while it is being tried, or is there.
    at: Option<Instant>,
    failures: u32,
}

impl Redial {
    /// All are tried at once.
    pub(super) fn new(addrs: Vec<Multiaddr>, now: Instant) -> Self {
        Self(addrs.into_iter().map(|addr| Target { addr, at: Some(now), failures: 0 }).collect())
    }

    /// The peers to dial now. Each counts as being dialed until its result is reported.
    pub(super) fn due(&mut self, now: Instant) -> Vec<(usize, Multiaddr)> {
        let due = |target: &mut Target| target.at.take_if(|at| *at <= now).map(|_| target.addr.clone());
        self.0.iter_mut().enumerate().filter_map(|(index, target)| Some((index, due(target)?))).collect()
    }

    /// The peer is connected.
    pub(super) fn up(&mut self, index: usize) {
        if let Some(target) = self.0.get_mut(index) {
            (target.at, target.failures) = (None, 0);
        }
    }

    /// It could not be reached, or is there no longer.
    pub(super) fn down(&mut self, index: usize, now: Instant) {
        if let Some(target) = self.0.get_mut(index) {
            target.at = Some(now + SOON.saturating_mul(1 << target.failures.min(16)).min(LATE));
            target.failures += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_lost_is_tried_less_and_less_often_and_at_once_after_it_was_there() {
        let mut now = Instant::now();
        let addr: Multiaddr = "/ip4/127.0.0.1/tcp/1".parse().unwrap();
        let mut redial = Redial::new(vec![addr.clone()], now);
        let mut waits = Vec::new();
        for _ in 0..12 {
            assert_eq!(redial.due(now), [(0, addr.clone())]);
            assert!(redial.due(now + LATE).is_empty(), "it is being tried");
            redial.down(0, now);
            let wait = (0..1000)
                .map(|ms| Duration::from_millis(ms * 250))
                .find(|wait| redial.0[0].at.is_some_and(|at| at <= now + *wait));
            waits.push(wait.unwrap());
            now += wait.unwrap();
        }
        assert_eq!(waits[..3], [SOON, 2 * SOON, 4 * SOON]);
        assert_eq!(waits[11], LATE);
        assert_eq!(redial.due(now).len(), 1);
        redial.up(0);
        assert!(redial.due(now + LATE).is_empty());
        redial.down(0, now);
        assert_eq!(redial.due(now + SOON).len(), 1);
    }
}
