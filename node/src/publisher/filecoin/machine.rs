//! What comes next for a deal, and what becomes of it by what was learned: pure, so that it is the same after a crash.

use std::time::Duration;

use super::{Allocation, Deal, Fact, MarketState, Stage, Trouble};

/// Between two questions about a message: two epochs.
const MESSAGE: Duration = Duration::from_mins(1);
/// Between two questions about data that is being fetched.
const TRANSFER: Duration = Duration::from_secs(15);
/// Between two questions about a sector, which takes hours to be sealed.
const SEALING: Duration = Duration::from_mins(5);

/// The state of a deal for which nothing has changed.
pub(super) const WAITING: &str = "waiting";

/// The shortest pause that is made because the other side asks for one.
pub(super) const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
/// The longest.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// Who has a step to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// The node of the chain.
    Chain,
    /// The market.
    Market,
}

/// What a deal came to by a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Came {
    /// To which state, in a word.
    pub(super) state: &'static str,
    /// The rest, in words.
    pub(super) text: String,
    /// When the next step is due.
    pub(super) wait: Duration,
}

/// Who has the next step; nobody, where the deal has come to its end.
pub(super) fn side(deal: &Deal) -> Option<Side> {
    match deal.stage {
        Stage::Prepared | Stage::Allocating | Stage::Complete => Some(Side::Chain),
        Stage::Checked if deal.terms.verified => Some(Side::Chain),
        Stage::Checked | Stage::Allocated | Stage::Accepted | Stage::HandedOver => Some(Side::Market),
        Stage::Stored | Stage::Failed => None,
    }
}

/// Notes in `deal` what was learned.
pub(super) fn take(deal: &mut Deal, fact: Fact) -> Result<Came, Trouble> {
    let came = |state, text: String, wait| Ok(Came { state, text, wait });
    let at_once = Duration::ZERO;
    let (provider, id) = (deal.terms.provider.clone(), deal.id);
    match (deal.stage, fact) {
        (Stage::Prepared, Fact::Checked(words)) => {
            deal.stage = Stage::Checked;
            came("checked", words, at_once)
        }
        (Stage::Checked, Fact::Pushed(message)) if deal.terms.verified => {
            deal.allocation = Some(Allocation { message: Some(message), id: None });
            deal.stage = Stage::Allocating;
            came("allocating", format!("message {message} asks for an allocation"), MESSAGE)
        }
        (Stage::Checked | Stage::Allocating, Fact::Allocated(number)) if deal.terms.verified => {
            let message = deal.allocation.take().and_then(|allocation| allocation.message);
            deal.allocation = Some(Allocation { message, id: Some(number) });
            deal.stage = Stage::Allocated;
            came("allocated", format!("allocation {number} of {}", deal.terms.wallet), at_once)
        }
        (Stage::Checked | Stage::Allocated, Fact::Proposed)
            if deal.stage == Stage::Allocated || !deal.terms.verified =>
        {
            deal.stage = Stage::Accepted;
            came(
                "accepted",
                format!("{provider} has taken the proposal {id}"),
                if deal.url.is_some() { TRANSFER } else { at_once },
            )
        }
        (Stage::Accepted, Fact::Uploaded) => {
            deal.stage = Stage::HandedOver;
            came("uploaded", format!("{} bytes are with {provider}", deal.piece.car_bytes), TRANSFER)
        }
        (Stage::Accepted | Stage::HandedOver, Fact::Market(state, words)) => market(deal, state, &words),
        (Stage::Complete, Fact::Claimed(claim)) => {
            deal.claim = Some(claim);
            deal.stage = Stage::Stored;
            let text = format!("{provider} claims it: sector {}, from epoch {}", claim.sector, claim.term_start);
            came("stored", text, at_once)
        }
        (Stage::Allocating, Fact::Waiting(words)) => came(WAITING, words, MESSAGE),
        (_, Fact::Waiting(words)) => came(WAITING, words, SEALING),
        (stage, fact) => Err(Trouble::later(format!("{fact:?} makes no sense for a deal that is {stage:?}"))),
    }
}

/// Notes what the market says.
fn market(deal: &mut Deal, state: MarketState, words: &str) -> Result<Came, Trouble> {
    let provider = deal.terms.provider.clone();
    let said = if words.is_empty() { String::new() } else { format!(": {words}") };
    deal.market = Some(state);
    let (stage, name, text, wait) = match state {
        MarketState::Accepted | MarketState::Uploading | MarketState::Processing if deal.stage == Stage::Accepted => {
            (Stage::Accepted, "transfer", format!("{provider} has not got all of the data yet{said}"), TRANSFER)
        }
        MarketState::Accepted | MarketState::Uploading | MarketState::Processing => {
            (Stage::HandedOver, "processing", format!("{provider} looks for a sector{said}"), SEALING)
        }
        MarketState::Sealing => (Stage::HandedOver, "sealing", format!("{provider} seals it{said}"), SEALING),
        MarketState::Indexing => {
            (Stage::HandedOver, "indexing", format!("{provider} has sealed it, and indexes it{said}"), SEALING)
        }
        MarketState::Complete if deal.terms.verified => (
            Stage::Complete,
            "complete",
            format!("{provider} is done; its claim is looked for on the chain"),
            Duration::ZERO,
        ),
        MarketState::Complete => {
            (Stage::Stored, "stored", format!("{provider} has it in a sector{said}"), Duration::ZERO)
        }
        MarketState::Failed => {
            let why = format!("{provider} has given the deal up{said}");
            return Err(Trouble::never(why, "ask the provider, or run the job again with another one"));
        }
    };
    deal.stage = stage;
    Ok(Came { state: name, text, wait })
}

#[cfg(test)]
mod tests {
    use bacalhau_runtime::Link;

    use super::super::{Claim, DealId, Piece, Terms};
    use super::*;

    fn deal(verified: bool) -> Deal {
        let link = Link::of_raw(b"");
        Deal {
            id: DealId::new(0).unwrap(),
            piece: Piece { car: "/a".into(), car_bytes: 1, root: link, v1: link, v2: link, padded_bytes: 128 },
            terms: Terms {
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

    fn facts() -> Vec<Fact> {
        let states = ["accepted", "uploading", "processing", "sealing", "indexing", "complete"];
        let market = states.map(|state| Fact::Market(serde_json::from_value(state.into()).unwrap(), String::new()));
        let others = [
            Fact::Checked("it is there".into()),
            Fact::Pushed(Link::of_raw(b"message")),
            Fact::Allocated(7),
            Fact::Proposed,
            Fact::Uploaded,
            Fact::Claimed(Claim { sector: 1, term_start: 2 }),
            Fact::Waiting("for it".into()),
        ];
        market.into_iter().chain(others).collect()
    }

    #[test]
    fn both_kinds_of_deals_come_to_their_end() {
        let walk = |verified: bool, facts: Vec<Fact>| {
            let mut deal = deal(verified);
            let states: Vec<_> = facts.into_iter().map(|fact| take(&mut deal, fact).unwrap().state).collect();
            (deal, states)
        };
        let complete = || Fact::Market(MarketState::Complete, String::new());
        let (plain, states) =
            walk(false, vec![Fact::Checked(String::new()), Fact::Proposed, Fact::Uploaded, complete()]);
        assert_eq!((plain.stage, states), (Stage::Stored, vec!["checked", "accepted", "uploaded", "stored"]));
        let message = Link::of_raw(b"message");
        let claim = Claim { sector: 42, term_start: 1 };
        let (verified, _) = walk(
            true,
            vec![
                Fact::Checked(String::new()),
                Fact::Pushed(message),
                Fact::Allocated(7),
                Fact::Proposed,
                Fact::Market(MarketState::Sealing, String::new()),
                complete(),
                Fact::Claimed(claim),
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
            for fact in facts() {
                let mut deal = Deal { stage, ..deal(verified) };
                let before = deal.clone();
                let came = take(&mut deal, fact.clone());
                assert!(deal.stage >= stage, "{stage:?} {fact:?}");
                assert!(came.is_ok() || deal == before, "what makes no sense changes nothing: {stage:?} {fact:?}");
                if verified && deal.stage == Stage::Accepted {
                    assert!(stage >= Stage::Allocated, "{stage:?} {fact:?}");
                }
                if deal.stage == Stage::Allocated {
                    assert!(
                        stage == Stage::Allocated || deal.allocation.as_ref().is_some_and(|known| known.id.is_some())
                    );
                }
                assert!(deal.stage != Stage::Stored || side(&before).is_some() || stage == Stage::Stored);
                assert!(!verified || deal.stage != Stage::Stored || stage >= Stage::Complete, "{stage:?} {fact:?}");
            }
        }
    }

    #[test]
    fn a_market_that_gives_up_ends_the_deal() {
        let mut deal = Deal { stage: Stage::HandedOver, ..deal(false) };
        let trouble = take(&mut deal, Fact::Market(MarketState::Failed, "no sector".into())).unwrap_err();
        assert!(matches!(&trouble, Trouble::Never { why, .. } if why.contains("no sector")), "{trouble}");
    }
}
