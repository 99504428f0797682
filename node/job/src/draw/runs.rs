//! Shards of a job, as runs of consecutive numbers.

use bacalhau_receipt::bounded;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Runs of one set of shards, at most.
pub const MAX_RUNS: usize = 64;

/// A set of shards: first and last number of each run, ascending, as few runs as possible.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "Runs", into = "Runs")]
#[schema(value_type = Vec<Vec<u32>>)]
pub struct ShardRuns(Vec<(u32, u32)>);

#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Runs(#[serde(deserialize_with = "bounded::list::<_, _, MAX_RUNS>")] Vec<(u32, u32)>);

impl ShardRuns {
    /// The ascending `shards` up to [`MAX_RUNS`] runs; further ones are omitted.
    pub fn of(shards: impl IntoIterator<Item = u32>) -> Self {
        let mut runs: Vec<(u32, u32)> = Vec::new();
        for shard in shards {
            let count = runs.len();
            match runs.last_mut() {
                Some((_, last)) if last.checked_add(1) == Some(shard) => *last = shard,
                _ if count == MAX_RUNS => break,
                _ => runs.push((shard, shard)),
            }
        }
        Self(runs)
    }

    /// Whether the shard is one of them.
    pub fn contains(&self, shard: u32) -> bool {
        self.0.iter().any(|(first, last)| (*first..=*last).contains(&shard))
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl TryFrom<Runs> for ShardRuns {
    type Error = &'static str;

    fn try_from(Runs(runs): Runs) -> Result<Self, Self::Error> {
        let apart = |pair: &[(u32, u32)]| pair[0].1.checked_add(1).is_some_and(|next| next < pair[1].0);
        if runs.iter().all(|(first, last)| first <= last) && runs.windows(2).all(apart) {
            Ok(Self(runs))
        } else {
            Err("runs of shards must ascend, with gaps between them")
        }
    }
}

impl From<ShardRuns> for Runs {
    fn from(runs: ShardRuns) -> Self {
        Self(runs.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn runs_hold_what_they_were_made_of(shards in proptest::collection::btree_set(0_u32..90, 0..40)) {
            let runs = ShardRuns::of(shards.iter().copied());
            prop_assert!((0..100).all(|shard| runs.contains(shard) == shards.contains(&shard)));
            let text = serde_json::to_string(&runs).unwrap();
            prop_assert_eq!(serde_json::from_str::<ShardRuns>(&text).unwrap(), runs);
        }
    }

    #[test]
    fn there_are_so_many_runs_at_most_and_one_way_to_write_them() {
        let runs = ShardRuns::of((0..1000).map(|number| 2 * number));
        assert!(runs.contains(126) && !runs.contains(128));
        let many: Vec<(u32, u32)> = (0..65).map(|number| (2 * number, 2 * number)).collect();
        let read = |text: &str| serde_json::from_str::<ShardRuns>(text).unwrap_err().to_string();
        let error = read(&serde_json::to_string(&many).unwrap());
        assert!(error.contains("64"), "{error}");
        for wrong in ["[[1,0]]", "[[0,1],[2,3]]", "[[5,6],[1,2]]", "[[0,3],[2,5]]", "[[0,4294967295],[0,1]]"] {
            assert!(read(wrong).contains("must ascend"), "{wrong}");
        }
        assert_eq!(
            serde_json::to_string(&ShardRuns::of([3, 4, 5, u32::MAX])).unwrap(),
            "[[3,5],[4294967295,4294967295]]"
        );
    }
}
