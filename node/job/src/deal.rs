//! The deal: number of runs, required agreement, minimum bids and runs, operator mode, draw mode and audit rate. `verify` counts
//! votes, `requester` draws.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Distinct, DrawMode};

/// Probabilities are given in parts of this.
pub const MILLION: u32 = 1_000_000;

/// How many executions of a job, how many of them must agree, how many bids must be in before one is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "Terms", into = "Terms")]
pub struct Deal {
    #[schema(minimum = 1)]
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
    /// Probability in millionths that a single run is repeated by another operator. Default 0.
    #[schema(required = false)]
    audit_millionths: u32,
    /// Fewest runs that the job may have when no more providers offer to run it. Absent or 0: as many as `concurrency`.
    #[schema(required = false)]
    min_runs: u16,
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
    #[serde(default, skip_serializing_if = "is_zero")]
    min_runs: u16,
}

fn is_zero<N: Default + PartialEq>(number: &N) -> bool {
    *number == N::default()
}

impl Deal {
    /// A deal of `concurrency` executions of which at least `confidence` must agree.
    ///
    /// # Errors
    /// When there is no execution, or confidence exceeds concurrency.
    ///
    /// ```
    /// use bacalhau_job::Deal;
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
            Ok(Self {
                concurrency,
                confidence,
                min_bids: 0,
                distinct: None,
                draw: None,
                audit_millionths: 0,
                min_runs: 0,
            })
        }
    }

    /// This deal with a minimum number of bids.
    #[must_use]
    pub fn with_min_bids(self, min_bids: u16) -> Self {
        Self { min_bids, ..self }
    }

    /// The same deal with an operator mode; `None` is that of the requester.
    #[must_use]
    pub fn with_distinct(self, distinct: Option<Distinct>) -> Self {
        Self { distinct, ..self }
    }

    /// The same deal with a draw mode; `None` is that of the requester.
    #[must_use]
    pub fn with_draw(self, draw: Option<DrawMode>) -> Self {
        Self { draw, ..self }
    }

    /// This deal with an audit rate in millionths.
    ///
    /// # Errors
    /// When it is more than 1, or there are several runs.
    pub fn with_audit(self, audit_millionths: u32) -> Result<Self, DealError> {
        if audit_millionths > MILLION {
            Err(DealError::AuditRate(audit_millionths))
        } else if audit_millionths > 0 && self.concurrency != 1 {
            Err(DealError::AuditOfSeveral(self.concurrency))
        } else {
            Ok(Self { audit_millionths, ..self })
        }
    }

    /// This deal with the fewest runs that are enough when no more providers offer to run the job; 0 is `concurrency`.
    ///
    /// # Errors
    /// When it is more than `concurrency`, or `confidence` could not be reached with it.
    pub fn with_min_runs(self, min_runs: u16) -> Result<Self, DealError> {
        let Self { concurrency, confidence, .. } = self;
        if min_runs > concurrency {
            Err(DealError::TooManyRuns { concurrency, min_runs })
        } else if min_runs > 0 && min_runs < confidence {
            Err(DealError::TooFewRuns { confidence, min_runs })
        } else {
            Ok(Self { min_runs, ..self })
        }
    }

    /// Number of independent executions, at least 1.
    pub fn concurrency(self) -> u16 {
        self.concurrency
    }

    /// Number of executions that must agree; 0 and 1 add nothing to the other rules of the vote.
    pub fn confidence(self) -> u16 {
        self.confidence
    }

    /// Minimum number of bids before any is accepted, at least 1. If it is less than `concurrency`, the first bidders
    /// run at once and later ones as they arrive. Bids of one operator count once.
    pub fn min_bids(self) -> u16 {
        self.min_bids.max(1)
    }

    /// Fewest executions with which a verdict may be reached, at least 1: `concurrency`, unless the client accepts fewer.
    pub fn min_runs(self) -> u16 {
        if self.min_runs == 0 { self.concurrency } else { self.min_runs }
    }

    /// Operator mode, if set by the client.
    pub fn distinct(self) -> Option<Distinct> {
        self.distinct
    }

    /// Draw mode, if set by the client.
    pub fn draw(self) -> Option<DrawMode> {
        self.draw
    }

    /// Probability that the only run of a shard is repeated by another operator, in millionths.
    pub fn audit_millionths(self) -> u32 {
        self.audit_millionths
    }
}

/// Minimum bids that any deal may require: a node is connected to only a part of its network.
const BIDS_WITHOUT_NODES: usize = 64;
/// Further bids for each known node.
const BIDS_A_NODE: usize = 16;

impl Deal {
    /// Whether so many bids are plausible for a node that knows `nodes` nodes, including itself.
    ///
    /// # Errors
    /// The limit.
    pub fn check_bids(self, nodes: usize) -> Result<(), TooManyBids> {
        let most = BIDS_WITHOUT_NODES.saturating_add(nodes.saturating_mul(BIDS_A_NODE));
        if usize::from(self.min_bids) <= most {
            return Ok(());
        }
        Err(TooManyBids { min_bids: self.min_bids, nodes, most })
    }
}

impl TryFrom<Terms> for Deal {
    type Error = DealError;

    fn try_from(terms: Terms) -> Result<Self, DealError> {
        let deal = Self::new(terms.concurrency, terms.confidence)?.with_min_bids(terms.min_bids);
        let deal = deal.with_distinct(terms.distinct).with_draw(terms.draw).with_audit(terms.audit_millionths)?;
        deal.with_min_runs(terms.min_runs)
    }
}

impl From<Deal> for Terms {
    fn from(deal: Deal) -> Self {
        let Deal { concurrency, confidence, min_bids, distinct, draw, audit_millionths, min_runs } = deal;
        Self { concurrency, confidence, min_bids, distinct, draw, audit_millionths, min_runs }
    }
}

/// A job requires more bids than are plausible for the nodes that this node knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the job requires {min_bids} bids, but this node knows {nodes} nodes, for which the maximum is {most}: lower min_bids"
)]
pub struct TooManyBids {
    /// Required bids.
    pub min_bids: u16,
    /// Known nodes, including this one.
    pub nodes: usize,
    /// The maximum for them.
    pub most: usize,
}

/// Why numbers make no deal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DealError {
    /// No execution.
    #[error("concurrency is 0, so nothing would run: set at least 1")]
    NoExecution,
    /// No vote could ever reach it.
    #[error("confidence {confidence} can never be reached by {concurrency} runs: lower it or raise the concurrency")]
    TooConfident {
        /// Requested executions.
        concurrency: u16,
        /// Requested agreement.
        confidence: u16,
    },
    /// A probability is at most 1.
    #[error("an audit rate of {0} millionths is more than 1: give a rate from 0 to 1")]
    AuditRate(u32),
    /// Runs that are compared need no audit.
    #[error("an audit repeats a single run, and {0} runs are compared anyway: ask for one run, or leave the audit out")]
    AuditOfSeveral(u16),
    /// More runs are required than are begun.
    #[error("at least {min_runs} runs are required of {concurrency}: lower min_runs or raise the concurrency")]
    TooManyRuns {
        /// Requested executions.
        concurrency: u16,
        /// Required executions.
        min_runs: u16,
    },
    /// So few runs could not reach the confidence.
    #[error("confidence {confidence} can never be reached by {min_runs} runs: lower it or raise min_runs")]
    TooFewRuns {
        /// Requested agreement.
        confidence: u16,
        /// Required executions.
        min_runs: u16,
    },
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
        let error = serde_json::from_str::<Deal>(r#"{"concurrency": 2, "confidence": 3}"#).unwrap_err().to_string();
        assert!(error.contains("can never be reached"), "{error}");
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
    fn fewer_runs_are_accepted_within_what_was_asked_for() {
        let deal = Deal::new(5, 3).unwrap();
        assert_eq!((deal.min_runs(), deal.with_min_runs(4).unwrap().min_runs()), (5, 4));
        assert_eq!(deal.with_min_runs(6), Err(DealError::TooManyRuns { concurrency: 5, min_runs: 6 }));
        assert_eq!(deal.with_min_runs(2), Err(DealError::TooFewRuns { confidence: 3, min_runs: 2 }));
        let text = serde_json::to_string(&deal.with_min_runs(4).unwrap()).unwrap();
        assert_eq!(text, r#"{"concurrency":5,"confidence":3,"min_bids":0,"min_runs":4}"#);
        let error = serde_json::from_str::<Deal>(r#"{"concurrency": 2, "min_runs": 3}"#).unwrap_err().to_string();
        assert!(error.contains("lower min_runs"), "{error}");
    }

    #[test]
    fn an_audit_is_of_a_single_run_and_its_rate_a_probability() {
        assert_eq!(Deal::new(1, 0).unwrap().with_audit(MILLION + 1), Err(DealError::AuditRate(MILLION + 1)));
        assert_eq!(Deal::new(3, 0).unwrap().with_audit(1), Err(DealError::AuditOfSeveral(3)));
        let error =
            serde_json::from_str::<Deal>(r#"{"concurrency": 2, "audit_millionths": 1}"#).unwrap_err().to_string();
        assert!(error.contains("an audit repeats a single run"), "{error}");
    }

    #[test]
    fn bids_that_cannot_come_are_not_waited_for() {
        let deal = |bids| Deal::new(1, 0).unwrap().with_min_bids(bids);
        assert_eq!((deal(80).check_bids(1), deal(0).check_bids(0)), (Ok(()), Ok(())));
        let why = deal(60_000).check_bids(2).unwrap_err().to_string();
        assert!(why.contains("60000 bids") && why.contains("2 nodes") && why.contains("maximum is 96"), "{why}");
    }
}
