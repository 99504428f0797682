//! The output directory. Runs work in a hidden directory beside it, which is renamed in one step when the job is done,
//! so the final name never holds partial results.

use std::fs;
use std::path::{Path, PathBuf};

use bacalhau_runtime::HostFailure;

use super::exit::Failure;
use super::{earlier, interrupt};
use bacalhau_files::temporary::{self, TempDir};

/// Maximum alternative names if the default one is taken.
const OTHER_NAMES: u32 = 100;

/// A future output directory. Dropping it removes the hidden directory.
#[derive(Debug)]
pub(super) struct OutputDir {
    wanted: Option<PathBuf>,
    parent: PathBuf,
    staging: TempDir,
}

impl OutputDir {
    /// Checks that results can go to `wanted`, and creates the hidden directory beside it. Without `wanted`, results go
    /// to the current directory under a name chosen later.
    ///
    /// # Errors
    /// When `wanted` contains anything except earlier results, or cannot be written.
    pub(super) fn plan(wanted: Option<&Path>) -> Result<Self, Failure> {
        Self::plan_outside(wanted, &[])
    }

    /// Like [`plan`](Self::plan), with the hidden directory outside of the directories in `inputs`, which must not
    /// change while they are read.
    ///
    /// # Errors
    /// When `plan` fails, or there is no such place on the same file system.
    pub(super) fn plan_outside(wanted: Option<&Path>, inputs: &[&Path]) -> Result<Self, Failure> {
        let wanted = wanted.map(final_path).transpose()?;
        let parent = match &wanted {
            Some(wanted) => parent_of(wanted)?,
            None => PathBuf::from("."),
        };
        fs::create_dir_all(&parent).map_err(|error| HostFailure::at("create the directory", &parent, error))?;
        let outside = outside(&parent, inputs)?;
        let staging = temporary::dir_in(outside.as_deref().unwrap_or(&parent));
        let staging = staging.map_err(|error| match &outside {
            None => HostFailure::at("write to the directory", &parent, error).into(),
            Some(outside) => in_an_input(&parent, &format!("cannot write to {}: {error}", outside.display())),
        })?;
        Ok(Self { wanted, parent, staging })
    }

    /// The hidden directory.
    pub(super) fn staging(&self) -> &Path {
        self.staging.path()
    }

    /// Renames `finished`, a directory below the hidden one, to `wanted` or `default_name`, and returns the path.
    /// Removes the rest of the hidden directory.
    ///
    /// # Errors
    /// When the name was taken meanwhile, or the host fails; earlier results are restored.
    pub(super) fn publish(self, finished: &Path, default_name: &str) -> Result<PathBuf, Failure> {
        let target = match &self.wanted {
            Some(wanted) => {
                check_replaceable(wanted)?;
                wanted.clone()
            }
            None => self.free_name(default_name)?,
        };
        let old = self.staging.path().join("replaced");
        interrupt::not_during(|| replace(&target, finished, &old))?;
        Ok(target)
    }

    fn free_name(&self, default_name: &str) -> Result<PathBuf, Failure> {
        let name = |number: u32| match number {
            1 => self.parent.join(default_name),
            number => self.parent.join(format!("{default_name}-{number}")),
        };
        (1..=OTHER_NAMES).map(name).find(|path| check_replaceable(path).is_ok()).ok_or_else(|| {
            Failure::usage(format!("{default_name} and its alternatives are taken: name a directory with --output-dir"))
        })
    }
}

/// A parent outside of all `inputs` from which a directory can be renamed to `parent`; `None` if that is `parent`
/// itself.
fn outside(parent: &Path, inputs: &[&Path]) -> Result<Option<PathBuf>, Failure> {
    let real = |path: &Path| path.canonicalize().map_err(|error| HostFailure::at("follow", path, error));
    let inputs =
        inputs.iter().filter(|input| input.is_dir()).map(|input| real(input)).collect::<Result<Vec<_>, _>>()?;
    let start = real(parent)?;
    let mut outside = start.clone();
    while let Some(input) = inputs.iter().find(|input| outside.starts_with(input)) {
        let above = input.parent().ok_or_else(|| in_an_input(parent, "/ has no parent"))?;
        outside = above.to_path_buf();
    }
    if outside == start {
        return Ok(None);
    }
    let device = |path: &Path| {
        let found = fs::metadata(path).map_err(|error| HostFailure::at("look at", path, error));
        found.map(|found| std::os::unix::fs::MetadataExt::dev(&found))
    };
    if device(&outside)? != device(&start)? {
        return Err(in_an_input(parent, &format!("{} is another file system", outside.display())));
    }
    Ok(Some(outside))
}

fn in_an_input(parent: &Path, why: &str) -> Failure {
    Failure::usage(format!(
        "the results would be written in {}, which is inside an input, and {why}: name a directory outside of it with \
         --output-dir",
        parent.display()
    ))
}

/// Renames `finished` to `target`, and earlier content of `target` to `old`.
fn replace(target: &Path, finished: &Path, old: &Path) -> Result<(), HostFailure> {
    let replaced = fs::symlink_metadata(target).is_ok();
    if replaced {
        fs::rename(target, old).map_err(|error| HostFailure::at("move aside", target, error))?;
    }
    fs::rename(finished, target).map_err(|error| {
        if replaced {
            // If this fails too, the first error is reported.
            let _ = fs::rename(old, target);
        }
        HostFailure::at("write", target, error)
    })
}

/// The path to rename, with links resolved.
fn final_path(wanted: &Path) -> Result<PathBuf, Failure> {
    let path = if fs::symlink_metadata(wanted).is_ok_and(|found| found.is_symlink()) {
        wanted.canonicalize().map_err(|error| unusable(wanted, &format!("it is a broken link: {error}")))?
    } else {
        wanted.to_path_buf()
    };
    check_replaceable(&path)?;
    if path.exists() {
        check_movable(&path)?;
    }
    Ok(path)
}

fn parent_of(path: &Path) -> Result<PathBuf, Failure> {
    match path.parent() {
        Some(parent) if path.file_name().is_some() => {
            Ok(if parent.as_os_str().is_empty() { PathBuf::from(".") } else { parent.into() })
        }
        _ => Err(unusable(path, "it has no name of its own; name a directory that may be replaced completely")),
    }
}

/// Checks that `path` is absent, empty, or contains only earlier results.
fn check_replaceable(path: &Path) -> Result<(), Failure> {
    earlier::check(path).map_err(|foreign| unusable(path, &foreign.to_string()))
}

/// Mount points and the current directory cannot be replaced.
fn check_movable(path: &Path) -> Result<(), Failure> {
    let full = path.canonicalize().map_err(|error| unusable(path, &error.to_string()))?;
    let below = "results replace a whole directory; name one below it";
    if std::env::current_dir().is_ok_and(|current| current.starts_with(&full)) {
        return Err(unusable(path, &format!("it is the current directory or above it, and {below}")));
    }
    if is_mount_point(&full) {
        return Err(unusable(path, &format!("it is a mount point, and {below}")));
    }
    Ok(())
}

#[cfg(unix)]
fn is_mount_point(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let device = |path: &Path| fs::metadata(path).map(|found| found.dev()).ok();
    path.parent().is_none_or(|parent| device(path) != device(parent))
}

#[cfg(not(unix))]
fn is_mount_point(_path: &Path) -> bool {
    false
}

fn unusable(path: &Path, why: &str) -> Failure {
    Failure::usage(format!("cannot put results at {}: {why}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECEIPT: &str = r#"{"claim":{"h1":"h1:x"}}"#;

    fn finished(place: &OutputDir) -> PathBuf {
        let dir = place.staging().join("out");
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("receipt.json"), RECEIPT).unwrap();
        dir
    }

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn nothing_appears_before_the_end_and_nothing_else_after_it() {
        let dir = tempfile::tempdir().unwrap();
        let wanted = dir.path().join("new/out");
        let place = OutputDir::plan(Some(&wanted)).unwrap();
        assert!(!wanted.exists());
        let out = finished(&place);
        assert_eq!(place.publish(&out, "unused").unwrap(), wanted);
        assert_eq!(names(&dir.path().join("new")), ["out"]);
        assert_eq!(names(&wanted), ["receipt.json"]);
        drop(OutputDir::plan(Some(&wanted)).unwrap());
        assert_eq!(names(&dir.path().join("new")), ["out"], "an abandoned run leaves the old results");
    }

    #[test]
    fn nothing_is_staged_in_an_input() {
        let dir = tempfile::tempdir().unwrap();
        let input = dir.path().join("input");
        fs::create_dir_all(input.join("sub")).unwrap();
        let wanted = input.join("sub/out");
        let place = OutputDir::plan_outside(Some(&wanted), &[&input.join("sub"), &input]).unwrap();
        assert_eq!(place.staging().parent().unwrap(), dir.path().canonicalize().unwrap());
        assert_eq!(names(&input.join("sub")), [""; 0]);
        let out = finished(&place);
        assert_eq!(place.publish(&out, "unused").unwrap(), wanted);
        assert_eq!(names(dir.path()), ["input"]);
        let error = OutputDir::plan_outside(Some(&wanted), &[Path::new("/")]).unwrap_err();
        assert!(error.message.contains("--output-dir"), "{}", error.message);
    }

    #[test]
    fn earlier_results_are_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let wanted = dir.path().join("out");
        fs::create_dir_all(wanted.join("executions/1")).unwrap();
        fs::write(wanted.join("executions/1/receipt.json"), RECEIPT).unwrap();
        let place = OutputDir::plan(Some(&wanted)).unwrap();
        let out = finished(&place);
        place.publish(&out, "unused").unwrap();
        assert_eq!(names(&wanted), ["receipt.json"]);
        assert_eq!(names(dir.path()), ["out"]);
    }

    #[test]
    fn anything_else_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let refused = |path: &Path| OutputDir::plan(Some(path)).unwrap_err().message;
        fs::write(dir.path().join("file"), "").unwrap();
        assert!(refused(&dir.path().join("file")).contains("cannot put results at"));
        assert!(refused(dir.path()).contains(r#"it contains "file""#));
        let results = dir.path().join("a");
        fs::create_dir_all(results.join("results")).unwrap();
        assert!(refused(&results).contains("no receipt"));
        fs::write(results.join("receipt.json"), "{}").unwrap();
        assert!(refused(&results).contains("no receipt"));
        assert!(refused(Path::new("/proc")).contains("cannot put results"));
        assert!(refused(Path::new("no-such/..")).contains("cannot put results"));
    }

    #[test]
    #[cfg(unix)]
    fn a_link_is_followed_and_stays() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("real")).unwrap();
        std::os::unix::fs::symlink("real", dir.path().join("link")).unwrap();
        let place = OutputDir::plan(Some(&dir.path().join("link"))).unwrap();
        let out = finished(&place);
        place.publish(&out, "unused").unwrap();
        assert_eq!(names(&dir.path().join("real")), ["receipt.json"]);
        assert_eq!(names(dir.path()), ["link", "real"]);
    }
}
