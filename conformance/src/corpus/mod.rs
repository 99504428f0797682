//! The corpus: every case that has to come out equal, on every engine and processor. It is data: a case may be added,
//! and none may change its meaning under the same profile.

pub mod generated;
mod guests;
mod nans;

use crate::case::Case;

/// Cases in groups, each with the name of its golden file.
pub type Group = (&'static str, Vec<Case>);

/// All cases. Those of one module follow each other.
///
/// # Errors
///
/// A mistake in the corpus itself, in words.
pub fn groups() -> Result<Vec<Group>, String> {
    Ok(vec![("guests", guests::cases()?), ("nans", nans::cases()?), ("generated", generated::cases()?)])
}
