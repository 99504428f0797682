//! What is at a URL: one object, or the objects below a prefix as directories and files.

use std::collections::BTreeMap;
use std::sync::Arc;

use bacalhau_tree::{Entry, Kind, MAX_PATH_DEPTH};
use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};

use super::error::Why;
use super::object_url::is_name;
use super::stores::key;
use super::wait::wait;
use super::{ObjectError, ObjectUrl};

/// Maximum number of objects of an input.
const MAX_OBJECTS: usize = 1_000_000;
/// Maximum size of their keys together in bytes.
const MAX_KEY_BYTES: usize = 128 << 20;

/// An object, in the version that was listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Object {
    pub(crate) path: Path,
    /// Length in bytes.
    pub(crate) size: u64,
    pub(crate) e_tag: Option<String>,
    /// Seconds since the epoch, for stores without `ETag`.
    modified: i64,
}

/// The objects by their paths below the URL, and the directories. A single object has the empty path.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Listing {
    objects: BTreeMap<String, Object>,
    dirs: BTreeMap<String, BTreeMap<String, Kind>>,
}

/// Whether there is an object at or below `url`.
pub(crate) fn exists(store: &Arc<dyn ObjectStore>, url: &ObjectUrl) -> Result<bool, ObjectError> {
    let path = key("look at", url)?;
    if !url.prefix.is_empty() && head(store, url, &path)?.is_some() {
        return Ok(true);
    }
    let store = Arc::clone(store);
    let first = wait(async move { store.list(Some(&path)).try_next().await });
    Ok(first.map_err(|error| ObjectError::of("list", url, error))?.is_some())
}

impl Listing {
    /// Lists what is at `url`.
    pub(crate) fn read(store: &Arc<dyn ObjectStore>, url: &ObjectUrl) -> Result<Self, ObjectError> {
        let path = key("list", url)?;
        if !url.prefix.is_empty()
            && let Some(object) = head(store, url, &path)?
        {
            return Ok(Self { objects: BTreeMap::from([(String::new(), object.into())]), dirs: BTreeMap::new() });
        }
        let found = collect(store, url, &path)?;
        Self::of(url, &path, found)
    }

    /// The listing of the objects `found` below `prefix`.
    fn of(url: &ObjectUrl, prefix: &Path, found: Vec<ObjectMeta>) -> Result<Self, ObjectError> {
        let unusable = |why: String| ObjectError::new("list", url, Why::Unusable(why));
        if found.is_empty() {
            return Err(ObjectError::new("list", url, Why::Absent));
        }
        let mut listing = Self { objects: BTreeMap::new(), dirs: BTreeMap::from([(String::new(), BTreeMap::new())]) };
        let mut markers = Vec::new();
        for object in found {
            let whole = object.location.to_string();
            let path = match whole.strip_prefix(prefix.as_ref()) {
                Some(path) => path.trim_start_matches('/').to_owned(),
                None => return Err(unusable(format!("the store listed {whole}, which is not below it"))),
            };
            if !path.is_empty() && !path.split('/').all(is_name) {
                return Err(unusable(format!("the key {whole:?} cannot be the path of a file")));
            }
            if path.split('/').count() as u64 > MAX_PATH_DEPTH {
                return Err(unusable(format!("the key {whole:?} has more than {MAX_PATH_DEPTH} names")));
            }
            // Consoles make empty objects with a key that ends in / to show a directory; the store's client cuts the /.
            if object.size == 0 {
                markers.push((path, object));
            } else {
                listing.add(path, object.into());
            }
        }
        for (path, object) in markers {
            if !path.is_empty() && !listing.dirs.contains_key(&path) {
                listing.add(path, object.into());
            }
        }
        match listing.objects.keys().find(|path| listing.dirs.contains_key(*path)) {
            Some(path) => Err(unusable(format!("{path} is both an object and the directory of others"))),
            None => Ok(listing),
        }
    }

    fn add(&mut self, path: String, object: Object) {
        let (mut child, mut kind) = (path.as_str(), Kind::File);
        loop {
            let (parent, name) = child.rsplit_once('/').unwrap_or(("", child));
            let entries = self.dirs.entry(parent.to_owned()).or_default();
            let is_known = entries.insert(name.to_owned(), kind).is_some();
            if parent.is_empty() || is_known {
                break;
            }
            (child, kind) = (parent, Kind::Dir);
        }
        self.objects.insert(path, object);
    }

    /// Bytes of all objects.
    pub(crate) fn bytes(&self) -> u64 {
        self.objects.values().map(|object| object.size).fold(0, u64::saturating_add)
    }

    /// The object at `path`.
    pub(crate) fn object(&self, path: &str) -> Option<&Object> {
        self.objects.get(path)
    }

    /// Whether there is a directory at `path`.
    pub(crate) fn is_dir(&self, path: &str) -> bool {
        self.dirs.contains_key(path)
    }

    /// The entries of the directory at `path`.
    pub(crate) fn entries(&self, path: &str) -> Option<Vec<Entry>> {
        let entries = self.dirs.get(path)?.iter();
        Some(entries.map(|(name, kind)| Entry { name: name.clone(), kind: *kind }).collect())
    }
}

impl From<ObjectMeta> for Object {
    fn from(found: ObjectMeta) -> Self {
        let modified = found.last_modified.timestamp();
        Self { path: found.location, size: found.size, e_tag: found.e_tag, modified }
    }
}

/// The object at `path` itself, if there is one.
fn head(store: &Arc<dyn ObjectStore>, url: &ObjectUrl, path: &Path) -> Result<Option<ObjectMeta>, ObjectError> {
    use object_store::ObjectStoreExt as _;
    let (store, path) = (Arc::clone(store), path.clone());
    match wait(async move { store.head(&path).await }) {
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        found => found.map(Some).map_err(|error| ObjectError::of("list", url, error)),
    }
}

fn collect(store: &Arc<dyn ObjectStore>, url: &ObjectUrl, path: &Path) -> Result<Vec<ObjectMeta>, ObjectError> {
    let (store, path) = (Arc::clone(store), path.clone());
    let found = wait(async move {
        let (mut found, mut key_bytes) = (Vec::new(), 0);
        let mut stream = store.list(Some(&path));
        while let Some(object) = stream.try_next().await? {
            key_bytes += object.location.as_ref().len();
            if found.len() == MAX_OBJECTS || key_bytes > MAX_KEY_BYTES {
                return Ok(None);
            }
            found.push(object);
        }
        Ok(Some(found))
    });
    found.map_err(|error| ObjectError::of("list", url, error))?.ok_or_else(|| {
        let why =
            format!("there are more than {MAX_OBJECTS} objects, or their keys have more than {MAX_KEY_BYTES} bytes");
        ObjectError::new("list", url, Why::Unusable(why))
    })
}
