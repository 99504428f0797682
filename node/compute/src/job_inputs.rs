//! The sources of a job's inputs on this node, parsed once for an assessment. A job is stored and sent as text, because
//! another node may read sources that this one cannot, and a relative or existing path depends on the machine.

use super::policy::source_of;
use bacalhau_job::AnnouncedJob;
use bacalhau_storage::{Source, SourceError, Sources};

/// An input of a shard.
pub(super) struct JobInput<'j> {
    /// The source as the job has it.
    pub(super) text: &'j str,
    /// The parsed source. An error concerns this input only.
    pub(super) source: Result<Source, SourceError>,
}

/// The inputs of each shard of `job`.
pub(super) fn job_inputs<'j>(job: &'j AnnouncedJob, sources: &Sources) -> Vec<Vec<JobInput<'j>>> {
    let verified = job.spec().verified_inputs;
    let shards = job.shards.iter();
    shards
        .map(|inputs| {
            let parsed =
                inputs.iter().map(|spec| JobInput { text: &spec.source, source: source_of(sources, verified, spec) });
            parsed.collect()
        })
        .collect()
}
