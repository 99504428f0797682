//! Resource needs of a job on this node, if the policy accepts it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bacalhau_tree::Link;
use libp2p_identity::PeerId;

use super::executor::Executors;
use super::job_inputs::{JobInput, job_inputs};
use super::policy::Policy;
use bacalhau_job::{
    AnnouncedJob, DeclineReason, Declined, JobBrief, JobSpec, Resources, container_memory, docker_profile,
};
use bacalhau_storage::{Sources, Storage};

/// Minimum CPU of a WebAssembly run: it is one thread, and no mechanism limits it to a share of a core.
const WASM_CPU_MILLIS: u64 = 1000;
/// CPU of a container whose job does not state it.
const CONTAINER_CPU_MILLIS: u64 = 1000;

/// Assesses jobs. Slow: it may look up data and call probes.
#[derive(Debug)]
pub struct Assessor {
    me: PeerId,
    executors: Executors,
    policy: Policy,
    sources: Arc<Sources>,
    per_job: Resources,
}

/// Needs of one execution, without disk for inputs to be fetched.
pub(super) fn charged_by(spec: &JobSpec) -> Resources {
    charged(&spec.engine.profile(), spec.asked())
}

/// The same, from the profile and the requested resources ([`JobSpec::asked`]). A WebAssembly run takes a whole core,
/// even if the job requests less.
pub(super) fn charged(profile: &Link, asked: Resources) -> Resources {
    let (cpu_millis, memory_bytes) = if *profile != docker_profile() {
        (asked.cpu_millis.max(WASM_CPU_MILLIS), asked.memory_bytes)
    } else if asked.cpu_millis == 0 {
        (CONTAINER_CPU_MILLIS, container_memory(&asked))
    } else {
        (asked.cpu_millis, container_memory(&asked))
    };
    Resources { cpu_millis, memory_bytes, ..asked }
}

impl Assessor {
    /// An assessor for the node `me` with these executors. An execution is given at most `per_job`.
    pub fn new(me: PeerId, executors: Executors, policy: Policy, sources: Arc<Sources>, per_job: Resources) -> Self {
        Self { me, executors, policy, sources, per_job }
    }

    /// Needs of one execution of each shard that this node accepts. Inputs of unknown size count as empty.
    ///
    /// # Errors
    /// Why the job is rejected.
    pub fn assess(&self, job: &AnnouncedJob) -> Result<Vec<Option<Resources>>, Declined> {
        let spec = job.spec();
        let ready = self.executors.check_ready(&spec.engine);
        ready.map_err(|why| Declined::new(DeclineReason::NoEngine, why.to_string()))?;
        let charged = self.given(charged_by(spec))?;
        let inputs = job_inputs(job, &self.sources);
        let wanted = self.policy.select(&self.me, job, &inputs, &self.sources)?;
        let mut sizes = BTreeMap::new();
        inputs
            .iter()
            .zip(wanted)
            .map(|(inputs, wanted)| {
                if !wanted {
                    return Ok(None);
                }
                let mut bytes: u64 = 0;
                for input in inputs {
                    let size = match sizes.get(input.text) {
                        Some(size) => *size,
                        None => *sizes.entry(input.text).or_insert(self.to_fetch(input)?),
                    };
                    bytes = bytes.saturating_add(size);
                }
                Ok(Some(Resources { disk_bytes: charged.disk_bytes.max(bytes), ..charged }))
            })
            .collect()
    }

    /// Needs of one execution of each shard of a job known by its brief.
    ///
    /// # Errors
    /// Why the job is rejected, regardless of its spec.
    pub fn assess_brief(&self, brief: &JobBrief) -> Result<Vec<Option<Resources>>, Declined> {
        let charged = self.given(charged(&brief.profile, brief.resources))?;
        self.policy.select_brief(brief)?;
        Ok(vec![Some(charged); brief.shards as usize])
    }

    /// The needs of an execution, if they are within the limit.
    fn given(&self, charged: Resources) -> Result<Resources, Declined> {
        for (what, wanted, most) in [
            ("thousandths of a core", charged.cpu_millis, self.per_job.cpu_millis),
            ("bytes of memory", charged.memory_bytes, self.per_job.memory_bytes),
            ("bytes of disk", charged.disk_bytes, self.per_job.disk_bytes),
        ] {
            if wanted > most {
                let why = format!("the job needs {wanted} {what}, and this node gives one execution at most {most}");
                return Err(Declined::new(DeclineReason::TooLarge, why));
            }
        }
        Ok(charged)
    }

    /// Bytes to fetch for an input.
    fn to_fetch(&self, input: &JobInput<'_>) -> Result<u64, Declined> {
        let declined = |why| Declined::new(DeclineReason::NoInput, why);
        let source = input.source.as_ref().map_err(|error| declined(error.to_string()))?;
        // An input whose presence is unknown counts as absent.
        if self.sources.has_locally(source).unwrap_or(false) {
            return Ok(0);
        }
        let size = self.sources.size(source).map_err(|error| declined(error.to_string()))?;
        Ok(size.unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use bacalhau_receipt::Limits;
    use bacalhau_tree::Link;

    use super::*;
    use crate::policy::Locality;
    use crate::policy::tests::{executors, job, sources};
    use bacalhau_storage::LocalStorage;
    use bacalhau_testkit::server::{TestServer, respond};

    #[test]
    fn what_has_to_be_fetched_takes_disk_and_the_programs_limit_memory() {
        let server = TestServer::start(|_, stream| respond(stream, "200 OK", &[], b"hello"));
        let url = server.url("/a").to_string();
        let mut job = job(Link::of_raw(b""), "data:,x", &[(url.as_str(), "/a"), ("data:,local", "/b")]);
        let policy = || Policy { locality: Locality::Anywhere, ..Policy::default() };
        let per_job = Resources { cpu_millis: 1000, memory_bytes: 1 << 30, disk_bytes: 100 };
        let assess = |job: &AnnouncedJob, per_job| {
            let me = job.requester.peer;
            let sources = sources(LocalStorage::default());
            let executors = executors(&sources);
            Assessor::new(me, executors, policy(), sources, per_job).assess(job)
        };
        let memory_bytes = Limits::default().memory_bytes;
        assert_eq!(assess(&job, per_job), Ok(vec![Some(Resources { cpu_millis: 1000, memory_bytes, disk_bytes: 5 })]));
        job.request.request.spec.resources.cpu_millis = 1;
        assert_eq!(
            assess(&job, per_job).unwrap()[0].unwrap().cpu_millis,
            1000,
            "it is one thread, and takes all of it"
        );
        let error = assess(&job, Resources { cpu_millis: 999, ..per_job }).unwrap_err();
        assert!(error.why.contains("1000 thousandths of a core"), "{error:?}");
        let error = assess(&job, Resources { memory_bytes: 1 << 20, ..per_job }).unwrap_err();
        assert!(error.why.contains("bytes of memory"), "{error:?}");
        assert_eq!(error.reason, DeclineReason::TooLarge);
    }
}
