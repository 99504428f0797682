//! Fair draws on the bidder's side: the bid commits to a secret, the receipt is stored, and the secret is revealed once
//! the requester has signed a set that contains this node. An invalid commitment is reported to the operator, and the
//! bid withdrawn.

use super::super::record::Stage;
use super::super::{DrawNews, News};
use super::Compute;
use bacalhau_job::{
    BeaconChain, BidReceipt, Hash256, JobId, Randomness, Secrets, SetEntry,
    draw::{MAX_ROUNDS, leads},
};
use bacalhau_protocol::{Committed, Message, Reveal};

impl Compute {
    /// The commitment for the draws of a job; `None` without a fair draw.
    pub(super) fn commit(&self, id: &JobId) -> Option<Hash256> {
        self.jobs.get(id)?.record.job.fair()?;
        self.secrets(id).map(|secrets| secrets.commit())
    }

    fn secrets(&self, id: &JobId) -> Option<Secrets> {
        Some(Secrets::new(&self.seal.sign(&Secrets::of_bidder(id)).ok()?))
    }

    /// The requester confirms a bid.
    pub(super) fn receipted(&mut self, receipt: BidReceipt) {
        let id = receipt.job;
        let commit = self.commit(&id);
        let Some(entry) = self.jobs.get_mut(&id).filter(|_| commit == Some(receipt.commit)) else { return };
        let BidReceipt { bidder, commit, received_ms, signature, .. } = &receipt;
        let text = BidReceipt::text(&id, bidder, commit, *received_ms);
        let requester = entry.record.job.requester().peer;
        if *bidder == self.me && self.seal.is_signed(&requester, &text, signature) {
            entry.record.receipt = Some(receipt);
            self.changed.insert(id);
        }
    }

    /// The set of a draw is fixed: reveals the secret, if the commitment is valid.
    pub(super) fn committed(&mut self, committed: Committed) {
        let commitment = &committed.signed.commitment;
        let (id, round) = (commitment.job, commitment.round);
        let Some(entry) = self.jobs.get(&id) else { return };
        let known = entry.record.committed.as_ref();
        // The latest is sufficient: secrets of earlier draws are public.
        if known.is_some_and(|known| known.commitment.round > round) {
            return;
        }
        let problem = match known.filter(|known| known.commitment.round == round) {
            Some(known) if known.commitment != *commitment => {
                let both = Box::new((known.clone(), committed.signed.clone()));
                Some(DrawNews::Equivocation(both))
            }
            _ => {
                self.check(&committed).err().map(|why| DrawNews::Wrong(why, entry.record.receipt.clone().map(Box::new)))
            }
        };
        if let Some(problem) = problem {
            self.news.push(News::Draw { job: id, what: problem });
            return self.withdraw_from(id, "the commitment of the draw is invalid");
        }
        let reveals = commitment.randomness == Randomness::Reveal;
        let secret = self.secrets(&id).and_then(|secrets| secrets.reveal(round));
        if let Some(entry) = self.jobs.get_mut(&id) {
            entry.record.committed = Some(committed.signed);
            self.changed.insert(id);
        }
        if let Some(secret) = secret.filter(|_| reveals) {
            self.tell(Message::Reveal(Reveal { job: id, round, secret }));
        }
    }

    /// A bid was rejected. If it arrived in time and was in no draw, the receipt proves that it was left out.
    pub(super) fn note_left_out(&mut self, id: JobId) {
        let Some(record) = self.jobs.get_mut(&id).map(|entry| &mut entry.record) else { return };
        let closes_ms = record.job.fair().map(|fair| record.job.created_ms().saturating_add(fair.window_ms));
        let in_time = |receipt: &mut BidReceipt| closes_ms.is_some_and(|closes| receipt.received_ms < closes);
        if record.committed.is_none()
            && let Some(receipt) = record.receipt.take_if(in_time)
        {
            self.changed.insert(id);
            self.news.push(News::Draw { job: id, what: DrawNews::LeftOut(Box::new(receipt)) });
        }
    }

    /// The known beacon with this chain hash.
    pub(super) fn beacon(&self, hash: &Hash256) -> Option<&BeaconChain> {
        self.config.beacons.iter().find(|chain| chain.hash() == *hash)
    }

    /// Checks that the randomness of a draw has the announced source and is not public yet.
    fn check_randomness(&self, announced: Option<Hash256>, randomness: &Randomness) -> Result<(), String> {
        let (chain, round) = match (announced, randomness) {
            (None, Randomness::Reveal) => return Ok(()),
            (Some(announced), Randomness::Beacon { chain, round }) if announced == *chain => (chain, *round),
            _ => return Err("its source of randomness differs from the announcement".into()),
        };
        let Some(beacon) = self.beacon(chain) else { return Err(format!("beacon chain {chain} is unknown here")) };
        if beacon.time_ms(round) <= self.now_ms {
            return Err(format!("round {round} of beacon chain {chain} is already public, by the clock of this node"));
        }
        Ok(())
    }

    /// Checks that the commitment is the requester's and contains all offers of this node.
    fn check(&self, committed: &Committed) -> Result<(), String> {
        let Committed { signed, place, shards, path } = committed;
        let commitment = &signed.commitment;
        let Some(entry) = self.jobs.get(&commitment.job) else { return Ok(()) };
        let job = &entry.record.job;
        let Some(commit) = self.commit(&commitment.job) else { return Err("the job has no fair draw".into()) };
        if !(1..=MAX_ROUNDS).contains(&commitment.round) {
            return Err(format!("invalid draw {}: a job has at most {MAX_ROUNDS}", commitment.round));
        }
        let announced = job.fair().and_then(|fair| fair.beacon);
        // A repetition need not precede the beacon round.
        if entry.record.committed.as_ref() != Some(signed) {
            self.check_randomness(announced, &commitment.randomness)?;
        }
        if job.fair().is_none_or(|fair| fair.commit != commitment.commit) {
            return Err("the requester's secret differs from the commitment in its announcement".into());
        }
        if !self.seal.is_signed(&job.requester().peer, &commitment.text(), &signed.signature) {
            return Err("the commitment is not signed by the requester".into());
        }
        let element = SetEntry { peer: self.me, shards: shards.clone(), commit }.to_bytes();
        let (place, count) = (usize::try_from(*place), usize::try_from(commitment.bidders));
        let (place, count) = (place.unwrap_or(usize::MAX), count.unwrap_or(usize::MAX));
        if !leads(&commitment.root, &element, place, count, path) {
            return Err("this node's bid is not in the set".into());
        }
        let offers = |stage: &Stage| matches!(stage, Stage::Bid | Stage::Lapsed);
        let offered =
            (0..).zip(&entry.record.shards).filter(|(_, shard)| offers(&shard.stage)).map(|(number, _)| number);
        let mut drawn = offered.filter(|shard| commitment.shards.contains(*shard));
        match drawn.find(|shard| !shards.contains(*shard)) {
            Some(shard) => Err(format!("this node's bid for shard {shard} is not in the set")),
            None => Ok(()),
        }
    }
}
