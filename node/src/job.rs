//! What a requester asks for beside the job itself: how often it is run and how many runs must agree. The job is the
//! runtime's [`Job`](bacalhau_runtime::Job); counting the agreement is the business of `verify`.

/// How many executions of a job, and how many of them must agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deal {
    concurrency: u16,
    confidence: u16,
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
            Ok(Self { concurrency, confidence })
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deal_that_no_vote_can_meet_is_refused() {
        assert_eq!(Deal::new(0, 0), Err(DealError::NoExecution));
        assert_eq!(Deal::new(2, 3), Err(DealError::TooConfident { concurrency: 2, confidence: 3 }));
        let deal = Deal::new(3, 3).unwrap();
        assert_eq!((deal.concurrency(), deal.confidence()), (3, 3));
    }
}
