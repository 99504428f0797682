//! Identity of a node: an ed25519 key, in a file readable only by its owner, or temporary.

use std::fmt;
use std::io::{self, Read};
use std::path::Path;

use libp2p_identity::{KeyType, Keypair, PeerId};

use bacalhau_files::{private, temporary};

/// Maximum size of a key file; it has 68 bytes.
const MAX_FILE_BYTES: u64 = 4096;

/// Why the key in a file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot use the identity in {path}: {why}")]
pub struct IdentityError {
    /// Path of the file.
    pub path: String,
    /// The cause, and what to do.
    pub why: String,
}

impl IdentityError {
    fn new(path: &Path, why: &(impl ToString + ?Sized)) -> Self {
        Self { path: path.display().to_string(), why: why.to_string() }
    }
}

/// The key of a node.
#[derive(Clone)]
pub struct Identity(Keypair);

impl Identity {
    /// A new one, which ends with the process.
    pub fn ephemeral() -> Self {
        Self(Keypair::generate_ed25519())
    }

    /// The identity derived from `seed`, for simulations.
    #[expect(clippy::expect_used, clippy::missing_panics_doc, reason = "any 32 bytes are an ed25519 key")]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(Keypair::ed25519_from_bytes(seed).expect("a key"))
    }

    /// The identity in the file at `path`, created atomically if absent, readable only by its owner. Concurrent
    /// processes get the same one.
    ///
    /// # Errors
    /// When the file cannot be read or created, is not an ed25519 key, or is accessible to other users.
    pub fn from_file(path: &Path) -> Result<Self, IdentityError> {
        match Self::read(path) {
            Ok(found) => found.map_err(|why| IdentityError::new(path, &why)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::create(path),
            Err(error) => Err(IdentityError::new(path, &error)),
        }
    }

    fn read(path: &Path) -> io::Result<Result<Self, String>> {
        let file = std::fs::File::open(path)?;
        if let Some(why) = open_to_others(&file.metadata()?) {
            return Ok(Err(why));
        }
        let mut bytes = Vec::new();
        file.take(MAX_FILE_BYTES).read_to_end(&mut bytes)?;
        Ok(match Keypair::from_protobuf_encoding(&bytes) {
            Ok(key) if key.key_type() == KeyType::Ed25519 => Ok(Self(key)),
            Ok(key) => Err(format!("it holds a key of type {:?}, and an ed25519 key is needed", key.key_type())),
            Err(error) => Err(format!(
                "it holds no libp2p private key ({error}); put it back from a backup, or remove it to get a new identity"
            )),
        })
    }

    fn create(path: &Path) -> Result<Self, IdentityError> {
        let refused = |why: &dyn fmt::Display| IdentityError::new(path, why);
        let identity = Self::ephemeral();
        let bytes = identity.0.to_protobuf_encoding().map_err(|error| refused(&error))?;
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        private::create_dir_all(directory).map_err(|error| refused(&error))?;
        let file = temporary::written_in(directory, &bytes).map_err(|error| refused(&error))?;
        match file.persist_noclobber(path) {
            Ok(()) => Ok(identity),
            Err(lost) if lost.kind() == io::ErrorKind::AlreadyExists => {
                Self::read(path).map_err(|error| refused(&error))?.map_err(|why| refused(&why))
            }
            Err(error) => Err(refused(&error)),
        }
    }

    /// The peer ID.
    pub fn peer_id(&self) -> PeerId {
        self.0.public().to_peer_id()
    }

    /// The key itself, to sign, seal and open with.
    pub fn keypair(&self) -> &Keypair {
        &self.0
    }
}

/// Never shows the key.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Identity").field(&self.peer_id()).finish()
    }
}

#[cfg(unix)]
fn open_to_others(metadata: &std::fs::Metadata) -> Option<String> {
    use std::os::unix::fs::PermissionsExt;
    let mode = metadata.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then(|| format!("other users may read it (mode {mode:o}): chmod 600, or remove it"))
}

#[cfg(not(unix))]
fn open_to_others(_: &std::fs::Metadata) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_file_keeps_who_the_node_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("node/key");
        let made = Identity::from_file(&path).unwrap();
        assert_eq!(Identity::from_file(&path).unwrap().peer_id(), made.peer_id());
        assert_ne!(Identity::ephemeral().peer_id(), made.peer_id());
        assert!(!format!("{made:?}").contains("Keypair"));
    }

    #[test]
    fn a_file_that_is_no_key_is_refused_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let mut file = tempfile::NamedTempFile::new_in(dir.path()).unwrap();
        file.write_all(b"something else").unwrap();
        file.persist(&path).unwrap();
        assert!(Identity::from_file(&path).unwrap_err().to_string().contains("holds no libp2p private key"));
        assert_eq!(std::fs::read(&path).unwrap(), b"something else");
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        Identity::from_file(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(Identity::from_file(&path).unwrap_err().to_string().contains("chmod 600"));
    }
}
