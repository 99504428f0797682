//! Whether a data directory is whole: a node that has lost its jobs or its identity does not begin as a new one beside what
//! is left of the old one.

use std::fs;
use std::path::Path;

use bacalhau_runtime::HostFailure;

use crate::store::FILE_NAME;

/// The file of a node's key.
pub(crate) const IDENTITY: &str = "identity";
/// Where executions are, as long as they are needed. Made after the jobs' file was.
pub(crate) const EXECUTIONS: &str = "executions";
/// Where collected results are.
pub(crate) const RESULTS: &str = "results";

/// Checks that `data_dir` is new, or has what a node needs to go on.
///
/// # Errors
/// When the jobs or the identity are missing or empty beside other data.
pub(crate) fn check(data_dir: &Path) -> Result<(), HostFailure> {
    let size = |name: &str| fs::metadata(data_dir.join(name)).map(|found| found.len()).ok();
    let rest: Vec<&str> = [EXECUTIONS, RESULTS].into_iter().filter(|name| size(name).is_some()).collect();
    let (jobs, identity) = (size(FILE_NAME), size(IDENTITY));
    let named = |names: &[&str]| {
        let paths: Vec<_> = names.iter().map(|name| data_dir.join(name).display().to_string()).collect();
        paths.join(" and ")
    };
    if jobs == Some(0) || jobs.is_none() && !rest.is_empty() {
        let what = if jobs.is_some() { "is empty" } else { "is missing" };
        let mut remove = rest.clone();
        remove.extend(jobs.map(|_| FILE_NAME));
        return Err(HostFailure::new(format!(
            "{} {what}, and this node had jobs: restore a backup with bacalhau restore --replace, or remove {} to begin \
             without jobs",
            named(&[FILE_NAME]),
            named(&remove)
        )));
    }
    if identity == Some(0) || identity.is_none() && jobs.is_some() {
        let what = if identity.is_some() { "is empty" } else { "is missing" };
        let mut remove = rest;
        remove.extend(jobs.map(|_| FILE_NAME));
        remove.extend(identity.map(|_| IDENTITY));
        return Err(HostFailure::new(format!(
            "{} {what}, and without it this node is another one: put it back from a backup, or remove {} to begin as a new \
             node without jobs",
            named(&[IDENTITY]),
            named(&remove)
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_beside_other_data_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let wrong = || check(dir.path()).unwrap_err().to_string();
        assert!(check(&path("new")).is_ok() && check(dir.path()).is_ok());
        fs::create_dir(path("store")).unwrap();
        fs::write(path(IDENTITY), "key").unwrap();
        assert!(check(dir.path()).is_ok(), "it has only served blocks");
        fs::create_dir(path(EXECUTIONS)).unwrap();
        let said = wrong();
        assert!(said.contains("jobs.redb is missing") && said.contains("bacalhau restore --replace"), "{said}");
        assert!(said.contains("executions to begin without jobs"), "{said}");
        fs::write(path(FILE_NAME), "").unwrap();
        let said = wrong();
        assert!(said.contains("jobs.redb is empty") && said.contains("jobs.redb to begin without jobs"), "{said}");
        fs::write(path(FILE_NAME), "jobs").unwrap();
        assert!(check(dir.path()).is_ok());
        fs::write(path(IDENTITY), "").unwrap();
        assert!(wrong().contains("identity is empty"), "{}", wrong());
        fs::remove_file(path(IDENTITY)).unwrap();
        assert!(wrong().contains("identity is missing"), "{}", wrong());
    }
}
