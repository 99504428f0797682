//! A fake of the API of Kubernetes, written after its published reference for version 1.33: jobs of `batch/v1` and pods of
//! one namespace. It takes no path, query, field or value that a client of ours has no reason to send, and notes each as a
//! violation. No real cluster was ever asked. There is no scheduler: the test says what becomes of pods.

mod api;
mod cluster;
mod manifest;

pub use api::{FakeKubernetes, Fault, NAMESPACE, TOKEN};
