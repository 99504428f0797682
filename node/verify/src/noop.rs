//! No verification: every result is accepted and none counts as verified.

use super::group::{groups, uncompared};
use super::{Proposal, Verifier};
use bacalhau_job::{Deal, Rule, Verdict};

/// The verifier `noop`.
#[derive(Clone, Copy, Debug)]
pub struct Noop;

impl Verifier for Noop {
    fn verify(&self, deal: Deal, proposals: &[Proposal<'_>]) -> Verdict {
        let (groups, absent) = groups(proposals, uncompared);
        let rule = if groups.is_empty() { Rule::NoProposal } else { Rule::NotCompared };
        Verdict::new(rule, groups, absent, deal.concurrency())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Content;
    use crate::fake::claim;

    #[test]
    fn the_first_result_stands_and_is_not_verified() {
        let votes = [("h1:z", 1), ("h1:b", 1), ("h1:b", 2), ("h1:b", 1)];
        let proposals: Vec<Proposal<'_>> = (1..)
            .zip(votes)
            .map(|(execution, (h1, fuel))| Proposal {
                execution,
                content: Content::Vote { h1, claim: claim(h1, fuel) },
            })
            .collect();
        let verdict = Noop.verify(Deal::new(4, 0).unwrap(), &proposals);
        assert_eq!(verdict.winner(), None);
        assert_eq!(verdict.chosen(), Some(1));
        assert_eq!(verdict.groups[0].executions, [2, 3, 4]);
        assert!(verdict.groups[0].faulty.is_empty(), "what is not compared is not called faulty");
        assert_eq!(verdict.standing(), [1, 2, 3, 4]);
        assert_eq!(Noop.decided(Deal::new(5, 0).unwrap(), &proposals, 1), None, "a fifth may still come");
        assert_eq!(
            Noop.decided(Deal::new(5, 0).unwrap(), &proposals, 0).map(|verdict| verdict.rule),
            Some(verdict.rule)
        );
        let nothing = Noop.verify(Deal::new(1, 0).unwrap(), &[Proposal { execution: 1, content: Content::Absent }]);
        assert_eq!((nothing.rule, nothing.chosen()), (Rule::NoProposal, None));
        let unreadable = [
            Proposal { execution: 1, content: Content::Unreadable },
            Proposal { execution: 2, content: Content::Vote { h1: "h1:b", claim: claim("h1:b", 1) } },
        ];
        assert_eq!(Noop.verify(Deal::new(2, 0).unwrap(), &unreadable).chosen(), Some(2), "nobody can read the first");
    }
}
