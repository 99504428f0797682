//! Which jobs this node wants: where their data is, whether they have any, and what an external probe says. All of it
//! has to agree. How much a job takes is the business of `assess`.

use std::collections::BTreeMap;
use std::time::Duration;

use bacalhau_runtime::Profile;
use libp2p::PeerId;

use super::probe::Probe;
use crate::job::{AnnouncedJob, Engine, MAX_TIMEOUT_SECONDS};
use crate::storage::{Source, Sources, Storage};

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
#[derive(Debug)]
pub struct Policy {
    /// Where inputs have to be. Default [`Locality::Local`].
    pub locality: Locality,
    /// Refuse jobs without any input. Default: no.
    pub reject_stateless: bool,
    /// The longest that an execution may ask to take. Default: as long as any job may.
    pub max_timeout: Duration,
    /// Whoever is asked besides, in this order. Default: nobody.
    pub probes: Vec<Probe>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            locality: Locality::default(),
            reject_stateless: false,
            max_timeout: Duration::from_secs(MAX_TIMEOUT_SECONDS),
            probes: Vec::new(),
        }
    }
}

impl Policy {
    /// Whether this node, `me`, wants `job`.
    ///
    /// # Errors
    /// Why not, in words.
    pub fn select(&self, me: &PeerId, job: &AnnouncedJob, sources: &Sources) -> Result<(), String> {
        let Engine::Wasm(wasm) = &job.request.request.spec.engine;
        if wasm.job.profile != Profile::V1.id() {
            return Err(format!("no executor of this node runs profile {}", wasm.job.profile));
        }
        let (wanted, most) = (job.request.request.spec.timeout_seconds, self.max_timeout.as_secs());
        if wanted > most {
            return Err(format!("the job asks for {wanted} s, and this node gives an execution {most} s"));
        }
        if self.reject_stateless && job.shards.iter().all(Vec::is_empty) {
            return Err("the job has no inputs, and this node takes no stateless jobs".into());
        }
        if self.locality == Locality::Local {
            all_local(job, sources)?;
        }
        self.probes.iter().try_for_each(|probe| probe.ask(me, job))
    }
}

fn all_local(job: &AnnouncedJob, sources: &Sources) -> Result<(), String> {
    // Many shards have inputs in one DAG, whose blocks are looked for once.
    let mut dags: BTreeMap<String, bool> = BTreeMap::new();
    for input in job.shards.iter().flatten() {
        let source = source_of(sources, &input.source, &input.target)?;
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
        if !here {
            return Err(format!("{} is not on this machine", source.recorded()));
        }
    }
    Ok(())
}

/// The source that a job names `text`, to be seen at `target`.
pub(super) fn source_of(sources: &Sources, text: &str, target: &str) -> Result<Source, String> {
    let mut source = sources.parse(text).map_err(|error| error.to_string())?;
    if let Source::Cid(cid) = &mut source {
        target.clone_into(&mut cid.guest_path);
    }
    Ok(source)
}

#[cfg(test)]
pub(super) mod tests;
