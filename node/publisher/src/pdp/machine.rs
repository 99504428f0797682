//! Pure transitions of a piece: the effect of an observation. Equal after a crash.

use std::time::Duration;

use super::{BackendError, Observation, WarmPiece, WarmStage};
use crate::Entry;
use crate::transition::Transition;

/// Interval of queries for the piece at the node.
const HOLDING: Duration = Duration::from_secs(5);
/// Interval of queries for the transaction: half an epoch.
const ADDING: Duration = Duration::from_secs(15);
/// Interval of queries for the first proof.
const PROVING: Duration = Duration::from_mins(1);
/// Maximum duration of a stage.
const LONGEST: Duration = Duration::from_hours(7 * 24);
/// Time after which a transaction that is not on the chain counts as lost.
const LONGEST_PENDING: Duration = Duration::from_hours(24);
/// Maximum repetitions of lost or damaged uploads and transactions.
const MOST_REPEATED: u32 = 3;

/// Whether the piece has ended.
pub(super) fn is_over(warm: &WarmPiece) -> bool {
    matches!(warm.stage, WarmStage::Stored | WarmStage::Failed)
}

/// Applies an observation to `warm` at `now_ms`.
pub(super) fn take(warm: &mut WarmPiece, observation: Observation, now_ms: u64) -> Result<Transition, BackendError> {
    let at_once = Duration::ZERO;
    let set = warm.terms.data_set;
    match (warm.stage, observation) {
        (WarmStage::Prepared, Observation::Uploaded) => {
            let text = format!("the node has received {} bytes", warm.piece.car_bytes);
            Ok(warm.go(WarmStage::Uploaded, now_ms, "uploaded", text, HOLDING))
        }
        (WarmStage::Prepared, Observation::Damaged(words)) => {
            warm.repeat(WarmStage::Prepared, now_ms, "damaged", format!("the node received other data: {words}"))
        }
        (WarmStage::Prepared | WarmStage::Uploaded, Observation::Held) => {
            let text = format!("the node serves it at {}", warm.download_url());
            Ok(warm.go(WarmStage::Held, now_ms, "held", text, at_once))
        }
        (WarmStage::Held, Observation::Sent(transaction)) => {
            warm.transaction = Some(transaction);
            let text = format!("transaction {transaction} adds it to data set {set}");
            Ok(warm.go(WarmStage::Adding, now_ms, "adding", text, ADDING))
        }
        (WarmStage::Held | WarmStage::Adding, Observation::Added(piece_id, transaction)) => {
            warm.transaction = transaction.or(warm.transaction);
            warm.piece_id = Some(piece_id);
            let by = transaction.map(|hash| format!(", by transaction {hash}")).unwrap_or_default();
            let text = format!("it is piece {piece_id} of data set {set}{by}");
            Ok(warm.go(WarmStage::Added, now_ms, "added", text, at_once))
        }
        (WarmStage::Adding, Observation::Reverted(words)) => Err(BackendError::never(
            words,
            "check that pdp.key_file has the key of the payer or a valid session key, that pdp.client_data_set and \
             pdp.contract are those of the data set, and that the payer has funds",
        )),
        (WarmStage::Adding, Observation::Lost(words)) => warm.repeat(WarmStage::Held, now_ms, "lost", words),
        (WarmStage::Added, Observation::ProofDue(epoch)) => {
            let text = format!("the next proof of data set {set} is due from epoch {epoch} on");
            Ok(warm.go(WarmStage::Stored, now_ms, "stored", text, at_once))
        }
        (WarmStage::Adding, Observation::Waiting(words)) if warm.lasts(now_ms) > LONGEST_PENDING => {
            warm.repeat(WarmStage::Held, now_ms, "lost", format!("{words} after 24 hours"))
        }
        (stage, Observation::Waiting(words)) if warm.lasts(now_ms) > LONGEST => {
            let why = format!("it is {stage:?} for 7 days: {words}");
            Err(BackendError::never(why.to_lowercase(), "ask the provider, and publish the results again"))
        }
        (stage, Observation::Waiting(text)) => {
            let wait = match stage {
                WarmStage::Adding => ADDING,
                WarmStage::Added => PROVING,
                _ => HOLDING,
            };
            Ok(Transition { state: Entry::WAITING, text, wait })
        }
        (stage, observation) => Err(BackendError::later(format!(
            "internal error: observation {observation:?} does not fit a piece at stage {stage:?}"
        ))),
    }
}

impl WarmPiece {
    fn lasts(&self, now_ms: u64) -> Duration {
        Duration::from_millis(now_ms.saturating_sub(self.since_ms))
    }

    fn go(&mut self, stage: WarmStage, now_ms: u64, state: &'static str, text: String, wait: Duration) -> Transition {
        (self.stage, self.since_ms) = (stage, now_ms);
        Transition { state, text, wait }
    }

    /// Back to `stage`, unless that was done too often.
    fn repeat(
        &mut self,
        stage: WarmStage,
        now_ms: u64,
        state: &'static str,
        why: String,
    ) -> Result<Transition, BackendError> {
        if self.repeated >= MOST_REPEATED {
            let why = format!("{why}; this happened {} times", self.repeated + 1);
            return Err(BackendError::never(why, "ask the provider, or set [pdp] to a data set of another one"));
        }
        self.repeated += 1;
        self.transaction = None;
        Ok(self.go(stage, now_ms, state, why, HOLDING))
    }
}

#[cfg(test)]
mod tests {
    use bacalhau_tree::Link;

    use super::super::WarmTerms;
    use super::*;
    use crate::filecoin::{DealId, Piece};

    const HOUR: u64 = 3_600_000;

    fn warm(stage: WarmStage) -> WarmPiece {
        let link = Link::of_raw(b"");
        WarmPiece {
            id: DealId::new(0).unwrap(),
            piece: Piece { car: "/a".into(), car_bytes: 127, root: link, v1: link, v2: link, padded_bytes: 128 },
            terms: WarmTerms {
                url: "https://pdp.example/".into(),
                data_set: 42,
                client_data_set: 1.into(),
                contract: "0x8408502033C418E1bbC97cE9ac48E5528F371A9f".parse().unwrap(),
                chain_id: 314,
            },
            stage,
            since_ms: 0,
            repeated: 0,
            transaction: None,
            piece_id: None,
        }
    }

    fn observations() -> Vec<Observation> {
        let hash = format!("0x{}", "ab".repeat(32)).parse().unwrap();
        vec![
            Observation::Uploaded,
            Observation::Damaged("other".into()),
            Observation::Held,
            Observation::Sent(hash),
            Observation::Added(7, Some(hash)),
            Observation::Reverted("no".into()),
            Observation::Lost("gone".into()),
            Observation::ProofDue(9),
            Observation::Waiting("for it".into()),
        ]
    }

    const STAGES: [WarmStage; 7] = [
        WarmStage::Prepared,
        WarmStage::Uploaded,
        WarmStage::Held,
        WarmStage::Adding,
        WarmStage::Added,
        WarmStage::Stored,
        WarmStage::Failed,
    ];

    #[test]
    fn only_lost_transactions_take_a_piece_back_and_nothing_skips_a_stage() {
        for (stage, observation) in
            STAGES.into_iter().flat_map(|stage| observations().into_iter().map(move |o| (stage, o)))
        {
            let (mut after, before) = (warm(stage), warm(stage));
            let transition = take(&mut after, observation.clone(), 1);
            assert!(transition.is_ok() || after.stage == before.stage, "{stage:?} {observation:?}");
            if matches!(observation, Observation::Lost(_)) && stage == WarmStage::Adding {
                assert_eq!((after.stage, after.repeated), (WarmStage::Held, 1));
            } else {
                assert!(after.stage >= stage, "{stage:?} {observation:?}");
            }
            assert!(after.stage != WarmStage::Stored || stage >= WarmStage::Added, "{stage:?} {observation:?}");
            assert!(after.stage != WarmStage::Adding || stage >= WarmStage::Held, "{stage:?} {observation:?}");
        }
    }

    #[test]
    fn what_is_lost_again_and_again_ends_with_an_error() {
        for (stage, observation) in [
            (WarmStage::Prepared, Observation::Damaged("other".into())),
            (WarmStage::Adding, Observation::Lost("404".into())),
        ] {
            let mut warm = warm(stage);
            for _ in 0..3 {
                warm.stage = stage;
                take(&mut warm, observation.clone(), 1).unwrap();
            }
            warm.stage = stage;
            let error = take(&mut warm, observation, 1).unwrap_err().to_string();
            assert!(error.contains("4 times"), "{error}");
        }
    }

    #[test]
    fn a_stage_has_an_end() {
        let waiting = || Observation::Waiting("the transaction is pending".into());
        let mut adding = warm(WarmStage::Adding);
        take(&mut adding, waiting(), 24 * HOUR).unwrap();
        assert_eq!(adding.stage, WarmStage::Adding);
        assert_eq!(take(&mut adding, waiting(), 24 * HOUR + 1).unwrap().state, "lost");
        assert_eq!(adding.stage, WarmStage::Held);
        for stage in [WarmStage::Uploaded, WarmStage::Added] {
            assert!(take(&mut warm(stage), waiting(), 168 * HOUR).is_ok());
            let error = take(&mut warm(stage), waiting(), 168 * HOUR + 1).unwrap_err();
            assert!(matches!(&error, BackendError::Never { why, .. } if why.contains("for 7 days")), "{error}");
        }
    }
}
