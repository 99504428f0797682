//! `SRC:DST` of `--input` and `NAME:PATH` of `--output-volume`. The runtime validates the guest paths.

use bacalhau_cas::Cid;
use bacalhau_storage::{Source, SourceError};

use super::exit::Failure;

/// Default mount path of inputs.
const INPUTS: &str = "/inputs";

/// An input: its source and its mount path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    /// The source.
    pub(super) source: Source,
    /// Absolute guest path. `None` for a CID without one: the default depends on whether it is a directory.
    pub(super) target: Option<String>,
}

impl Mount {
    /// Parses `SRC[:DST]`. Without `DST`, a directory is mounted at `/inputs` and a file at `/inputs/NAME`.
    ///
    /// # Errors
    /// When `SRC` is not a valid source, or has no usable file name.
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let (source, target) = split(text);
        let mut source = Source::parse(source).map_err(|error| in_context(text, &error))?;
        let target = match (target, &source) {
            (Some(target), _) if target.starts_with('/') => Some(without_slash(target).to_owned()),
            (Some(target), _) => Some(format!("/{}", without_slash(target))),
            (None, Source::Cid(_)) => None,
            (None, _) => Some(default_target(&source, source.is_dir()).ok_or_else(|| {
                Failure::usage(format!("{text} has no file name: add its mount path, as in SRC:/inputs/data"))
            })?),
        };
        if let Source::Cid(source) = &mut source {
            source.guest_path = target.clone().unwrap_or_else(|| INPUTS.into());
        }
        Ok(Self { source, target })
    }

    /// Parses all inputs.
    ///
    /// # Errors
    /// When one is invalid.
    pub(super) fn parse_all(texts: &[String]) -> Result<Vec<Self>, Failure> {
        let mounts = texts.iter().map(|text| Self::parse(text)).collect::<Result<Vec<_>, _>>()?;
        for (index, mount) in mounts.iter().enumerate() {
            if let Some(target) = &mount.target {
                check_free(target, &mount.source, mounts[..index].iter().filter_map(|other| other.target.as_deref()))?;
            }
        }
        Ok(mounts)
    }

    /// The mount path, once it is known whether the input is a directory.
    pub(super) fn target(&self, is_dir: bool) -> String {
        let name = || match &self.source {
            Source::Cid(source) => format!("{INPUTS}/{}", source.place.cid),
            _ => INPUTS.into(),
        };
        self.target.clone().or_else(|| default_target(&self.source, is_dir)).unwrap_or_else(name)
    }
}

/// Checks that `target` is not used by another input.
///
/// # Errors
/// When one of `taken` has it.
pub(super) fn check_free<'a>(
    target: &str,
    source: &Source,
    mut taken: impl Iterator<Item = &'a str>,
) -> Result<(), Failure> {
    if taken.any(|other| other == target) {
        return Err(Failure::usage(format!(
            "two inputs at {target}: give each its own mount path, as in {}:/inputs/other",
            source.recorded()
        )));
    }
    Ok(())
}

/// `None` for a file without a name.
fn default_target(source: &Source, is_dir: bool) -> Option<String> {
    if is_dir { Some(INPUTS.into()) } else { source.name().map(|name| format!("{INPUTS}/{name}")) }
}

fn in_context(text: &str, error: &SourceError) -> Failure {
    Failure::usage(format!("input {text}: {error}"))
}

/// Splits at the last `:` before a single `/`. A URL has other colons before its `//` and before its port.
fn split(text: &str) -> (&str, Option<&str>) {
    let colon = text.rmatch_indices(":/").map(|(at, _)| at).find(|at| !text[at + 1..].starts_with("//"));
    match colon {
        Some(at) if at > 0 => (&text[..at], Some(&text[at + 1..])),
        _ => split_relative(text).map_or((text, None), |(source, target)| (source, Some(target))),
    }
}

/// Splits `CID:inputs`, as early versions of Bacalhau accepted it: a relative path begins at the root. Only directly
/// after a CID, which contains no colon; names below it, and files, may contain one.
fn split_relative(text: &str) -> Option<(&str, &str)> {
    let url = text.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("ipfs://"));
    let prefix = url.or_else(|| text.starts_with("/ipfs/").then_some("/ipfs/")).unwrap_or_default().len();
    let (cid, target) = text[prefix..].split_once(':')?;
    (!target.is_empty() && cid.parse::<Cid>().is_ok()).then(|| (&text[..prefix + cid.len()], target))
}

fn without_slash(path: &str) -> &str {
    match path.trim_end_matches('/') {
        "" => path,
        trimmed => trimmed,
    }
}

/// Parses `NAME:PATH` of an output.
///
/// # Errors
/// When a part is missing.
pub(super) fn parse_output(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((name, path)) if !name.is_empty() && path.starts_with('/') => {
            Ok((name.into(), without_slash(path).into()))
        }
        _ => Err(format!("{text:?} is not NAME:PATH with an absolute path, as in report:/report")),
    }
}

/// Parses `KEY=VALUE` of the environment.
///
/// # Errors
/// When there is no value: variables of the caller are not passed on.
pub(super) fn parse_env(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.into(), value.into())),
        _ => {
            Err(format!("{text:?} is not KEY=VALUE; the program does not inherit your environment, so write the value"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CID: &str = "QmbWqxBEKC3P8tqsKc98xmWNzrzDtRLMiMPL8wBuTGsMnR";

    #[test]
    fn a_source_may_have_colons() {
        let table = [
            ("data:/in", ("data", Some("/in"))),
            ("data", ("data", None)),
            ("a:b:/in", ("a:b", Some("/in"))),
            ("/a:/b:/c", ("/a:/b", Some("/c"))),
            ("http://host:8080/x", ("http://host:8080/x", None)),
            ("http://host:8080/x:/inputs/x", ("http://host:8080/x", Some("/inputs/x"))),
            ("https://host/x?u=http://other/y", ("https://host/x?u=http://other/y", None)),
            ("file:///data", ("file:///data", None)),
            ("file:///data:/in", ("file:///data", Some("/in"))),
            // As the first versions of Bacalhau took it: a CID has no colon, so what follows one is a place.
            (&format!("{CID}:inputs"), (CID, Some("inputs"))),
            (&format!("{CID}:a/b:c/"), (CID, Some("a/b:c/"))),
            (&format!("ipfs://{CID}:inputs"), (&format!("ipfs://{CID}"), Some("inputs"))),
            (&format!("/ipfs/{CID}:inputs"), (&format!("/ipfs/{CID}"), Some("inputs"))),
            (&format!("{CID}:/inputs"), (CID, Some("/inputs"))),
            // A name below a CID may have one.
            (&format!("{CID}/a:b"), (&format!("{CID}/a:b"), None)),
            (&format!("{CID}/a:b:/in"), (&format!("{CID}/a:b"), Some("/in"))),
            (&format!("{CID}:"), (&format!("{CID}:"), None)),
            ("data:x", ("data:x", None)),
        ];
        for (text, expected) in table {
            assert_eq!(split(text), expected, "{text}");
        }
    }

    #[test]
    fn places_by_default() {
        assert_eq!(Mount::parse("src").unwrap().target(true), "/inputs");
        assert_eq!(Mount::parse("Cargo.toml").unwrap().target(false), "/inputs/Cargo.toml");
        assert_eq!(Mount::parse("http://host:1/a/b.csv?q=1").unwrap().target(false), "/inputs/b.csv");
        assert_eq!(Mount::parse("src:/in/").unwrap().target(false), "/in");
        assert_eq!(Mount::parse(&format!("{CID}:inputs/")).unwrap().target(false), "/inputs");
        assert_eq!(Mount::parse(&format!("{CID}:in/x")).unwrap().target.as_deref(), Some("/in/x"));
        assert!(Mount::parse("http://host/").unwrap_err().message.contains("no file name"));
        assert!(
            Mount::parse_all(&["src".into(), "tests".into()]).unwrap_err().message.contains("two inputs at /inputs")
        );
    }

    #[test]
    fn outputs_and_environment() {
        assert_eq!(parse_output("report:/out/r/"), Ok(("report".into(), "/out/r".into())));
        for wrong in ["report", ":/x", "a:relative"] {
            assert!(parse_output(wrong).unwrap_err().contains("NAME:PATH with an absolute path"), "{wrong}");
        }
        assert_eq!(parse_env("A=b=c"), Ok(("A".into(), "b=c".into())));
        assert_eq!(parse_env("A="), Ok(("A".into(), String::new())));
        assert!(parse_env("HOME").unwrap_err().contains("does not inherit your environment"));
    }
}
