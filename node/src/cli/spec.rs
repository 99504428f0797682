//! What a job's spec needs of the command line: the CID of its module, its inputs with their places, and for a server
//! that everything on this machine is brought to it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bacalhau_runtime::{HostFailure, HostTree, Link, to_binary};

use super::data;
use super::exit::Failure;
use super::mount::Mount;
use super::talk::Talk;
use crate::api::ApiClient;
use crate::job::InputSpec;
use crate::storage::{Source, Sources};

/// The codec of CIDs whose block is the content of a file.
const RAW: u64 = 0x55;

/// How sources are named so that the nodes which run a job find them.
pub(super) enum Reach<'a> {
    /// By whoever asks: the nodes are in this process.
    Here,
    /// By a server and its providers: what is on this machine is brought to it.
    Server(Carrier<'a>),
}

/// Brings files and directories of this machine to a server, each once.
pub(super) struct Carrier<'a> {
    client: &'a ApiClient,
    talk: Arc<Talk>,
    brought: BTreeMap<PathBuf, Link>,
}

impl<'a> Carrier<'a> {
    /// One to the server of `client`.
    pub(super) fn new(client: &'a ApiClient, talk: Arc<Talk>) -> Self {
        Self { client, talk, brought: BTreeMap::new() }
    }

    fn bring(&mut self, path: &PathBuf) -> Result<Link, Failure> {
        if let Some(link) = self.brought.get(path) {
            return Ok(*link);
        }
        let tree = HostTree::open(path).map_err(|error| HostFailure::at("open", path, error))?;
        let (client, shown) = (self.client, path.display());
        let link = self.talk.during(&format!("sending {shown}"), || client.add_data(&tree))?;
        self.talk.say(format!("{shown} is ipfs://{link} at the server"));
        self.brought.insert(path.clone(), link);
        Ok(link)
    }
}

impl Reach<'_> {
    /// The text by which nodes find `source`.
    ///
    /// # Errors
    /// When it cannot be brought to the server.
    pub(super) fn name(&mut self, source: &Source) -> Result<String, Failure> {
        match (self, source) {
            (Self::Server(carrier), Source::Path(path)) => Ok(format!("ipfs://{}", carrier.bring(path)?)),
            _ => Ok(source.to_string()),
        }
    }

    /// The inputs of a spec.
    ///
    /// # Errors
    /// When one cannot be brought to the server, or is a CID of which nobody says where it is seen.
    pub(super) fn inputs(&mut self, mounts: &[Mount]) -> Result<Vec<InputSpec>, Failure> {
        let one = |mount: &Mount| Ok(InputSpec { source: self.name(&mount.source)?, target: target(mount)? });
        mounts.iter().map(one).collect()
    }
}

/// Where an input is seen. Nobody opens it here, so of a path below a CID it is not known whether it is a directory.
fn target(mount: &Mount) -> Result<String, Failure> {
    match &mount.source {
        Source::Cid(source) if mount.target.is_none() && !source.place.path.is_empty() => {
            let name = source.place.name().unwrap_or("data");
            Err(Failure::usage(format!(
                "say where the program sees {0}, as in {0}:/inputs/{name}",
                mount.source.recorded()
            )))
        }
        Source::Cid(source) => Ok(mount.target(source.place.cid.codec() != RAW)),
        source => Ok(mount.target(source.is_dir())),
    }
}

/// The CID of a module of at most `max_bytes`, which is read for that.
///
/// # Errors
/// When it cannot be read, or is no module.
pub(super) fn module_cid(sources: &Sources, talk: &Talk, module: &Source, max_bytes: u64) -> Result<Link, Failure> {
    let bytes = data::read_module(sources, talk, module, max_bytes)?;
    let binary = to_binary(&bytes, max_bytes).map_err(|refusal| Failure::refused(format!("{module}: {refusal}")))?;
    Ok(Link::of_raw(&binary))
}

/// A time-out in whole seconds, at least one.
pub(super) fn seconds(timeout: Duration) -> u64 {
    timeout.as_secs().saturating_add(u64::from(timeout.subsec_nanos() > 0)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIR: &str = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi";
    const FILE: &str = "bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";

    #[test]
    fn inputs_are_seen_where_their_names_say() {
        let place = |text: &str| target(&Mount::parse(text).unwrap()).map_err(|failure| failure.message);
        assert_eq!(place(DIR), Ok("/inputs".into()));
        assert_eq!(place(FILE), Ok(format!("/inputs/{FILE}")));
        assert_eq!(place(&format!("{DIR}/a/b.csv:/in")), Ok("/in".into()));
        assert_eq!(place("src"), Ok("/inputs".into()));
        assert_eq!(place("Cargo.toml"), Ok("/inputs/Cargo.toml".into()));
        let error = place(&format!("{DIR}/a/b.csv")).unwrap_err();
        assert!(error.contains(&format!("as in ipfs://{DIR}/a/b.csv:/inputs/b.csv")), "{error}");
    }

    #[test]
    fn a_time_out_is_never_shorter_than_asked_for() {
        let of = |millis| seconds(Duration::from_millis(millis));
        assert_eq!([of(1), of(1000), of(1001)], [1, 1, 2]);
    }
}
