//! No verification: every result is taken as it is, and none is called verified.

use super::group::{Group, groups};
use super::{Proposal, Rule, Verdict, Verifier};
use crate::job::Deal;

/// Compares nothing.
#[derive(Clone, Copy, Debug)]
pub struct Noop;

impl Verifier for Noop {
    fn verify(&self, _deal: Deal, proposals: &[Proposal<'_>]) -> Verdict {
        let (groups, absent) = groups(proposals, Group::uncompared);
        let rule = if groups.is_empty() { Rule::NoProposal } else { Rule::NotCompared };
        Verdict { rule, groups, absent }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::Content;
    use crate::verify::fake::claim;

    #[test]
    fn the_first_result_stands_and_is_not_verified() {
        let claims = [claim("h1:z", 1), claim("h1:b", 1), claim("h1:b", 2), claim("h1:b", 1)];
        let proposals: Vec<Proposal<'_>> = (1..)
            .zip(&claims)
            .map(|(execution, claim)| Proposal { execution, content: Content::Claim(claim) })
            .collect();
        let verdict = Noop.verify(Deal::new(4, 0).unwrap(), &proposals);
        assert_eq!(verdict.winner(), None);
        assert_eq!(verdict.chosen(), Some(1));
        assert_eq!(verdict.groups[0].executions, [2, 3, 4]);
        assert_eq!(verdict.groups[0].faulty, [], "what is not compared is not called faulty");
        let nothing = Noop.verify(Deal::new(1, 0).unwrap(), &[Proposal { execution: 1, content: Content::Absent }]);
        assert_eq!((nothing.rule, nothing.chosen()), (Rule::NoProposal, None));
    }
}
