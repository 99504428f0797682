//! Memory use of a job: each element of a list costs memory beside its text, even if that is empty.

use std::collections::BTreeMap;

use super::{Announced, AnnouncedJob, Condition, Engine, InputSpec, JobBrief, JobSpec, Requester};

/// Bytes of a text or list beside its content.
const ELEMENT: usize = size_of::<String>();
/// Bytes of a job or brief beside its texts and lists, about.
const JOB: usize = 1 << 10;

impl Announced {
    /// Bytes of memory that it takes, about.
    pub fn memory_bytes(&self) -> u64 {
        match self {
            Self::Full(job) => job.memory_bytes(),
            Self::Brief(brief) => brief.bytes() as u64,
        }
    }
}

impl JobBrief {
    fn bytes(&self) -> usize {
        JOB + self.requester.bytes() + self.publishers.len() + of_selector(&self.selector)
    }
}

impl AnnouncedJob {
    /// Bytes of memory that it takes, about.
    pub fn memory_bytes(&self) -> u64 {
        let request = &self.request;
        let shards: usize = self.shards.iter().map(|inputs| ELEMENT + of_inputs(inputs)).sum();
        let texts = [&request.client_key, &request.signature, &request.request.nonce];
        (JOB + self.requester.bytes() + shards + of(texts) + request.request.spec.bytes()) as u64
    }
}

impl Requester {
    fn bytes(&self) -> usize {
        of(&self.addrs)
    }
}

impl JobSpec {
    fn bytes(&self) -> usize {
        let (words, maps) = match &self.engine {
            Engine::Wasm(wasm) => {
                let job = &wasm.job;
                (of([&wasm.module, &job.entry_point]) + of(&job.stdin) + of(&job.args), [&job.env, &job.outputs])
            }
            Engine::Docker(docker) => (
                of([&docker.image]) + of(&docker.workdir) + of(&docker.entrypoint) + of(&docker.args),
                [&docker.env, &docker.outputs],
            ),
        };
        let maps: usize = maps.into_iter().map(of_map).sum();
        words + maps + of_inputs(&self.inputs) + of(&self.labels) + self.publishers.len() + of_selector(&self.selector)
    }
}

fn of<'a>(texts: impl IntoIterator<Item = &'a String>) -> usize {
    texts.into_iter().map(|text| ELEMENT + text.len()).sum()
}

fn of_selector(selector: &[Condition]) -> usize {
    selector.iter().map(|it| 2 * ELEMENT + of([&it.key]) + of(&it.values)).sum()
}

fn of_map(map: &BTreeMap<String, String>) -> usize {
    of(map.keys()) + of(map.values())
}

fn of_inputs(inputs: &[InputSpec]) -> usize {
    inputs.iter().map(|input| of([&input.source, &input.target])).sum()
}
