//! One name of a directory that is being put together.

use super::out::Part;

/// A name, and what it names.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) part: Part,
}
