//! The audit of a single run: whether it was audited, by which node, and the probability that wrong results are
//! detected.

use libp2p::PeerId;
use serde::Serialize;

use bacalhau_job::{AuditRecord, MILLION, Operator, ShardRecord, audit};

/// Numbers of wrong results for which the report gives the probability of detection.
const WRONG: [u32; 3] = [1, 10, 100];

/// The audit of a shard in a report.
#[derive(Debug, Serialize)]
pub(super) struct Audit {
    /// The probability of an audit.
    rate: f64,
    /// Whether the shard was drawn for an audit.
    drawn: bool,
    /// The executions that repeated the run.
    by: Vec<Auditor>,
    /// The probabilities of detection.
    detection: Vec<Detection>,
}

/// An execution that repeats another.
#[derive(Debug, Serialize)]
struct Auditor {
    execution: u16,
    node: PeerId,
    #[serde(skip_serializing_if = "Option::is_none")]
    operator: Option<Operator>,
}

/// The probability that at least one of several wrong results is audited. Detection needs an honest auditor.
#[derive(Debug, Serialize)]
struct Detection {
    wrong: u32,
    probability: f64,
}

impl Audit {
    /// The audit of a decided shard; `None` when the job has no audits.
    pub(super) fn of(shard: &ShardRecord) -> Option<Self> {
        let AuditRecord { rate_millionths, execution, drawn, .. } = *shard.audit.as_ref()?;
        let others = shard.executions.iter().filter(|it| drawn && it.number != execution && it.h1.is_some());
        let auditor = |it: &bacalhau_job::ExecutionRecord| Auditor {
            execution: it.number,
            node: it.peer,
            operator: it.operator.clone(),
        };
        Some(Self {
            rate: f64::from(rate_millionths) / f64::from(MILLION),
            drawn,
            by: others.map(auditor).collect(),
            detection: WRONG
                .map(|wrong| Detection { wrong, probability: audit::detection(rate_millionths, wrong) })
                .into(),
        })
    }

    /// The audit as text, two lines.
    pub(super) fn lines(&self) -> [String; 2] {
        let by: Vec<String> = self
            .by
            .iter()
            .map(|it| {
                let operator = it.operator.as_ref().map(|operator| format!(", {operator}")).unwrap_or_default();
                format!("execution {} on {}{operator}", it.execution, it.node)
            })
            .collect();
        let made = match (self.drawn, by.is_empty()) {
            (false, _) => "not drawn: the result is that of a single run".into(),
            (true, true) => "drawn, but no audit was completed".into(),
            (true, false) => format!("repeated by {}", by.join(", ")),
        };
        let found: Vec<String> =
            self.detection.iter().map(|it| format!("{:.2}% of {}", it.probability * 100.0, it.wrong)).collect();
        [
            format!("rate {:.4}%: {made}", self.rate * 100.0),
            format!("at least one wrong result is detected by honest auditors with probability {}", found.join(", ")),
        ]
    }
}

/// Parses a rate: a number from 0 to 1, or a percentage. Returns millionths.
pub(super) fn parse_rate(text: &str) -> Result<u32, String> {
    let wrong = || format!("{text:?} is not a rate: write a number from 0 to 1 as in 0.05, or a percentage as in 5%");
    let (number, scale) = match text.strip_suffix('%') {
        Some(percent) => (percent.trim_end(), f64::from(MILLION) / 100.0),
        None => (text, f64::from(MILLION)),
    };
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let millionths = (number * scale).round();
    if !(0.0..=f64::from(MILLION)).contains(&millionths) {
        return Err(wrong());
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 0 and a million")]
    Ok(millionths as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_numbers_or_percentages() {
        for (text, millionths) in
            [("0.05", 50_000), ("5%", 50_000), ("0", 0), ("1", MILLION), ("0.000001", 1), ("12.5 %", 125_000)]
        {
            assert_eq!(parse_rate(text), Ok(millionths), "{text}");
        }
        for text in ["", "-0.1", "1.1", "101%", "NaN", "inf", "often"] {
            assert!(parse_rate(text).unwrap_err().contains("0.05"), "{text}");
        }
    }
}
