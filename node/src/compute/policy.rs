//! Which jobs this node wants: how large their numbers are, where their data is, whether they have any, and what an external
//! probe says. All of it has to agree. How much a job takes is the business of `assess`.

use std::collections::BTreeMap;

use libp2p::PeerId;

use super::maxima::Maxima;
use super::probe::Probe;
use crate::job::{AnnouncedJob, DeclineReason, Declined, InputSpec, JobBrief};
use crate::storage::{Source, SourceError, Sources, Storage};

/// Where the data of a job has to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Locality {
    /// Every input is on this machine. The module may come from elsewhere: it is small.
    #[default]
    Local,
    /// Anywhere.
    Anywhere,
}

/// What this node wants.
#[derive(Debug, Default)]
pub struct Policy {
    /// Where inputs have to be. Default [`Locality::Local`].
    pub locality: Locality,
    /// Refuse jobs without any input. Default: no.
    pub reject_stateless: bool,
    /// The largest numbers that a job may have.
    pub maxima: Maxima,
    /// Whoever is asked besides, in this order. Default: nobody.
    pub probes: Vec<Probe>,
}

impl Policy {
    /// Which shards of `job` this node, `me`, wants: one at least.
    ///
    /// # Errors
    /// Why none.
    pub fn select(&self, me: &PeerId, job: &AnnouncedJob, sources: &Sources) -> Result<Vec<bool>, Declined> {
        let declined = |reason| move |why| Declined::new(reason, why);
        self.maxima.check(&job.request.request.spec)?;
        self.check_stateless(job.shards.iter().all(Vec::is_empty))?;
        let mut wanted = vec![true; job.shards.len()];
        if self.locality == Locality::Local {
            let absent = absent(job, sources).map_err(declined(DeclineReason::NoInput))?;
            wanted = absent.iter().map(Option::is_none).collect();
            if let Some(why) = absent.into_iter().flatten().next().filter(|_| !wanted.contains(&true)) {
                return Err(Declined::new(DeclineReason::NoInput, why));
            }
        }
        let probes = self.probes.iter().try_for_each(|probe| probe.ask(me, job));
        probes.map_err(declined(DeclineReason::Policy))?;
        Ok(wanted)
    }

    /// Whether this node may want a job that is known in brief.
    ///
    /// # Errors
    /// Why not, whatever its spec says.
    pub(super) fn select_brief(&self, brief: &JobBrief) -> Result<(), Declined> {
        self.maxima.check_timeout(brief.timeout_seconds)?;
        self.check_stateless(brief.stateless)
    }

    fn check_stateless(&self, stateless: bool) -> Result<(), Declined> {
        if self.reject_stateless && stateless {
            let why = "the job has no inputs, and this node takes no stateless jobs";
            return Err(Declined::new(DeclineReason::Policy, why));
        }
        Ok(())
    }
}

/// For each shard, which of its inputs is not on this machine, in words; `None` where all of them are.
fn absent(job: &AnnouncedJob, sources: &Sources) -> Result<Vec<Option<String>>, String> {
    // Many shards have inputs in one DAG, whose blocks are looked for once.
    let mut dags: BTreeMap<String, bool> = BTreeMap::new();
    let mut absent = |input: &InputSpec| {
        let source =
            source_of(sources, job.request.request.spec.verified_inputs, input).map_err(|error| error.to_string())?;
        let look = || sources.has_locally(&source).map_err(|error| error.to_string());
        let here = match &source {
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
    job.shards
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

/// The source of an input of a job, which takes `verified` ones only, or any.
///
/// # Errors
/// When its text names none.
pub(super) fn source_of(sources: &Sources, verified: bool, input: &InputSpec) -> Result<Source, SourceError> {
    let mut source = sources.parse(&input.source)?;
    if let Source::Cid(cid) = &mut source {
        input.target.clone_into(&mut cid.guest_path);
    }
    Ok(source.verified(verified))
}

#[cfg(test)]
pub(super) mod tests;
