//! Inputs as bind mounts for a container. An input that exists unchanged on this host is mounted in place; others are
//! copied to the execution's directory first.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bacalhau_tree::{Deadline, HostFailure, Inputs, Kind, Tree};

use bacalhau_cas::unixfs::Unpack;
use bacalhau_storage::Until;

/// An input that can be mounted.
#[derive(Debug)]
pub(super) struct Shown {
    /// Mount path in the container.
    pub(super) target: String,
    /// Path on the host.
    pub(super) path: String,
    tree: Arc<dyn Tree>,
    /// Listing at mount time; `None` for a copy.
    seen: Option<Seen>,
}

/// Names of a tree, with targets of links. The tree itself detects changed file contents.
type Seen = BTreeMap<String, (Kind, Option<String>)>;

/// Prepares all inputs until `deadline`. Copies go into the new directory `dir` within the limits of `unpack`.
pub(super) fn show(
    inputs: &Inputs,
    dir: &Path,
    unpack: &Unpack,
    deadline: &Deadline,
) -> Result<Vec<Shown>, HostFailure> {
    fs::create_dir(dir).map_err(|error| HostFailure::at("make", dir, error))?;
    let one = |(index, (target, tree)): (usize, (&String, &Arc<dyn Tree>))| {
        let (target, tree) = (target.clone(), Arc::clone(tree));
        let until = Until::new(Arc::clone(&tree), deadline);
        if let Some(path) = place_of(&*tree) {
            let seen = look(&until).map_err(|error| HostFailure::io(format!("read the input at {target}"), error))?;
            return Ok(Shown { target, path, tree, seen: Some(seen) });
        }
        let copy = dir.join(index.to_string());
        unpack.write(&until, &copy, &mut |_| ()).map_err(|error| {
            HostFailure::new(format!("cannot write the input at {target} to {}: {error}", copy.display()))
        })?;
        let path = copy.into_os_string().into_string();
        let path = path
            .map_err(|path| HostFailure::new(format!("container engines do not accept the path {}", path.display())))?;
        Ok(Shown { target, path, tree, seen: None })
    };
    // After the deadline, report only that.
    inputs
        .iter()
        .enumerate()
        .map(one)
        .collect::<Result<_, _>>()
        .map_err(|failure| deadline.check().err().unwrap_or(failure))
}

impl Shown {
    /// Checks that the mounted files are still those that were hashed.
    pub(super) fn check_unchanged(&self, deadline: &Deadline) -> Result<(), HostFailure> {
        let Self { target, path, tree, seen } = self;
        let changed = |what: &str| HostFailure::new(format!("the input at {target} {what}; run the job again"));
        let during = |why: String| changed(&format!("was changed while the container ran{why}"));
        deadline.check()?;
        // Copies were made from data that must not have changed meanwhile.
        tree.check_unchanged(deadline).map_err(|error| during(format!(" ({error})")))?;
        let Some(seen) = seen else { return Ok(()) };
        let now = look(&Until::new(Arc::clone(tree), deadline)).map_err(|error| during(format!(" ({error})")))?;
        if now != *seen || place_of(&**tree).as_ref() != Some(path) {
            return Err(during(String::new()));
        }
        Ok(())
    }
}

/// The host path that contains exactly `tree`, if there is one.
fn place_of(tree: &dyn Tree) -> Option<String> {
    let path = tree.host_path()?;
    let is_plain = tree.stat("").is_ok_and(|stat| stat.kind != Kind::Link);
    // Nested mounts would have to be visible too, and not all engines can make them read-only.
    let whole = is_plain && path.canonicalize().is_ok_and(|real| real == path) && !has_mounts_below(&path);
    path.into_os_string().into_string().ok().filter(|_| whole)
}

/// Without a mount table, there are no nested mounts.
fn has_mounts_below(path: &Path) -> bool {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    table.lines().filter_map(|line| line.split(' ').nth(4)).any(|place| {
        let place = PathBuf::from(unescaped(place));
        place != path && place.starts_with(path)
    })
}

/// Decodes the kernel's octal escapes of spaces and similar characters.
fn unescaped(text: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .into_iter()
        .fold(text.to_owned(), |text, (code, meant)| text.replace(code, meant))
}

/// Lists all names and opens every file, so that the tree records its state.
fn look(tree: &dyn Tree) -> io::Result<Seen> {
    let mut seen = Seen::new();
    if tree.stat("")?.kind != Kind::Dir {
        tree.open("")?;
        return Ok(seen);
    }
    let mut pending = vec![String::new()];
    while let Some(dir) = pending.pop() {
        for entry in tree.list(&dir)? {
            let path = if dir.is_empty() { entry.name } else { format!("{dir}/{}", entry.name) };
            let mut target = None;
            match entry.kind {
                Kind::Dir => pending.push(path.clone()),
                Kind::File => drop(tree.open(&path)?),
                Kind::Link => target = Some(tree.read_link(&path)?),
            }
            seen.insert(path, (entry.kind, target));
        }
    }
    Ok(seen)
}

#[cfg(test)]
mod tests {
    use bacalhau_tree::HostTree;

    use super::*;
    use bacalhau_storage::{InlineStorage, Source, Storage as _};

    #[test]
    fn what_is_here_is_shown_in_place_and_the_rest_is_written_down() {
        let dir = tempfile::tempdir().unwrap();
        let local = dir.path().canonicalize().unwrap().join("local");
        fs::create_dir(&local).unwrap();
        fs::write(local.join("a"), "1").unwrap();
        let inline = InlineStorage.open(&Source::parse("data:,hello").unwrap()).unwrap().tree;
        let tree: Arc<dyn Tree> = Arc::new(HostTree::open(&local).unwrap());
        let inputs = Inputs::from([("/a".into(), Arc::clone(&tree)), ("/b".into(), inline)]);
        let never = Deadline::never();
        let shown = show(&inputs, &dir.path().join("copies"), &Unpack::default(), &never).unwrap();
        assert_eq!(shown.iter().map(|shown| shown.target.as_str()).collect::<Vec<_>>(), ["/a", "/b"]);
        assert_eq!(shown[0].path, local.to_str().unwrap());
        assert_eq!(fs::read_to_string(&shown[1].path).unwrap(), "hello");
        for shown in &shown {
            shown.check_unchanged(&never).unwrap();
        }
        fs::write(local.join("new"), "").unwrap();
        assert!(shown[0].check_unchanged(&never).unwrap_err().to_string().contains("input at /a was changed"));
        fs::remove_file(local.join("new")).unwrap();
        fs::write(local.join("a"), "other").unwrap();
        assert!(shown[0].check_unchanged(&never).unwrap_err().to_string().contains("input at /a was changed"));
    }

    #[test]
    fn mounts_below_are_found() {
        assert!(has_mounts_below(Path::new("/")));
        assert!(!has_mounts_below(Path::new("/proc/self/fd")));
        assert_eq!(unescaped("/a\\040b"), "/a b");
    }
}
