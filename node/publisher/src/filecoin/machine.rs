//! Pure transitions of a deal: the next step, and the effect of an observation. Equal after a crash.

use std::time::Duration;

use super::{Allocation, BackendError, MarketState, Observation, Stage, StorageDeal};
use crate::Entry;
use crate::transition::Transition;

/// Interval of message queries: two epochs.
const MESSAGE: Duration = Duration::from_mins(1);
/// Interval of transfer queries.
const TRANSFER: Duration = Duration::from_secs(15);
/// Interval of sealing queries; sealing takes hours.
const SEALING: Duration = Duration::from_mins(5);

/// The back end of the next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BackendKind {
    /// The chain node.
    Chain,
    /// The market.
    Market,
}

/// The back end of the next step; `None` at the end of the deal.
pub(super) fn backend_kind(deal: &StorageDeal) -> Option<BackendKind> {
    match deal.stage {
        Stage::Prepared | Stage::Allocating | Stage::Complete => Some(BackendKind::Chain),
        Stage::Checked if deal.terms.verified => Some(BackendKind::Chain),
        Stage::Checked | Stage::Allocated | Stage::Accepted | Stage::HandedOver => Some(BackendKind::Market),
        Stage::Stored | Stage::Failed => None,
    }
}

/// Applies an observation to `deal`.
pub(super) fn take(deal: &mut StorageDeal, observation: Observation) -> Result<Transition, BackendError> {
    let transition = |state, text: String, wait| Ok(Transition { state, text, wait });
    let at_once = Duration::ZERO;
    let (provider, id) = (deal.terms.provider.clone(), deal.id);
    match (deal.stage, observation) {
        (Stage::Prepared, Observation::Checked(words)) => {
            deal.stage = Stage::Checked;
            transition("checked", words, at_once)
        }
        (Stage::Checked, Observation::Pushed(message)) if deal.terms.verified => {
            deal.allocation = Some(Allocation { message: Some(message), id: None });
            deal.stage = Stage::Allocating;
            transition("allocating", format!("message {message} requests an allocation"), MESSAGE)
        }
        (Stage::Checked | Stage::Allocating, Observation::Allocated(number)) if deal.terms.verified => {
            let message = deal.allocation.take().and_then(|allocation| allocation.message);
            deal.allocation = Some(Allocation { message, id: Some(number) });
            deal.stage = Stage::Allocated;
            transition("allocated", format!("allocation {number} of {}", deal.terms.wallet), at_once)
        }
        (Stage::Checked | Stage::Allocated, Observation::Proposed)
            if deal.stage == Stage::Allocated || !deal.terms.verified =>
        {
            deal.stage = Stage::Accepted;
            transition(
                "accepted",
                format!("{provider} has accepted the proposal {id}"),
                if deal.url.is_some() { TRANSFER } else { at_once },
            )
        }
        (Stage::Accepted, Observation::Uploaded) => {
            deal.stage = Stage::HandedOver;
            transition("uploaded", format!("{provider} has received {} bytes", deal.piece.car_bytes), TRANSFER)
        }
        (Stage::Accepted | Stage::HandedOver, Observation::Market(state, words)) => market(deal, state, &words),
        (Stage::Complete, Observation::Claimed(claim)) => {
            deal.claim = Some(claim);
            deal.stage = Stage::Stored;
            let text = format!("{provider} has claimed it: sector {}, from epoch {}", claim.sector, claim.term_start);
            transition("stored", text, at_once)
        }
        (Stage::Allocating, Observation::Waiting(words)) => transition(Entry::WAITING, words, MESSAGE),
        (_, Observation::Waiting(words)) => transition(Entry::WAITING, words, SEALING),
        (stage, observation) => Err(BackendError::later(format!(
            "internal error: observation {observation:?} does not fit a deal at stage \
            {stage:?}"
        ))),
    }
}

/// Applies the state at the market.
fn market(deal: &mut StorageDeal, state: MarketState, words: &str) -> Result<Transition, BackendError> {
    let provider = deal.terms.provider.clone();
    let said = if words.is_empty() { String::new() } else { format!(": {words}") };
    deal.market = Some(state);
    let (stage, name, text, wait) = match state {
        MarketState::Accepted | MarketState::Uploading | MarketState::Processing if deal.stage == Stage::Accepted => {
            (Stage::Accepted, "transfer", format!("{provider} does not have all of the data yet{said}"), TRANSFER)
        }
        MarketState::Accepted | MarketState::Uploading | MarketState::Processing => {
            (Stage::HandedOver, "processing", format!("{provider} is waiting for a sector{said}"), SEALING)
        }
        MarketState::Sealing => (Stage::HandedOver, "sealing", format!("{provider} is sealing it{said}"), SEALING),
        MarketState::Indexing => {
            (Stage::HandedOver, "indexing", format!("{provider} has sealed it and is indexing it{said}"), SEALING)
        }
        MarketState::Complete if deal.terms.verified => (
            Stage::Complete,
            "complete",
            format!("{provider} is done; waiting for its claim on the chain"),
            Duration::ZERO,
        ),
        MarketState::Complete => {
            (Stage::Stored, "stored", format!("{provider} has it in a sector{said}"), Duration::ZERO)
        }
        MarketState::Failed => {
            let why = format!("{provider} has cancelled the deal{said}");
            return Err(BackendError::never(why, "ask the provider, or run the job again with another one"));
        }
    };
    deal.stage = stage;
    Ok(Transition { state: name, text, wait })
}

#[cfg(test)]
mod tests {
    use bacalhau_tree::Link;

    use super::super::{DealId, Piece, SectorClaim, StorageTerms};
    use super::*;

    fn deal(verified: bool) -> StorageDeal {
        let link = Link::of_raw(b"");
        StorageDeal {
            id: DealId::new(0).unwrap(),
            piece: Piece { car: "/a".into(), car_bytes: 1, root: link, v1: link, v2: link, padded_bytes: 128 },
            terms: StorageTerms {
                market: "https://market.example".into(),
                provider: "f01000".parse().unwrap(),
                wallet: "f15ihq5ibzwki2b4ep2f46avlkrqzhpqgtga7pdrq".parse().unwrap(),
                duration_epochs: 518_400,
                verified,
                max_fee_nanofil: 0,
                indexing: true,
                announce: false,
            },
            stage: Stage::Prepared,
            url: None,
            allocation: None,
            market: None,
            claim: None,
        }
    }

    fn observations() -> Vec<Observation> {
        let states = ["accepted", "uploading", "processing", "sealing", "indexing", "complete"];
        let market =
            states.map(|state| Observation::Market(serde_json::from_value(state.into()).unwrap(), String::new()));
        let others = [
            Observation::Checked("it is there".into()),
            Observation::Pushed(Link::of_raw(b"message")),
            Observation::Allocated(7),
            Observation::Proposed,
            Observation::Uploaded,
            Observation::Claimed(SectorClaim { sector: 1, term_start: 2 }),
            Observation::Waiting("for it".into()),
        ];
        market.into_iter().chain(others).collect()
    }

    #[test]
    fn both_kinds_of_deals_come_to_their_end() {
        let walk = |verified: bool, observations: Vec<Observation>| {
            let mut deal = deal(verified);
            let states: Vec<_> =
                observations.into_iter().map(|observation| take(&mut deal, observation).unwrap().state).collect();
            (deal, states)
        };
        let complete = || Observation::Market(MarketState::Complete, String::new());
        let (plain, states) = walk(
            false,
            vec![Observation::Checked(String::new()), Observation::Proposed, Observation::Uploaded, complete()],
        );
        assert_eq!((plain.stage, states), (Stage::Stored, vec!["checked", "accepted", "uploaded", "stored"]));
        let message = Link::of_raw(b"message");
        let claim = SectorClaim { sector: 42, term_start: 1 };
        let (verified, _) = walk(
            true,
            vec![
                Observation::Checked(String::new()),
                Observation::Pushed(message),
                Observation::Allocated(7),
                Observation::Proposed,
                Observation::Market(MarketState::Sealing, String::new()),
                complete(),
                Observation::Claimed(claim),
            ],
        );
        assert_eq!((verified.stage, verified.claim), (Stage::Stored, Some(claim)));
        assert_eq!(verified.allocation, Some(Allocation { message: Some(message), id: Some(7) }));
    }

    #[test]
    fn no_fact_takes_a_deal_back_or_past_what_it_has_not_got() {
        let stages = [
            Stage::Prepared,
            Stage::Checked,
            Stage::Allocating,
            Stage::Allocated,
            Stage::Accepted,
            Stage::HandedOver,
            Stage::Complete,
            Stage::Stored,
            Stage::Failed,
        ];
        for (verified, stage) in stages.into_iter().flat_map(|stage| [(true, stage), (false, stage)]) {
            for observation in observations() {
                let mut deal = StorageDeal { stage, ..deal(verified) };
                let before = deal.clone();
                let transition = take(&mut deal, observation.clone());
                assert!(deal.stage >= stage, "{stage:?} {observation:?}");
                assert!(
                    transition.is_ok() || deal == before,
                    "what makes no sense changes nothing: {stage:?} {observation:?}"
                );
                if verified && deal.stage == Stage::Accepted {
                    assert!(stage >= Stage::Allocated, "{stage:?} {observation:?}");
                }
                if deal.stage == Stage::Allocated {
                    assert!(
                        stage == Stage::Allocated || deal.allocation.as_ref().is_some_and(|known| known.id.is_some())
                    );
                }
                assert!(deal.stage != Stage::Stored || backend_kind(&before).is_some() || stage == Stage::Stored);
                assert!(
                    !verified || deal.stage != Stage::Stored || stage >= Stage::Complete,
                    "{stage:?} {observation:?}"
                );
            }
        }
    }

    #[test]
    fn a_market_that_gives_up_ends_the_deal() {
        let mut deal = StorageDeal { stage: Stage::HandedOver, ..deal(false) };
        let error = take(&mut deal, Observation::Market(MarketState::Failed, "no sector".into())).unwrap_err();
        assert!(matches!(&error, BackendError::Never { why, .. } if why.contains("no sector")), "{error}");
    }
}
