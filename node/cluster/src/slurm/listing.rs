//! The output of `sbatch` and `squeue`.

use bacalhau_tree::HostFailure;

use super::super::{ClusterJob, Phase};

/// Fields of a line: id, state, comment and, last since it is free text, the reason.
pub(super) const FORMAT: &str = "%i|%T|%k|%r";
/// Maximum length of a job id.
const MAX_ID_CHARS: usize = 20;
/// Maximum length of a quoted reason.
const MAX_REASON_CHARS: usize = 200;

/// Reasons for which a job waits until a person changes something.
const NEVER: [&str; 9] = [
    "BadConstraints",
    "InvalidAccount",
    "InvalidQOS",
    "JobHeldAdmin",
    "JobHeldUser",
    "PartitionDown",
    "PartitionNodeLimit",
    "PartitionTimeLimit",
    "launch failed requeued held",
];

/// The id in the output of `sbatch --parsable`: `ID` or `ID;CLUSTER`.
pub(super) fn job_id(output: &str) -> Option<String> {
    let line = output.strip_suffix('\n').unwrap_or(output);
    let id = line.split_once(';').map_or(line, |(id, _)| id);
    is_id(id).then(|| id.to_owned())
}

fn is_id(text: &str) -> bool {
    (1..=MAX_ID_CHARS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The jobs in the output of `squeue`. Jobs whose comment is not the id of an execution are not of this node.
///
/// # Errors
/// When a line has another form.
pub(super) fn parse(output: &str) -> Result<Vec<ClusterJob>, HostFailure> {
    let mut jobs = Vec::new();
    for line in output.lines() {
        let wrong =
            || HostFailure::new(format!("squeue printed the line {line:?}, which is not ID|STATE|COMMENT|REASON"));
        let mut fields = line.splitn(4, '|');
        let (Some(id), Some(state), Some(comment), Some(reason)) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(wrong());
        };
        if !is_id(id) {
            return Err(wrong());
        }
        if let Ok(execution) = comment.parse() {
            jobs.push(ClusterJob { id: id.into(), execution, phase: phase(state, reason) });
        }
    }
    Ok(jobs)
}

fn phase(state: &str, reason: &str) -> Phase {
    match state {
        "COMPLETED" => Phase::Ended,
        "BOOT_FAIL" | "CANCELLED" | "DEADLINE" | "FAILED" | "NODE_FAIL" | "OUT_OF_MEMORY" | "PREEMPTED" | "REVOKED"
        | "TIMEOUT" => {
            let reason: String = reason.chars().take(MAX_REASON_CHARS).collect();
            Phase::Failed(if matches!(&*reason, "" | "None") { state.into() } else { format!("{state} ({reason})") })
        }
        "RUNNING" | "COMPLETING" | "STAGE_OUT" | "SIGNALING" => Phase::Running,
        "PENDING" if NEVER.contains(&reason) => Phase::Stuck(format!("{state} ({reason})")),
        // Waiting, suspended, requeued, and states of later versions: the execution has its own timeout.
        _ => Phase::Pending,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn job_ids_are_numbers() {
        for (output, wanted) in [("17\n", Some("17")), ("17;east\n", Some("17")), ("17", Some("17"))] {
            assert_eq!(job_id(output).as_deref(), wanted, "{output:?}");
        }
        for output in ["", "\n", "Submitted batch job 17\n", "17\n18\n", "-1", "1234567890123456789012"] {
            assert_eq!(job_id(output), None, "{output:?}");
        }
    }

    #[test]
    fn lines_are_jobs_and_others_are_errors() {
        let name = format!("{}:0:1", "a".repeat(32));
        let output = format!(
            "1|PENDING|{name}|Nodes required for job are DOWN|DRAINED\n2|RUNNING|{name}|None\n3|COMPLETED|{name}|None\n\
             4|NODE_FAIL|{name}|None\n5|FAILED|{name}|NonZeroExitCode\n6|RUNNING|another|None\n7|REQUEUED|{name}|None\n8|PENDING|{name}|launch failed requeued held\n"
        );
        let jobs = parse(&output).unwrap();
        let phases: Vec<Phase> = jobs.iter().map(|job| job.phase.clone()).collect();
        let failed = |why: &str| Phase::Failed(why.into());
        let wanted = [
            Phase::Pending,
            Phase::Running,
            Phase::Ended,
            failed("NODE_FAIL"),
            failed("FAILED (NonZeroExitCode)"),
            Phase::Pending,
            Phase::Stuck("PENDING (launch failed requeued held)".into()),
        ];
        assert_eq!(phases, wanted);
        assert_eq!((jobs[0].id.as_str(), jobs[0].execution.to_string()), ("1", name));
        for line in ["1|RUNNING", "x|RUNNING|a|b", "slurm_load_jobs error: Invalid job id", "1_2|RUNNING|a|b"] {
            let error = parse(line).unwrap_err().to_string();
            assert!(error.contains("which is not ID|STATE"), "{error}");
        }
    }
}
