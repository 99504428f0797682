//! Job selection: maxima, location of data, stateless jobs, and external probes. All must accept the job. `assess`
//! computes its needs.

use std::collections::BTreeMap;

use libp2p_identity::PeerId;

use super::job_inputs::JobInput;
use super::maxima::Maxima;
use super::probe::Probe;
use bacalhau_job::{AnnouncedJob, Condition, DeclineReason, Declined, InputSpec, JobBrief, unfulfilled};
use bacalhau_storage::{Source, SourceError, Sources, Storage};

/// Required location of a job's inputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Locality {
    /// Every input is on this machine. The module may come from elsewhere, as it is small.
    #[default]
    Local,
    /// Any location.
    Anywhere,
}

/// The job selection policy.
#[derive(Debug, Default)]
pub struct Policy {
    /// Required location of inputs. Default [`Locality::Local`].
    pub locality: Locality,
    /// Reject jobs without inputs. Default: no.
    pub reject_stateless: bool,
    /// Labels of this node, with which the selector of a job is compared.
    pub labels: Vec<(String, String)>,
    /// Maxima of a job.
    pub maxima: Maxima,
    /// External probes, in order. Default: none.
    pub probes: Vec<Probe>,
}

impl Policy {
    /// The accepted shards of `job` with these inputs on this node, `me`: at least one.
    ///
    /// # Errors
    /// Why none is accepted.
    pub(super) fn select(
        &self,
        me: &PeerId,
        job: &AnnouncedJob,
        inputs: &[Vec<JobInput<'_>>],
        sources: &Sources,
    ) -> Result<Vec<bool>, Declined> {
        let declined = |reason| move |why| Declined::new(reason, why);
        self.maxima.check(job.spec())?;
        self.check_labels(&job.spec().selector)?;
        self.check_stateless(job.shards.iter().all(Vec::is_empty))?;
        let mut wanted = vec![true; job.shards.len()];
        if self.locality == Locality::Local {
            let absent = absent(inputs, sources).map_err(declined(DeclineReason::NoInput))?;
            wanted = absent.iter().map(Option::is_none).collect();
            if let Some(why) = absent.into_iter().flatten().next().filter(|_| !wanted.contains(&true)) {
                return Err(Declined::new(DeclineReason::NoInput, why));
            }
        }
        let probes = self.probes.iter().try_for_each(|probe| probe.ask(me, job));
        probes.map_err(|error| Declined::new(DeclineReason::Policy, error.to_string()))?;
        Ok(wanted)
    }

    /// Whether a job known by its brief may be accepted.
    ///
    /// # Errors
    /// Why not, regardless of its spec.
    pub(super) fn select_brief(&self, brief: &JobBrief) -> Result<(), Declined> {
        self.maxima.check_timeout(brief.timeout_seconds)?;
        self.check_labels(&brief.selector)?;
        self.check_stateless(brief.stateless)
    }

    fn check_labels(&self, selector: &[Condition]) -> Result<(), Declined> {
        let Some(condition) = unfulfilled(selector, &self.labels) else { return Ok(()) };
        let why =
            format!("the job selects nodes with {condition}, which the labels of this node (node.labels) do not match");
        Err(Declined::new(DeclineReason::NoLabel, why))
    }

    fn check_stateless(&self, stateless: bool) -> Result<(), Declined> {
        if self.reject_stateless && stateless {
            let why = "the job has no inputs, and this node rejects stateless jobs";
            return Err(Declined::new(DeclineReason::Policy, why));
        }
        Ok(())
    }
}

/// For each shard, an input that is not on this machine; `None` if all are.
fn absent(inputs: &[Vec<JobInput<'_>>], sources: &Sources) -> Result<Vec<Option<String>>, String> {
    // Many shards share a DAG; its blocks are looked up once.
    let mut dags: BTreeMap<String, bool> = BTreeMap::new();
    let mut absent = |input: &JobInput<'_>| {
        let source = input.source.as_ref().map_err(ToString::to_string)?;
        let look = || sources.has_locally(source).map_err(|error| error.to_string());
        let here = match source {
            Source::Cid(cid) => {
                let dag = format!("{} {:?}", cid.place.cid, cid.metadata);
                match dags.get(&dag) {
                    Some(here) => *here,
                    None => *dags.entry(dag).or_insert(look()?),
                }
            }
            _ => look()?,
        };
        Ok::<_, String>((!here).then(|| format!("{} is not on this machine", source.recorded())))
    };
    inputs
        .iter()
        .map(|inputs| {
            for input in inputs {
                if let Some(why) = absent(input)? {
                    return Ok(Some(why));
                }
            }
            Ok(None)
        })
        .collect()
}

/// The source of an input; with `verified`, only checked data.
///
/// # Errors
/// When its text is not a valid source.
pub(super) fn source_of(sources: &Sources, verified: bool, input: &InputSpec) -> Result<Source, SourceError> {
    let mut source = sources.parse(&input.source)?;
    if let Source::Cid(cid) = &mut source {
        input.target.clone_into(&mut cid.guest_path);
    }
    Ok(source.verified(verified))
}

#[cfg(test)]
pub(super) mod tests;
