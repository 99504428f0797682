//! The providers that one lookup found, asked as one, and which of those of earlier lookups are asked first.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::endpoint::Endpoint;
use crate::BlockProvider;
use crate::gateways::Gateways;
use bacalhau_cas::{Cid, Hash};

/// Lookups that are kept.
const MAX_GROUPS: usize = 32;
/// How long providers are believed to have what they were named for. The specification has 5 minutes for answers with providers.
const KEPT: Duration = Duration::from_mins(5);
/// How long an answer without providers is kept. The specification has 15 s.
const KEPT_EMPTY: Duration = Duration::from_secs(15);

/// The providers of one lookup.
#[derive(Debug)]
pub(super) struct Group {
    /// Raced for the first block, and then asked by how fast they were.
    pub(super) sides: Gateways,
    /// Which they are.
    pub(super) endpoints: Vec<Endpoint>,
    /// What each router said.
    pub(super) said: Vec<String>,
    until: Instant,
}

impl Group {
    /// Of `sides`, which are asked for `endpoints`.
    pub(super) fn new(sides: Vec<Arc<dyn BlockProvider>>, endpoints: Vec<Endpoint>, said: Vec<String>) -> Self {
        let kept = if sides.is_empty() { KEPT_EMPTY } else { KEPT };
        Self { sides: Gateways::of(sides), endpoints, said, until: Instant::now() + kept }
    }

    /// Whether it has no provider.
    pub(super) fn is_empty(&self) -> bool {
        self.sides.is_empty()
    }
}

/// Groups of earlier lookups.
#[derive(Debug, Default)]
pub(super) struct Groups {
    /// The newest first.
    kept: VecDeque<(Hash, Arc<Group>)>,
    /// The one that last had a block.
    last: Option<Arc<Group>>,
}

impl Groups {
    /// The group that was found for `cid` itself.
    pub(super) fn of(&mut self, cid: &Cid) -> Option<Arc<Group>> {
        let now = Instant::now();
        self.kept.retain(|(_, group)| now < group.until);
        self.kept.iter().find(|(hash, _)| hash == cid.hash()).map(|(_, group)| Arc::clone(group))
    }

    /// The group that last had a block: blocks of one DAG lie together.
    pub(super) fn last(&self) -> Option<Arc<Group>> {
        let now = Instant::now();
        self.last.clone().filter(|group| now < group.until)
    }

    /// Keeps what was found for `cid`.
    pub(super) fn keep(&mut self, cid: &Cid, group: &Arc<Group>) {
        self.kept.retain(|(hash, _)| hash != cid.hash());
        self.kept.push_front((*cid.hash(), Arc::clone(group)));
        self.kept.truncate(MAX_GROUPS);
    }

    /// It had a block.
    pub(super) fn had(&mut self, group: &Arc<Group>) {
        self.last = Some(Arc::clone(group));
    }

    /// It had not what it was named for.
    pub(super) fn forget(&mut self, group: &Arc<Group>) {
        self.kept.retain(|(_, kept)| !Arc::ptr_eq(kept, group));
        if self.last.as_ref().is_some_and(|last| Arc::ptr_eq(last, group)) {
            self.last = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bacalhau_cas::{Block, Code};

    #[test]
    fn few_lookups_are_kept_and_those_that_fail_are_forgotten() {
        let cid = |number: u32| *Block::of(Code::Raw, number.to_le_bytes().to_vec()).cid();
        let group = || Arc::new(Group::new(Vec::new(), Vec::new(), Vec::new()));
        let mut groups = Groups::default();
        let first = group();
        groups.keep(&cid(0), &first);
        groups.had(&first);
        assert!(groups.of(&cid(0)).is_some() && groups.of(&cid(1)).is_none() && groups.last().is_some());
        groups.forget(&first);
        assert!(groups.of(&cid(0)).is_none() && groups.last().is_none());
        (0..100).for_each(|number| groups.keep(&cid(number), &group()));
        assert_eq!(
            (groups.kept.len(), groups.of(&cid(0)).is_some(), groups.of(&cid(99)).is_some()),
            (MAX_GROUPS, false, true)
        );
    }

    #[test]
    fn what_is_old_is_not_believed() {
        let cid = *Block::of(Code::Raw, "x").cid();
        let old = Arc::new(Group { until: Instant::now(), ..Group::new(Vec::new(), Vec::new(), Vec::new()) });
        let mut groups = Groups::default();
        groups.keep(&cid, &old);
        groups.had(&old);
        assert!(groups.of(&cid).is_none() && groups.last().is_none());
    }
}
