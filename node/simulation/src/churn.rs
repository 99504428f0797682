//! How nodes come and go, and how the network falls apart and heals.

use super::event::Event;
use super::world::World;
use bacalhau_daemon::{Changes, Schedule};

impl World<'_> {
    /// Plans crashes and network partitions.
    pub(super) fn plan_churn(&mut self) {
        let churn = &self.config.churn;
        for _ in 0..churn.crashes {
            let at = self.rng.below(churn.until_ms);
            let node = self.rng.index(self.nodes.len());
            let until_ms = (at + 1 + self.rng.below(churn.down_ms)).min(churn.until_ms);
            self.agenda.at(at, Event::Crash { node, until_ms: Some(until_ms) });
        }
        for node in self.rng.sample(self.nodes.len(), churn.deaths) {
            let at = self.rng.below(churn.until_ms);
            self.agenda.at(at, Event::Crash { node, until_ms: None });
        }
        for _ in 0..churn.partitions {
            let at = self.rng.below(churn.until_ms.saturating_sub(churn.partition_ms));
            self.agenda.at(at, Event::Part);
            self.agenda.at(at + churn.partition_ms, Event::Heal);
        }
    }

    /// A node ends, and with it all that is not on its disk.
    pub(super) fn crash(&mut self, node: usize, until_ms: Option<u64>) {
        let node_number = node;
        let node = &mut self.nodes[node];
        match until_ms {
            Some(at) => self.agenda.at(at, Event::Start { node: node_number }),
            None => node.dead = true,
        }
        let Some(core) = node.core.take() else { return };
        node.disk.sync(&core);
        node.life += 1;
        node.running.clear();
        node.heartbeats = Schedule::default();
        node.wake_ms = None;
        self.report.crashes += 1;
    }

    /// A node starts, for the first time or again. Its clock may have been put right, or wrong.
    pub(super) fn start(&mut self, node: usize) {
        if self.nodes[node].dead || self.nodes[node].core.is_some() {
            return;
        }
        let half = self.config.clock_skew_ms;
        let skew = self.rng.below(2 * half + 1);
        self.nodes[node].set_clock(skew, half);
        let core = self.nodes[node].process(self.config);
        self.nodes[node].core = Some(core);
        let (jobs, provided, messages) = self.nodes[node].disk.read();
        let mut wrong = None;
        self.step(node, |core, clock| {
            core.restore(clock, jobs, provided, messages).unwrap_or_else(|why| {
                wrong = Some(why);
                Vec::new()
            })
        });
        if let Some(why) = wrong {
            self.report.violation(format!("node {node} cannot read its disk: {why}"));
        }
    }

    /// Crashes some nodes after their changes are on disk and before any effect.
    pub(super) fn dies_half_done(&mut self, node: usize, changes: &Changes) -> bool {
        let churn = &self.config.churn;
        let dies = self.now_ms < churn.until_ms && !changes.is_empty() && self.rng.chance(churn.half_done);
        if dies {
            let until = self.now_ms + 1 + self.rng.below(churn.down_ms);
            self.crash(node, Some(until.min(churn.until_ms)));
        }
        dies
    }

    /// The network falls into two parts, by chance.
    pub(super) fn part(&mut self) {
        self.parted = true;
        for node in 0..self.nodes.len() {
            self.nodes[node].part = self.rng.chance(0.3);
        }
    }
}
