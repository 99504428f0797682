//! Checks that a data directory is complete and private: a node that has lost its jobs or identity must not start as a
//! new one beside the remaining data.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use bacalhau_tree::HostFailure;

use bacalhau_files::private;
use bacalhau_store::FILE_NAME;

/// The file of a node's key.
pub(crate) const IDENTITY: &str = "identity";
/// The file of the key of clients that use the directory.
pub const CLIENT_KEY: &str = "client_key";
/// Where executions are, as long as they are needed. Made after the jobs' file was.
pub(crate) const EXECUTIONS: &str = "executions";
/// Where collected results are.
pub(crate) const RESULTS: &str = "results";

/// Names created by a node or an earlier version, private to the owner.
const OWN: [&str; 12] = [
    FILE_NAME,
    IDENTITY,
    CLIENT_KEY,
    EXECUTIONS,
    RESULTS,
    "backup.sock",
    "serving.json",
    "publications",
    "store",
    "modules",
    "downloads",
    "deals",
];

/// Creates `data_dir`, or removes access of other users that an earlier version allowed, with a log message. Another
/// existing directory is unchanged unless it is empty; the node's files in it are private.
///
/// # Errors
/// When it belongs to another user, who could replace its content, or cannot be changed.
pub(crate) fn secure(data_dir: &Path) -> Result<(), HostFailure> {
    let failed = |error| HostFailure::at("make private", data_dir, error);
    let is_nodes = OWN.iter().any(|name| data_dir.join(name).symlink_metadata().is_ok());
    private::create_dir_all(data_dir).map_err(failed)?;
    // The data directory itself may be named by a link.
    let real = data_dir.canonicalize().map_err(failed)?;
    let metadata = fs::metadata(&real).map_err(failed)?;
    if !private::is_own(&metadata) && metadata.uid() != 0 {
        return Err(HostFailure::new(format!(
            "the data directory {} belongs to the user {}, who could read and replace data of this node: run the node \
             as that user, chown the directory, or name another --data-dir",
            data_dir.display(),
            metadata.uid()
        )));
    }
    let is_empty = || fs::read_dir(&real).map(|mut entries| entries.next().is_none());
    let mut tightened = Vec::new();
    if (is_nodes || is_empty().map_err(failed)?) && private::tighten(&real).map_err(failed)? {
        tightened.push(".");
    }
    for name in OWN {
        if private::tighten(&real.join(name)).map_err(failed)? {
            tightened.push(name);
        }
    }
    if !tightened.is_empty() {
        tracing::info!(
            "other users of this machine had access to parts of {}, and have not any more: {}",
            data_dir.display(),
            tightened.join(", ")
        );
    }
    Ok(())
}

/// Checks that `data_dir` is new, or has all that a node needs.
///
/// # Errors
/// When jobs or identity are missing or empty beside other data.
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
            "{} {what}, but this node had jobs: restore a backup with bacalhau restore --replace, or remove {} to \
             start without jobs",
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
            "{} {what}, and without it this node would be another one: restore it from a backup, or remove {} to start \
             as a new node without jobs",
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
    fn only_its_owner_has_access_to_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let mode = |name: &str| fs::metadata(data.join(name)).unwrap().permissions().mode() & 0o777;
        secure(&data).unwrap();
        assert_eq!(mode("."), 0o700);
        // As an earlier version made it.
        for name in [EXECUTIONS, RESULTS, "of somebody else"] {
            fs::create_dir(data.join(name)).unwrap();
        }
        fs::write(data.join(FILE_NAME), "jobs").unwrap();
        for name in [".", EXECUTIONS, RESULTS, FILE_NAME, "of somebody else"] {
            fs::set_permissions(data.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        secure(&data).unwrap();
        let modes = [".", EXECUTIONS, RESULTS, FILE_NAME, "of somebody else"].map(mode);
        assert_eq!(modes, [0o700, 0o700, 0o700, 0o700, 0o755]);
        // A directory that never belonged to a node keeps its mode.
        let home = dir.path().join("home");
        fs::create_dir_all(home.join("documents")).unwrap();
        fs::set_permissions(&home, fs::Permissions::from_mode(0o755)).unwrap();
        secure(&home).unwrap();
        assert_eq!(fs::metadata(&home).unwrap().permissions().mode() & 0o777, 0o755);
        if std::os::unix::fs::chown(&home, Some(1234), None).is_ok() {
            let said = secure(&home).unwrap_err().to_string();
            assert!(said.contains("belongs to the user 1234") && said.contains("chown"), "{said}");
        }
    }

    #[test]
    fn what_is_lost_beside_other_data_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let wrong = || check(dir.path()).unwrap_err().to_string();
        check(&path("new")).unwrap();
        check(dir.path()).unwrap();
        fs::create_dir(path("store")).unwrap();
        fs::write(path(IDENTITY), "key").unwrap();
        check(dir.path()).expect("it has only served blocks");
        fs::create_dir(path(EXECUTIONS)).unwrap();
        let said = wrong();
        assert!(said.contains("jobs.redb is missing") && said.contains("bacalhau restore --replace"), "{said}");
        assert!(said.contains("executions to start without jobs"), "{said}");
        fs::write(path(FILE_NAME), "").unwrap();
        let said = wrong();
        assert!(said.contains("jobs.redb is empty") && said.contains("jobs.redb to start without jobs"), "{said}");
        fs::write(path(FILE_NAME), "jobs").unwrap();
        check(dir.path()).unwrap();
        fs::write(path(IDENTITY), "").unwrap();
        assert!(wrong().contains("identity is empty"), "{}", wrong());
        fs::remove_file(path(IDENTITY)).unwrap();
        assert!(wrong().contains("identity is missing"), "{}", wrong());
    }
}
