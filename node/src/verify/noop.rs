//! No verification: every result is taken as it is, and none is called verified.

use super::{Proposal, Rule, Verdict, Verifier};
use crate::job::Deal;

/// Compares nothing.
#[derive(Clone, Copy, Debug)]
pub struct Noop;

impl Verifier for Noop {
    fn verify(&self, _deal: Deal, proposals: &[Proposal]) -> Verdict {
        Verdict::over(proposals, |groups| if groups.is_empty() { Rule::NoProposal } else { Rule::NotCompared })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::Content;

    #[test]
    fn the_first_result_stands_and_is_not_verified() {
        let proposal = |execution, h1: &str| Proposal { execution, content: Content::Hash(h1.into()) };
        let verdict = Noop.verify(Deal::new(2, 0).unwrap(), &[proposal(2, "h1:b"), proposal(1, "h1:z")]);
        assert_eq!(verdict.winner(), None);
        assert_eq!(verdict.chosen(), Some(1));
        let nothing = Noop.verify(Deal::new(1, 0).unwrap(), &[Proposal { execution: 1, content: Content::Absent }]);
        assert_eq!((nothing.rule, nothing.chosen()), (Rule::NoProposal, None));
    }
}
