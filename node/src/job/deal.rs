//! How often a job is run, how many runs must agree, how many providers must offer before any is chosen, which of them count
//! as one, how they are drawn, and how often a single run is audited. Counting the agreement is the business of `verify`, choosing that of
//! `requester`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Distinct, DrawMode};

/// Probabilities are given in parts of this.
pub const MILLION: u32 = 1_000_000;

/// How many executions of a job, how many of them must agree, how many bids must be in before one is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "Terms", into = "Terms")]
pub struct Deal {
    concurrency: u16,
    #[schema(required = false)]
    confidence: u16,
    #[schema(required = false)]
    min_bids: u16,
    /// Which bidders count as one. Absent: as the requester has it.
    #[schema(required = false)]
    distinct: Option<Distinct>,
    /// How bidders are drawn. Absent: as the requester has it.
    #[schema(required = false)]
    draw: Option<DrawMode>,
    /// Share of shards whose only run is repeated by another operator, in millionths. Default 0.
    #[schema(required = false)]
    audit_millionths: u32,
}

/// The deal as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Terms {
    concurrency: u16,
    #[serde(default)]
    confidence: u16,
    #[serde(default)]
    min_bids: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    distinct: Option<Distinct>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    draw: Option<DrawMode>,
    #[serde(default, skip_serializing_if = "is_zero")]
    audit_millionths: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Deal {
    /// A deal of `concurrency` executions of which at least `confidence` must agree.
    ///
    /// # Errors
    /// Says why no execution at all, or more agreement than executions, is not possible.
    ///
    /// ```
    /// use bacalhau::job::Deal;
    ///
    /// assert!(Deal::new(3, 2).is_ok());
    /// assert!(Deal::new(3, 4).is_err());
    /// ```
    pub fn new(concurrency: u16, confidence: u16) -> Result<Self, DealError> {
        if concurrency == 0 {
            Err(DealError::NoExecution)
        } else if confidence > concurrency {
            Err(DealError::TooConfident { concurrency, confidence })
        } else {
            Ok(Self { concurrency, confidence, min_bids: 0, distinct: None, draw: None, audit_millionths: 0 })
        }
    }

    /// The same deal, where so many bids must be in before any is accepted.
    #[must_use]
    pub fn with_min_bids(self, min_bids: u16) -> Self {
        Self { min_bids, ..self }
    }

    /// The same deal, with this rule for which bidders count as one; without any, that of the requester.
    #[must_use]
    pub fn with_distinct(self, distinct: Option<Distinct>) -> Self {
        Self { distinct, ..self }
    }

    /// The same deal, with bidders drawn in this way; without any, in that of the requester.
    #[must_use]
    pub fn with_draw(self, draw: Option<DrawMode>) -> Self {
        Self { draw, ..self }
    }

    /// The same deal, where the only run of a shard is repeated by another operator with a probability of so many
    /// millionths.
    ///
    /// # Errors
    /// When that is more than 1, or there are several runs already.
    pub fn with_audit(self, audit_millionths: u32) -> Result<Self, DealError> {
        if audit_millionths > MILLION {
            Err(DealError::AuditRate(audit_millionths))
        } else if audit_millionths > 0 && self.concurrency != 1 {
            Err(DealError::AuditOfSeveral(self.concurrency))
        } else {
            Ok(Self { audit_millionths, ..self })
        }
    }

    /// Number of independent executions, at least 1.
    pub fn concurrency(self) -> u16 {
        self.concurrency
    }

    /// How many executions must agree; 0 and 1 add nothing to the other rules of the vote.
    pub fn confidence(self) -> u16 {
        self.confidence
    }

    /// How many bids must be in before any is accepted: at least 1, whatever was asked for. Fewer than `concurrency`
    /// means that the first so many run at once, and later bidders after them, as they come. Bids of one operator count
    /// once.
    pub fn min_bids(self) -> u16 {
        self.min_bids.max(1)
    }

    /// Which bidders count as one, where the client has said so.
    pub fn distinct(self) -> Option<Distinct> {
        self.distinct
    }

    /// How bidders are drawn, where the client has said so.
    pub fn draw(self) -> Option<DrawMode> {
        self.draw
    }

    /// Probability that the only run of a shard is repeated by another operator, in millionths.
    pub fn audit_millionths(self) -> u32 {
        self.audit_millionths
    }
}

/// Bids that any deal may wait for, however few nodes are known: a node is connected to a part of its network only.
const BIDS_WITHOUT_NODES: usize = 64;
/// Bids that a deal may wait for, for each node that is known.
const BIDS_A_NODE: usize = 16;

impl Deal {
    /// Whether a node that knows of `nodes` nodes, itself included, believes that so many bids can come.
    ///
    /// # Errors
    /// That they cannot, with the numbers.
    pub fn check_bids(self, nodes: usize) -> Result<(), String> {
        let most = BIDS_WITHOUT_NODES.saturating_add(nodes.saturating_mul(BIDS_A_NODE));
        if usize::from(self.min_bids) <= most {
            return Ok(());
        }
        Err(format!(
            "the job waits for {} bids, and this node knows of {nodes} nodes, for which it takes at most {most}: lower \
             min_bids",
            self.min_bids
        ))
    }
}

impl TryFrom<Terms> for Deal {
    type Error = DealError;

    fn try_from(terms: Terms) -> Result<Self, DealError> {
        let deal = Self::new(terms.concurrency, terms.confidence)?.with_min_bids(terms.min_bids);
        deal.with_distinct(terms.distinct).with_draw(terms.draw).with_audit(terms.audit_millionths)
    }
}

impl From<Deal> for Terms {
    fn from(deal: Deal) -> Self {
        let Deal { concurrency, confidence, min_bids, distinct, draw, audit_millionths } = deal;
        Self { concurrency, confidence, min_bids, distinct, draw, audit_millionths }
    }
}

/// Why numbers make no deal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DealError {
    /// Nothing would run.
    #[error("concurrency is 0, so nothing would run: ask for at least 1")]
    NoExecution,
    /// No vote could ever reach it.
    #[error("confidence {confidence} can never be reached by {concurrency} runs: lower it or raise the concurrency")]
    TooConfident {
        /// Executions asked for.
        concurrency: u16,
        /// Agreement asked for.
        confidence: u16,
    },
    /// A probability is at most 1.
    #[error("an audit rate of {0} millionths is more than 1: give a rate from 0 to 1")]
    AuditRate(u32),
    /// Runs that are compared need no audit.
    #[error("an audit repeats a single run, and {0} runs are compared anyway: ask for one run, or leave the audit out")]
    AuditOfSeveral(u16),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deal_that_no_vote_can_meet_is_refused() {
        assert_eq!(Deal::new(0, 0), Err(DealError::NoExecution));
        assert_eq!(Deal::new(2, 3), Err(DealError::TooConfident { concurrency: 2, confidence: 3 }));
        let deal = Deal::new(3, 3).unwrap();
        assert_eq!((deal.concurrency(), deal.confidence(), deal.min_bids()), (3, 3, 1));
        assert!(serde_json::from_str::<Deal>(r#"{"concurrency": 2, "confidence": 3}"#).is_err());
        let deal: Deal = serde_json::from_str(r#"{"concurrency": 2, "min_bids": 7}"#).unwrap();
        assert_eq!(deal, Deal::new(2, 0).unwrap().with_min_bids(7));
    }

    #[test]
    fn a_deal_without_later_fields_is_written_as_before() {
        let text = r#"{"concurrency":3,"confidence":2,"min_bids":0}"#;
        assert_eq!(serde_json::to_string(&Deal::new(3, 2).unwrap()).unwrap(), text);
        let deal = Deal::new(1, 0).unwrap().with_distinct(Some(Distinct::Prefix)).with_audit(50_000).unwrap();
        let text = serde_json::to_string(&deal).unwrap();
        assert!(text.ends_with(r#""distinct":"prefix","audit_millionths":50000}"#), "{text}");
        assert_eq!(serde_json::from_str::<Deal>(&text).unwrap(), deal);
        let text = serde_json::to_string(&Deal::new(1, 0).unwrap().with_draw(Some(DrawMode::Fair))).unwrap();
        assert_eq!(text, r#"{"concurrency":1,"confidence":0,"min_bids":0,"draw":"fair"}"#);
    }

    #[test]
    fn an_audit_is_of_a_single_run_and_its_rate_a_probability() {
        assert_eq!(Deal::new(1, 0).unwrap().with_audit(MILLION + 1), Err(DealError::AuditRate(MILLION + 1)));
        assert_eq!(Deal::new(3, 0).unwrap().with_audit(1), Err(DealError::AuditOfSeveral(3)));
        assert!(serde_json::from_str::<Deal>(r#"{"concurrency": 2, "audit_millionths": 1}"#).is_err());
    }

    #[test]
    fn bids_that_cannot_come_are_not_waited_for() {
        let deal = |bids| Deal::new(1, 0).unwrap().with_min_bids(bids);
        assert_eq!((deal(80).check_bids(1), deal(0).check_bids(0)), (Ok(()), Ok(())));
        let why = deal(60_000).check_bids(2).unwrap_err();
        assert!(why.contains("60000 bids") && why.contains("2 nodes") && why.contains("at most 96"), "{why}");
    }
}
