//! Files of object stores as input trees, and results as objects.
//!
//! - [`ObjectUrl`] names an object, or all objects below a prefix: `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX`,
//!   `az://CONTAINER/PREFIX`.
//! - [`ObjectStores`] opens it as a [`Tree`](bacalhau_tree::Tree) that is listed once and read by ranges, and uploads
//!   directories. Credentials and endpoints come from the environment of the process, never from a job.
//! - [`AllowedObjects`] bounds what jobs may name.
//!
//! Each read asks for the version of the object that was listed, by its `ETag`: an object that is replaced while a program
//! reads it is a failure, never other bytes.

mod allowed;
mod blocks;
mod connector;
mod error;
mod listing;
mod object_url;
mod stores;
mod tree;
mod upload;
mod wait;

pub use allowed::AllowedObjects;
pub use error::ObjectError;
pub use object_url::{ObjectUrl, ObjectUrlError, Service};
pub use stores::ObjectStores;
