//! Builds a job's spec from the command line: the CID of its module, and its inputs with mount paths. For a server,
//! local data is uploaded.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bacalhau_runtime::{HostFailure, HostTree, Link, Profile, profile_of, to_binary};

use super::data;
use super::exit::Failure;
use super::mount::Mount;
use super::progress_output::Ui;
use bacalhau_api_client::ApiClient;
use bacalhau_job::InputSpec;
use bacalhau_storage::{Source, Sources};

/// The codec of CIDs whose block is the content of a file.
const RAW: u64 = 0x55;

/// How sources are named so that the nodes of a job find them.
pub(super) enum SourceNaming<'a> {
    /// By their own names: the nodes are in this process.
    Local,
    /// By a server and its providers: local data is uploaded.
    Server(Uploader<'a>),
}

/// Uploads local files and directories to a server, each once.
pub(super) struct Uploader<'a> {
    client: &'a ApiClient,
    ui: Arc<Ui>,
    uploaded: BTreeMap<PathBuf, Link>,
}

impl<'a> Uploader<'a> {
    /// An uploader to the server of `client`.
    pub(super) fn new(client: &'a ApiClient, ui: Arc<Ui>) -> Self {
        Self { client, ui, uploaded: BTreeMap::new() }
    }

    fn upload(&mut self, path: &PathBuf) -> Result<Link, Failure> {
        if let Some(link) = self.uploaded.get(path) {
            return Ok(*link);
        }
        let tree = HostTree::open(path).map_err(|error| HostFailure::at("open", path, error))?;
        let (client, shown) = (self.client, path.display());
        let link = self.ui.during(&format!("sending {shown}"), || client.add_data(Arc::new(tree)))?;
        self.ui.say(format!("{shown} is uploaded as ipfs://{link}"));
        self.uploaded.insert(path.clone(), link);
        Ok(link)
    }
}

impl SourceNaming<'_> {
    /// The name by which nodes find `source`.
    ///
    /// # Errors
    /// When it cannot be uploaded.
    pub(super) fn name(&mut self, source: &Source) -> Result<String, Failure> {
        match (self, source) {
            (Self::Server(uploader), Source::Path(path)) => Ok(format!("ipfs://{}", uploader.upload(path)?)),
            _ => Ok(source.to_string()),
        }
    }

    /// The inputs of a spec.
    ///
    /// # Errors
    /// When one cannot be uploaded, or is a CID without a mount path.
    pub(super) fn inputs(&mut self, mounts: &[Mount]) -> Result<Vec<InputSpec>, Failure> {
        let one = |mount: &Mount| Ok(InputSpec { source: self.name(&mount.source)?, target: target(mount)? });
        mounts.iter().map(one).collect()
    }
}

/// The mount path of an input. Data by CID is not opened here, so it is unknown whether a path below a CID, or a piece, is
/// a directory.
fn target(mount: &Mount) -> Result<String, Failure> {
    match &mount.source {
        Source::Cid(source) if mount.target.is_none() && (source.is_piece() || !source.place.path.is_empty()) => {
            let name = source.place.name().unwrap_or("data");
            Err(Failure::usage(format!("add the mount path of {0}, as in {0}:/inputs/{name}", mount.source.recorded())))
        }
        Source::Cid(source) => Ok(mount.target(source.place.cid.codec() != RAW)),
        source => Ok(mount.target(source.is_dir())),
    }
}

/// Reads a module of at most `max_bytes`, for a job that names its place. Returns its CID and the profile that it needs.
///
/// # Errors
/// When it cannot be read, or is not a module. A component is not a module: the nodes of the job would find it there.
pub(super) fn read_module(
    sources: &Sources,
    ui: &Ui,
    module: &Source,
    max_bytes: u64,
) -> Result<(Link, &'static Profile), Failure> {
    let bytes = data::read_module(sources, ui, module, max_bytes)?;
    identify(module, &bytes, max_bytes)
}

/// The CID of a module and the profile that it needs.
///
/// # Errors
/// When the bytes are not a module.
pub(super) fn identify(module: &Source, bytes: &[u8], max_bytes: u64) -> Result<(Link, &'static Profile), Failure> {
    let binary = to_binary(bytes, max_bytes).map_err(|refusal| Failure::refused(format!("{module}: {refusal}")))?;
    Ok((Link::of_raw(&binary), profile_of(&binary)))
}

/// The profile with that name.
///
/// # Errors
/// When there is none.
pub(super) fn profile(name: &str) -> Result<&'static Profile, String> {
    let known = Profile::ALL.iter().find(|profile| profile.name == name);
    known.ok_or_else(|| {
        let names: Vec<&str> = Profile::ALL.iter().map(|profile| profile.name).collect();
        format!("this version has the profiles {}", names.join(" and "))
    })
}

/// A timeout in whole seconds, at least one.
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
