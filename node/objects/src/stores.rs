//! The stores: a client for each bucket, made at its first use.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bacalhau_http::{Client, Reach, Terms};
use bacalhau_tree::Tree;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path;
use object_store::{ObjectStore, RetryConfig};

use super::connector::Connector;
use super::error::Why;
use super::listing::{self, Listing};
use super::tree::ObjectTree;
use super::{ObjectError, ObjectUrl, Service};

/// Connections to one server that are kept.
const IDLE_CONNECTIONS: usize = 8;
/// Attempts after the first.
const MAX_RETRIES: usize = 3;

/// A client for each bucket. Credentials, region and endpoint come from the environment of the process: `AWS_*`, `GOOGLE_*`
/// and `AZURE_*`.
pub struct ObjectStores {
    connector: Connector,
    open: Mutex<BTreeMap<(Service, String), Arc<dyn ObjectStore>>>,
}

impl ObjectStores {
    /// Clients that give a server up that is silent for `patience`.
    pub fn new(patience: Duration) -> Self {
        // The operator configures the endpoint: a store in the own network has a private address.
        let terms = Terms { reach: Reach::Anywhere, patience, total: None, idle_connections: IDLE_CONNECTIONS };
        let connector = Connector { client: Client::new(terms), patience };
        Self { connector, open: Mutex::default() }
    }

    /// The object at `url`, or the directory of the objects below it. Objects are listed now and read when the tree is.
    ///
    /// # Errors
    /// When there is none, the store cannot be reached or refuses it, or there are more than 1,000,000.
    pub fn tree(&self, url: &ObjectUrl) -> Result<Arc<dyn Tree>, ObjectError> {
        let store = self.store(url)?;
        let listing = Listing::read(&store, url)?;
        Ok(Arc::new(ObjectTree::new(store, url.clone(), listing)))
    }

    /// Bytes of all objects at `url` together.
    ///
    /// # Errors
    /// As for [`tree`](Self::tree).
    pub fn size(&self, url: &ObjectUrl) -> Result<u64, ObjectError> {
        Ok(Listing::read(&self.store(url)?, url)?.bytes())
    }

    /// Whether there is an object at or below `url`.
    ///
    /// # Errors
    /// When the store cannot be reached or refuses it.
    pub fn exists(&self, url: &ObjectUrl) -> Result<bool, ObjectError> {
        listing::exists(&self.store(url)?, url)
    }

    /// The client for the bucket of `url`.
    pub(crate) fn store(&self, url: &ObjectUrl) -> Result<Arc<dyn ObjectStore>, ObjectError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (url.service, url.bucket.clone());
        if let Some(store) = open.get(&key) {
            return Ok(Arc::clone(store));
        }
        let store = self.connect(url).map_err(|error| ObjectError::of("open", url, error))?;
        open.insert(key, Arc::clone(&store));
        Ok(store)
    }

    fn connect(&self, url: &ObjectUrl) -> object_store::Result<Arc<dyn ObjectStore>> {
        let (connector, bucket) = (self.connector.clone(), url.bucket.clone());
        let retries =
            RetryConfig { max_retries: MAX_RETRIES, retry_timeout: self.connector.patience, ..RetryConfig::default() };
        Ok(match url.service {
            Service::S3 => {
                let builder = AmazonS3Builder::from_env().with_bucket_name(bucket);
                Arc::new(builder.with_http_connector(connector).with_retry(retries).build()?)
            }
            Service::Google => {
                let builder = GoogleCloudStorageBuilder::from_env().with_bucket_name(bucket);
                Arc::new(builder.with_http_connector(connector).with_retry(retries).build()?)
            }
            Service::Azure => {
                let builder = MicrosoftAzureBuilder::from_env().with_container_name(bucket);
                Arc::new(builder.with_http_connector(connector).with_retry(retries).build()?)
            }
        })
    }
}

/// The key of `url` in its bucket.
pub(crate) fn key(verb: &'static str, url: &ObjectUrl) -> Result<Path, ObjectError> {
    Path::parse(&url.prefix).map_err(|error| ObjectError::new(verb, url, Why::Unusable(error.to_string())))
}

impl fmt::Debug for ObjectStores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectStores").finish_non_exhaustive()
    }
}
