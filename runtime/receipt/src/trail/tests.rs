//! Trails made by hand.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::calls::number;

/// A trail of calls, which are told apart by the argument.
fn made(calls: impl IntoIterator<Item = u64>) -> CallTrail {
    let mut trail = CallTrail::default();
    for arg in calls {
        trail.add(number("fd_tell"), &[arg], Some(0), 1000, 0);
    }
    trail
}

#[test]
fn what_does_not_add_up_is_no_trail() {
    let trail = made(0..5);
    let wrong = [
        CallTrail { stride: 0, ..trail.clone() },
        CallTrail { stride: 3, ..trail.clone() },
        CallTrail { stride: 2, ..trail.clone() },
        CallTrail { count: 6, ..trail.clone() },
        CallTrail { last: 1, ..trail.clone() },
        CallTrail { count: u64::MAX, kept: vec![(0, 0); MOST_KEPT + 1], ..trail.clone() },
        CallTrail { count: 1, kept: vec![(7, u8::try_from(FUNCTIONS.len()).unwrap())], last: 7, ..trail.clone() },
        CallTrail { last: 1, ..CallTrail::default() },
    ];
    for wrong in wrong {
        let bytes = serde_ipld_dagcbor::to_vec(&wrong).unwrap();
        assert!(serde_ipld_dagcbor::from_slice::<CallTrail>(&bytes).is_err(), "{wrong:?}");
    }
    let json = serde_json::to_string(&trail).unwrap();
    assert!(serde_json::from_str::<CallTrail>(&json.replace("\"count\"", "\"more\":1,\"count\"")).is_err());
}

#[test]
fn a_call_costs_next_to_nothing() {
    const CALLS: u64 = 1_000_000;
    #[expect(clippy::disallowed_methods, reason = "the test measures")]
    let begun = std::time::Instant::now();
    let trail = made(0..CALLS);
    let each = begun.elapsed() / u32::try_from(CALLS).unwrap();
    assert_eq!(trail.count, CALLS);
    // Some 10 ns; a digest of any security, or memory for each call, would be far above the bound on the slowest machine.
    assert!(each < Duration::from_micros(1), "{each:?} for a call");
}

proptest! {
    /// However long the runs are, and wherever they part: the answer holds the place, and is exact as long as nothing
    /// had to be forgotten.
    #[test]
    fn the_place_is_within_the_answer(same in 0_u64..20_000, here in 0_u64..9_000, there in 0_u64..9_000) {
        let ours = made((0..same).chain((0..here).map(|n| 1 << 40 | n)));
        let theirs = made((0..same).chain((0..there).map(|n| 1 << 41 | n)));
        let Some(parted) = ours.parted(&theirs) else {
            prop_assert_eq!((here, there), (0, 0));
            return Ok(());
        };
        prop_assert!(here + there > 0);
        prop_assert!(parted.same <= same && same < parted.by, "{parted:?}");
        let stride = ours.stride.max(theirs.stride);
        prop_assert!(parted.by - parted.same <= stride, "{parted:?}");
        prop_assert_eq!(theirs.parted(&ours).map(|parted| (parted.same, parted.by)), Some((parted.same, parted.by)));
    }

    #[test]
    fn trails_are_read_as_they_are_written(calls in 0_u64..10_000) {
        let trail = made(0..calls);
        prop_assert_eq!(trail.kept.len() as u64, trail.count / trail.stride);
        let bytes = serde_ipld_dagcbor::to_vec(&trail).unwrap();
        prop_assert_eq!(&serde_ipld_dagcbor::from_slice::<CallTrail>(&bytes).unwrap(), &trail);
        prop_assert_eq!(serde_json::from_str::<CallTrail>(&serde_json::to_string(&trail).unwrap()).unwrap(), trail);
    }

    #[test]
    fn trails_made_by_anybody_can_be_compared(count: u64, stride: u64, kept: Vec<(u64, u8)>, last: u64, calls in 0_u64..50) {
        let trail = CallTrail { count, stride: stride.max(1 << 50), kept, last };
        let _ = trail.parted(&made(0..calls)).map(|parted| parted.to_string());
        let _ = made(0..calls).parted(&trail).map(|parted| parted.to_string());
    }
}
