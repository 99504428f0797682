//! One name of a directory that is being put together.

use super::out::Part;

/// A name and its part.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) part: Part,
}
