//! The corpus: all cases that must be equal on every engine and processor. Cases may be added, but never changed under
//! the same profile.

pub mod generated;
mod guests;
mod nans;
mod v2;

use crate::case::Case;

/// Cases in groups, each with the name of its golden file.
pub type Group = (&'static str, Vec<Case>);

/// [`groups`], with cases that are not frozen and are too many for an emulated processor.
///
/// # Errors
/// An error in the corpus itself.
pub fn groups_and_more() -> Result<Vec<Group>, String> {
    let mut groups = groups()?;
    if let Some((_, cases)) = groups.last_mut() {
        cases.extend(v2::further_cases()?);
    }
    Ok(groups)
}

/// All cases, grouped by module. Those of the last group need Profile V2.
///
/// # Errors
/// An error in the corpus itself.
pub fn groups() -> Result<Vec<Group>, String> {
    Ok(vec![
        ("guests", guests::cases()?),
        ("nans", nans::cases()?),
        ("generated", generated::cases()?),
        ("v2", v2::cases()?),
    ])
}
