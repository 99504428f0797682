//! Several independent executions of one job in this process, each with a directory of its own. It stands where a
//! network of nodes will: it runs and reports, and leaves judging to `verify`.

use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant, SystemTime};

use bacalhau_runtime::{Error, HostFailure, Inputs, Job, Link, Receipt};

use crate::executor::Executor;
use crate::verify::{Content, Proposal};

/// What each execution is given.
#[derive(Debug)]
pub struct Task<'a> {
    /// The job, the same for all.
    pub job: &'a Job,
    /// Its inputs, opened once and read by all.
    pub inputs: &'a Inputs,
    /// How long one execution may take.
    pub timeout: Duration,
    /// An existing directory, below which each execution gets one named by its number.
    pub dir: &'a Path,
}

/// One execution, after it ended.
#[derive(Debug)]
pub struct Execution {
    /// Counted from 1.
    pub number: u16,
    /// Its directory, which holds `results` where there is a receipt.
    pub dir: PathBuf,
    /// How long it took.
    pub wall: Duration,
    /// What came of it.
    pub outcome: Result<Receipt, Error>,
}

impl Execution {
    /// The results directory.
    pub fn results(&self) -> PathBuf {
        self.dir.join("results")
    }

    /// What the execution proposes as the result. A failure of the host proposes nothing.
    pub fn proposal(&self) -> Proposal<'_> {
        let content = match &self.outcome {
            Ok(receipt) => {
                let claim = Link::of_dag_cbor(&receipt.claim.to_dag_cbor());
                Content::Vote { h1: &receipt.claim.h1, claim }
            }
            Err(_) => Content::Absent,
        };
        Proposal { execution: self.number, content }
    }
}

/// Runs `count` executions, as many at once as this machine has cores, and tells `ended` of each as it ends. They come
/// back in the order of their numbers.
pub fn run(
    executor: &dyn Executor,
    task: &Task<'_>,
    count: u16,
    ended: &(dyn Fn(&Execution) + Sync),
) -> Vec<Execution> {
    let one = |number| {
        let execution = execute(executor, task, number);
        ended(&execution);
        execution
    };
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let workers = cores.min(usize::from(count));
    if workers <= 1 {
        return (1..=count).map(one).collect();
    }
    let queue = Mutex::new(1..=count);
    let (sender, done) = mpsc::channel();
    let work = |sender: mpsc::Sender<Execution>| {
        // Nothing panics while it holds the queue; if it did, there would be no work left to take.
        while let Some(number) = queue.lock().ok().and_then(|mut queue| queue.next()) {
            // The receiver outlives the scope.
            let _ = sender.send(one(number));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..workers {
            let sender = sender.clone();
            scope.spawn(|| work(sender));
        }
        work(sender);
    });
    let mut done: Vec<Execution> = done.into_iter().collect();
    done.sort_unstable_by_key(|execution| execution.number);
    done
}

fn execute(executor: &dyn Executor, task: &Task<'_>, number: u16) -> Execution {
    let dir = task.dir.join(number.to_string());
    let started = SystemTime::now();
    let clock = Instant::now();
    let outcome = make_dir(&dir).and_then(|()| executor.run(task.job, task.inputs, &dir.join("results"), task.timeout));
    let wall = clock.elapsed();
    let outcome = outcome.map(|mut receipt| {
        receipt.unclaimed.started = Some(humantime::format_rfc3339_seconds(started).to_string());
        receipt.unclaimed.wall_ms = Some(u64::try_from(wall.as_millis()).unwrap_or(u64::MAX));
        receipt
    });
    Execution { number, dir, wall, outcome }
}

fn make_dir(dir: &Path) -> Result<(), Error> {
    fs::create_dir(dir).map_err(|error| HostFailure::at("make the directory", dir, error).into())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicU16, Ordering};

    use bacalhau_runtime::Link;

    use super::*;
    use crate::executor::fake::Fake;

    fn run_fake(fake: &Fake, count: u16) -> Vec<Execution> {
        let dir = tempfile::tempdir().unwrap();
        let job = Job::new(Link::of_raw(b""));
        let task = Task { job: &job, inputs: &BTreeMap::new(), timeout: Duration::from_secs(1), dir: dir.path() };
        let heard = AtomicU16::new(0);
        let executions = run(fake, &task, count, &|execution| {
            assert_eq!(execution.results().exists(), execution.outcome.is_ok());
            heard.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(heard.into_inner(), count);
        executions
    }

    #[test]
    fn each_execution_has_a_number_a_directory_and_a_proposal() {
        let executions = run_fake(&Fake { liars: &[2], failing: &[5] }, 7);
        let proposals: Vec<_> = executions.iter().map(Execution::proposal).collect();
        let numbers: Vec<u16> = proposals.iter().map(|proposal| proposal.execution).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(proposals[4].content, Content::Absent);
        assert_ne!(proposals[0].content, proposals[1].content);
        assert!([2, 3, 5, 6].iter().all(|index| proposals[*index].content == proposals[0].content));
    }

    #[test]
    fn one_execution_records_when_and_how_long() {
        let executions = run_fake(&Fake { liars: &[], failing: &[] }, 1);
        let unclaimed = &executions[0].outcome.as_ref().unwrap().unclaimed;
        assert!(unclaimed.started.as_ref().unwrap().ends_with('Z'));
        assert!(unclaimed.wall_ms.is_some());
    }
}
