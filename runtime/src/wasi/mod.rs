//! The guest's environment: arguments, variables, clock, randomness, standard streams and the file tree. Implemented
//! here and in `vfs`; `p1` converts to the layouts of preview 1.

mod chacha;
mod descriptors;
pub(crate) mod p1;
mod rights;

use sha2::{Digest, Sha256};

use bacalhau_tree::{Control, Kind, inputs::Inputs};

use crate::host_memory::HostMemory;
use crate::vfs::errno::Errno;
use crate::vfs::fault::{Answer, Fault};
use crate::vfs::{NodeId, Scratch, Vfs};
use crate::{clock::Clock, gate::Refusal};
use bacalhau_receipt::{Job, Limit, Profile};
use chacha::ChaCha20;
use descriptors::{Descriptor, Descriptors, Stream};
use rights::Rights;

/// `argv[0]` of every program; the file name must not affect results.
const ARGV0: &str = "main.wasm";

/// The temporary directory that programs expect. Not kept.
const TEMPORARY: &str = "/tmp";

/// Everything that a run's guest can ask for.
pub(crate) struct World {
    /// Edition of the environment, by the job's profile.
    edition: u32,
    pub(crate) vfs: Vfs,
    descriptors: Descriptors,
    /// Each ends in a NUL.
    args: Vec<Vec<u8>>,
    /// `NAME=VALUE`, each ends in a NUL, by name.
    env: Vec<Vec<u8>>,
    random: ChaCha20,
    pub(crate) stdout: NodeId,
    pub(crate) stderr: NodeId,
    log_bytes_left: u64,
    /// Whether the guest has reached the limit of open files.
    pub(crate) ran_out_of_descriptors: bool,
    /// Receives the live log.
    pub(crate) control: Option<Control>,
}

impl World {
    /// The initial state of `job`. A standard input that is not a file is rejected.
    pub(crate) fn new(
        job: &Job,
        inputs: &Inputs,
        scratch: Scratch,
        memory: HostMemory,
    ) -> Answer<Result<Self, Refusal>> {
        let edition = Profile::of(&job.profile).unwrap_or(&Profile::V1).world;
        let mut vfs = Vfs::new(&job.limits, Clock::starting_at(job.epoch_seconds), scratch, memory)?;
        vfs.root_is_its_parent = edition >= 2;
        vfs.mount(inputs)?;
        for place in job.outputs.values() {
            vfs.make_place(place)?;
        }
        vfs.make_place(TEMPORARY)?;
        if edition >= 2 {
            vfs.make_null()?;
        }
        let stdout = vfs.make_unnamed_file()?;
        let stderr = vfs.make_unnamed_file()?;
        let stdin = match &job.stdin {
            None => None,
            Some(path) => match find_stdin(&mut vfs, path) {
                Ok(id) => Some(id),
                Err(Fault::Errno(_)) => return Ok(Err(no_stdin(path))),
                Err(stop) => return Err(stop),
            },
        };
        // Looking for it was the host's wish.
        vfs.take_work();
        let descriptors = standard_descriptors(&mut vfs, stdin, stdout, stderr, job.limits.open_files)?;
        Ok(Ok(Self {
            edition,
            vfs,
            descriptors,
            args: std::iter::once(ARGV0).chain(job.args.iter().map(String::as_str)).map(c_string).collect(),
            env: job.env.iter().map(|(name, value)| c_string(&format!("{name}={value}"))).collect(),
            random: random_of(job.seed),
            stdout,
            stderr,
            log_bytes_left: job.limits.log_bytes,
            ran_out_of_descriptors: false,
            control: None,
        }))
    }

    /// Appends to a standard stream. At the limit, the fitting part is written.
    fn write_log(&mut self, stream: NodeId, data: &[u8]) -> Answer<()> {
        let fits = usize::try_from(self.log_bytes_left).unwrap_or(usize::MAX).min(data.len());
        self.vfs.append_log(stream, &data[..fits])?;
        if let Some(control) = &self.control {
            control.wrote(stream == self.stderr, &data[..fits]);
        }
        self.log_bytes_left -= fits as u64;
        if fits < data.len() { Err(Limit::LogBytes.into()) } else { Ok(()) }
    }

    /// Returns `EMFILE` without a free descriptor. Checked first, so that a file that cannot be opened is not created.
    fn require_descriptor(&mut self) -> Answer<()> {
        if self.descriptors.is_full() {
            self.ran_out_of_descriptors = true;
            return Err(Errno::Mfile.into());
        }
        Ok(())
    }

    /// A new descriptor, at the lowest free number.
    fn open(&mut self, descriptor: Descriptor) -> Answer<u32> {
        self.vfs.opened(descriptor.node);
        Ok(self.descriptors.insert(descriptor, &mut self.vfs.memory)?)
    }

    /// Releases the resources of a descriptor.
    fn closed(&mut self, descriptor: Descriptor) -> Answer<()> {
        if let Some(listing) = descriptor.listing {
            self.vfs.unlist(listing);
        }
        self.vfs.closed(descriptor.node)
    }
}

fn find_stdin(vfs: &mut Vfs, path: &str) -> Answer<NodeId> {
    let node = vfs.resolve(NodeId::ROOT, path, true)?.existing(vfs)?;
    if vfs.kind(node) == Kind::File { Ok(node) } else { Err(Errno::Isdir.into()) }
}

fn no_stdin(path: &str) -> Refusal {
    Refusal::job(format!(
        "the standard input {path:?} is not a file of the guest's tree; name one below an input, as in /inputs/a"
    ))
}

/// 0, 1, 2 and the root at 3.
fn standard_descriptors(
    vfs: &mut Vfs,
    stdin: Option<NodeId>,
    stdout: NodeId,
    stderr: NodeId,
    most: u64,
) -> Answer<Descriptors> {
    let stdin = match stdin {
        Some(file) => Descriptor::file(file, Rights::READ_FILE),
        None => Descriptor::stream(vfs.make_unnamed_file()?, Stream::Empty, Rights::FD_READ),
    };
    let standard = [
        stdin,
        Descriptor::stream(stdout, Stream::Log, Rights::FD_WRITE),
        Descriptor::stream(stderr, Stream::Log, Rights::FD_WRITE),
        Descriptor::preopened(NodeId::ROOT),
    ];
    let mut descriptors = Descriptors::new(most);
    for descriptor in standard {
        vfs.opened(descriptor.node);
        descriptors.insert(descriptor, &mut vfs.memory)?;
    }
    Ok(descriptors)
}

fn c_string(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.push(0);
    bytes
}

/// The guest's random numbers: `ChaCha20` with the hash of the seed as key. Not secret: the job determines them.
fn random_of(seed: u64) -> ChaCha20 {
    let key = Sha256::new().chain_update(b"bacalhau random 1\0").chain_update(seed.to_le_bytes()).finalize();
    ChaCha20::new(key.into())
}
