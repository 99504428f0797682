//! Addresses of the process that serves a data directory (`serve` or `ipfs serve`), for other commands on the same
//! directory. They are valid while that process holds its lock.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::path::Path;

use bacalhau_tree::HostFailure;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use bacalhau_files::private;

/// The file in a data directory.
pub(crate) const NAME: &str = "serving.json";

/// Addresses of a serving process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addresses {
    /// Multiaddrs at which the store is served over Bitswap.
    pub peers: Vec<String>,
    /// URL at which published results are served.
    pub http: Option<String>,
    /// URL of the node's API, where the process is a `serve`.
    #[serde(default)]
    pub api: Option<String>,
}

/// That this process serves, until it is dropped.
#[derive(Debug)]
pub struct Serving(File);

impl Serving {
    /// Takes the place of the process that serves `data_dir`.
    ///
    /// # Errors
    /// When another process has it, or it cannot be written.
    pub fn begin(data_dir: &Path) -> Result<Self, HostFailure> {
        let path = data_dir.join(NAME);
        let failed = |error| HostFailure::at("write", &path, error);
        private::create_dir_all(data_dir).map_err(failed)?;
        let file =
            OpenOptions::new().create(true).read(true).write(true).truncate(false).open(&path).map_err(failed)?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            let at = find(data_dir).unwrap_or_default().peers.join(", ");
            return Err(HostFailure::new(format!(
                "{} is served already{}{at}; end that process, or use another --data-dir",
                data_dir.display(),
                if at.is_empty() { "" } else { " at " }
            )));
        }
        Ok(Self(file))
    }

    /// Writes the addresses of this process.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn announce(&mut self, addresses: &Addresses) -> Result<(), HostFailure> {
        let failed = |error| HostFailure::io("write the addresses of this process", error);
        let text = serde_json::to_vec(addresses).map_err(|error| failed(error.into()))?;
        self.0.set_len(0).and_then(|()| self.0.rewind()).and_then(|()| self.0.write_all(&text)).map_err(failed)
    }
}

/// Where the process that serves `data_dir` can be reached, if there is one.
pub fn find(data_dir: &Path) -> Option<Addresses> {
    let mut file = File::open(data_dir.join(NAME)).ok()?;
    if flock(&file, FlockOperation::NonBlockingLockShared).is_ok() {
        return None;
    }
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_count_while_their_process_serves() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(find(dir.path()), None);
        let addresses = Addresses { peers: vec!["/ip4/127.0.0.1/tcp/1".into()], ..Addresses::default() };
        let mut serving = Serving::begin(dir.path()).unwrap();
        serving.announce(&Addresses { http: Some("http://a-long-one".into()), ..addresses.clone() }).unwrap();
        serving.announce(&addresses).unwrap();
        assert_eq!(find(dir.path()), Some(addresses));
        let error = Serving::begin(dir.path()).unwrap_err().to_string();
        assert!(error.contains("served already at /ip4/127.0.0.1/tcp/1"), "{error}");
        drop(serving);
        assert_eq!(find(dir.path()), None);
    }
}
