//! What a job would take of this node, if the policy wants it at all.

use std::collections::BTreeMap;
use std::sync::Arc;

use bacalhau_runtime::Link;
use libp2p::PeerId;

use super::executor::Executors;
use super::policy::{Policy, source_of};
use crate::job::{
    AnnouncedJob, DeclineReason, Declined, InputSpec, JobBrief, JobSpec, Resources, container_memory, docker_profile,
};
use crate::storage::{Sources, Storage};

/// What a WebAssembly run takes of the processors at least: it is one thread, and nothing holds it to a part of a processor.
const WASM_CPU_MILLIS: u64 = 1000;
/// What a container takes of the processors whose job does not say.
const CONTAINER_CPU_MILLIS: u64 = 1000;

/// Assesses jobs. It may look for data and ask probes, so it takes its time.
#[derive(Debug)]
pub struct Assessor {
    me: PeerId,
    executors: Executors,
    policy: Policy,
    sources: Arc<Sources>,
    per_job: Resources,
}

/// What one execution of a job takes, beside the disk for inputs that have to be fetched.
pub(super) fn charged_by(spec: &JobSpec) -> Resources {
    charged(&spec.engine.profile(), spec.asked())
}

/// The same for a job of which only its profile and what it asks for ([`JobSpec::asked`]) are known. A WebAssembly run takes a
/// whole processor, whatever the job asks for.
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
    /// Assesses for the node `me`, where `executors` run programs, and no execution is given more than `per_job`.
    pub fn new(me: PeerId, executors: Executors, policy: Policy, sources: Arc<Sources>, per_job: Resources) -> Self {
        Self { me, executors, policy, sources, per_job }
    }

    /// What one execution of each shard that this node wants would take. Inputs of unknown size count as empty.
    ///
    /// # Errors
    /// Why the job is none for this node.
    pub fn assess(&self, job: &AnnouncedJob) -> Result<Vec<Option<Resources>>, Declined> {
        let spec = &job.request.request.spec;
        self.executors.of(&spec.engine).map_err(|why| Declined::new(DeclineReason::NoEngine, why))?;
        let charged = self.given(charged_by(spec))?;
        let wanted = self.policy.select(&self.me, job, &self.sources)?;
        let mut sizes = BTreeMap::new();
        job.shards
            .iter()
            .zip(wanted)
            .map(|(inputs, wanted)| {
                if !wanted {
                    return Ok(None);
                }
                let mut bytes: u64 = 0;
                for input in inputs {
                    let size = match sizes.get(&input.source) {
                        Some(size) => *size,
                        None => *sizes.entry(&input.source).or_insert(self.to_fetch(job, input)?),
                    };
                    bytes = bytes.saturating_add(size);
                }
                Ok(Some(Resources { disk_bytes: charged.disk_bytes.max(bytes), ..charged }))
            })
            .collect()
    }

    /// What one execution of each shard would take of a job that is known in brief.
    ///
    /// # Errors
    /// Why the job is none for this node, whatever its spec says.
    pub fn assess_brief(&self, brief: &JobBrief) -> Result<Vec<Option<Resources>>, Declined> {
        let charged = self.given(charged(&brief.profile, brief.resources))?;
        self.policy.select_brief(brief)?;
        Ok(vec![Some(charged); brief.shards as usize])
    }

    /// What one execution takes, if that is not more than one is given.
    fn given(&self, charged: Resources) -> Result<Resources, Declined> {
        for (what, wanted, most) in [
            ("thousandths of a core", charged.cpu_millis, self.per_job.cpu_millis),
            ("bytes of memory", charged.memory_bytes, self.per_job.memory_bytes),
            ("bytes of disk", charged.disk_bytes, self.per_job.disk_bytes),
        ] {
            if wanted > most {
                let why = format!("the job takes {wanted} {what}, and this node gives one execution {most}");
                return Err(Declined::new(DeclineReason::TooLarge, why));
            }
        }
        Ok(charged)
    }

    /// Bytes that have to be fetched for an input.
    fn to_fetch(&self, job: &AnnouncedJob, input: &InputSpec) -> Result<u64, Declined> {
        let declined = |why| Declined::new(DeclineReason::NoInput, why);
        let source = source_of(&self.sources, job.request.request.spec.verified_inputs, input)
            .map_err(|error| declined(error.to_string()))?;
        // What cannot be found out is not here.
        if self.sources.has_locally(&source).unwrap_or(false) {
            return Ok(0);
        }
        let size = self.sources.size(&source).map_err(|error| declined(error.to_string()))?;
        Ok(size.unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use bacalhau_runtime::{Limits, Link};

    use super::*;
    use crate::compute::policy::Locality;
    use crate::compute::policy::tests::{executors, job, sources};
    use crate::storage::LocalStorage;
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
