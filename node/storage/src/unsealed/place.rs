//! Resolves a rendered template to an existing, readable path below the base directory. Each reason for rejection has
//! its own message.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use bacalhau_tree::HostFailure;

use super::Template;
use crate::SourceError;

/// Checks that the template names the directory in which copies lie before it names anything of an input.
pub(crate) fn check_template(template: &Template) -> Result<(), SourceError> {
    if Path::new(template.fixed_part()).is_absolute() {
        return Ok(());
    }
    let why = "has to begin with an absolute directory, as in /var/lib/data/{{.Cid}}";
    Err(SourceError::Template { template: template.to_string(), why })
}

/// The path `rendered` with links resolved. `None` when it does not exist.
pub(crate) fn find(template: &Template, rendered: &str) -> Result<Option<PathBuf>, HostFailure> {
    let base = base_of(template);
    let path = Path::new(rendered);
    let leaves =
        || HostFailure::new(format!("{rendered} leaves {}, where the copies of {template} lie", base.display()));
    let inside = !rendered.contains('\0') && path.components().all(|part| part != Component::ParentDir);
    if !inside || !path.starts_with(&base) || path == base {
        return Err(leaves());
    }
    let Err(error) = fs::symlink_metadata(path) else { return resolve(path, &base).map(Some) };
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => Ok(None),
        _ => Err(HostFailure::at("look at", path, error)),
    }
}

fn resolve(path: &Path, base: &Path) -> Result<PathBuf, HostFailure> {
    let real = path.canonicalize().map_err(|error| match error.kind() {
        ErrorKind::NotFound => HostFailure::new(format!("{} is a link to something that is not there", path.display())),
        _ => HostFailure::at("follow", path, error),
    })?;
    let real_base = base.canonicalize().map_err(|error| HostFailure::at("follow", base, error))?;
    if !real.starts_with(&real_base) || real == real_base {
        return Err(HostFailure::new(format!(
            "{} is a link to {}, outside of {}; mount it there, or let the template name where it is",
            path.display(),
            real.display(),
            base.display()
        )));
    }
    let metadata = fs::metadata(&real).map_err(|error| HostFailure::at("look at", &real, error))?;
    let opened = if metadata.is_dir() {
        fs::read_dir(&real).map(drop)
    } else if metadata.is_file() {
        File::open(&real).map(drop)
    } else {
        return Err(HostFailure::new(format!("{} is neither a directory nor a file", path.display())));
    };
    opened.map_err(|error| HostFailure::at("read", path, error))?;
    Ok(real)
}

/// The directory that the fixed part of a template names.
fn base_of(template: &Template) -> PathBuf {
    let fixed = template.fixed_part();
    let end = fixed.rfind('/').map_or(0, |slash| slash + 1);
    PathBuf::from(&fixed[..end])
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;
    use crate::Fields;

    #[test]
    fn only_a_readable_thing_below_the_fixed_part_counts() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap().join("data");
        fs::create_dir_all(base.join("there")).unwrap();
        fs::create_dir(dir.path().join("outside")).unwrap();
        symlink(base.join("gone"), base.join("dangling")).unwrap();
        symlink("../outside", base.join("out")).unwrap();
        symlink("there", base.join("alias")).unwrap();
        symlink("loop", base.join("loop")).unwrap();
        symlink(".", base.join("self")).unwrap();
        let _socket = UnixListener::bind(base.join("socket")).unwrap();
        let template = Template::parse(&format!("{}/{{{{.Name}}}}", base.display())).unwrap();
        let find = |name: &str| {
            let found = find(&template, &format!("{}/{name}", base.display()));
            found.map(|path| path.map(|path| path.file_name().unwrap().to_owned())).map_err(|error| error.to_string())
        };
        assert_eq!(find("there").unwrap().unwrap(), "there");
        assert_eq!(find("alias").unwrap().unwrap(), "there");
        assert_eq!(find("absent").unwrap(), None);
        for (name, why) in [
            ("../outside", "leaves"),
            ("there/../../outside", "leaves"),
            ("", "leaves"),
            ("a\0b", "leaves"),
            ("dangling", "is a link to something that is not there"),
            ("out", "outside of"),
            ("self", "outside of"),
            ("loop", "cannot follow"),
            ("socket", "neither a directory nor a file"),
        ] {
            let error = find(name).unwrap_err();
            assert!(error.contains(why), "{name:?}: {error}");
        }
    }

    #[test]
    fn metadata_of_a_job_leads_nowhere_else() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap();
        fs::create_dir_all(base.join("data/tenant")).unwrap();
        fs::write(base.join("secret"), "x").unwrap();
        fs::write(base.join("data/other-secret"), "x").unwrap();
        let text = format!("{}/data/tenant/{{{{.Metadata.piece}}}}/{{{{.Cid}}}}", base.display());
        let template = Template::parse(&text).unwrap();
        let cid = "bafkqaaa".to_owned();
        for piece in ["../..", "..", "a/../../..", "\0", "../../secret\0", "../other-secret", "./../.."] {
            let metadata = [("piece".to_owned(), piece.to_owned())].into();
            let fields = Fields { cid: cid.clone(), metadata, ..Fields::default() };
            let rendered = template.render(&fields).unwrap();
            let error = find(&template, &rendered).unwrap_err().to_string();
            assert!(error.contains("leaves"), "{piece:?}: {error}");
        }
        // An absolute path stays below, and is not there.
        let metadata = [("piece".to_owned(), "/etc/passwd".to_owned())].into();
        let fields = Fields { cid, metadata, ..Fields::default() };
        assert_eq!(find(&template, &template.render(&fields).unwrap()).unwrap(), None);
        let error = template.render(&Fields::default()).unwrap_err().to_string();
        assert!(error.contains("cannot be filled in"), "a path with a hole in it: {error}");
    }

    #[test]
    fn a_template_says_where_copies_lie_before_anything_else() {
        let check = |text: &str| check_template(&Template::parse(text).unwrap());
        check("/var/lib/data/{{.Cid}}").unwrap();
        for text in ["{{.Cid}}", "data/{{.Cid}}", ""] {
            assert!(check(text).unwrap_err().to_string().contains("absolute directory"), "{text:?}");
        }
    }
}
