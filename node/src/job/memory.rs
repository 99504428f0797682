//! How much memory a job takes as long as it is held: each element of a list takes some beside its text, and may have none.

use std::collections::BTreeMap;

use super::{Announced, AnnouncedJob, Engine, InputSpec, JobBrief, JobSpec, Requester};

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
        JOB + self.requester.bytes() + self.publishers.len()
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
        words + maps + of_inputs(&self.inputs) + of(&self.labels) + self.publishers.len()
    }
}

fn of<'a>(texts: impl IntoIterator<Item = &'a String>) -> usize {
    texts.into_iter().map(|text| ELEMENT + text.len()).sum()
}

fn of_map(map: &BTreeMap<String, String>) -> usize {
    of(map.keys()) + of(map.values())
}

fn of_inputs(inputs: &[InputSpec]) -> usize {
    inputs.iter().map(|input| of([&input.source, &input.target])).sum()
}

#[cfg(test)]
mod tests {
    use libp2p::PeerId;

    use super::*;
    use crate::protocol::samples::job;

    #[test]
    fn empty_elements_take_memory() {
        let mut job = job(PeerId::random(), "memory");
        let of = |job: &AnnouncedJob| Announced::from(job.clone()).memory_bytes();
        let plain = of(&job);
        let Engine::Wasm(wasm) = &mut job.request.request.spec.engine else { panic!("it is for the sandbox") };
        wasm.job.args = vec![String::new(); 1000];
        assert_eq!(of(&job), plain + 24_000);
        job.shards = vec![Vec::new(); 1000];
        assert!(of(&job) >= plain + 47_000);
    }
}
