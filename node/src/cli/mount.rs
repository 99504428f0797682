//! `SRC:DST` of `--input` and `NAME:PATH` of `--output-volume`. Whether the guest paths make sense is the runtime's
//! to say.

use crate::storage::{Source, SourceError};

use super::exit::Failure;

/// An input: where it comes from, and where the program sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    /// Where from.
    pub(super) source: Source,
    /// Absolute guest path.
    pub(super) target: String,
}

impl Mount {
    /// Reads `SRC[:DST]`. Without `DST`, a directory is seen at `/inputs` and a file at `/inputs/NAME`.
    ///
    /// # Errors
    /// When `SRC` is nothing that can be read, or has no name that could be used.
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let (source, target) = split(text);
        let source = Source::parse(source).map_err(|error| in_context(text, &error))?;
        let target = match target {
            Some(target) => without_slash(target).into(),
            None if source.is_dir() => "/inputs".into(),
            None => match source.name() {
                Some(name) => format!("/inputs/{name}"),
                None => {
                    return Err(Failure::usage(format!(
                        "{text} has no file name: say where it goes, as in SRC:/inputs/data"
                    )));
                }
            },
        };
        Ok(Self { source, target })
    }

    /// Reads all of them.
    ///
    /// # Errors
    /// As for one, and when two have the same place.
    pub(super) fn parse_all(texts: &[String]) -> Result<Vec<Self>, Failure> {
        let mut mounts: Vec<Self> = Vec::new();
        for text in texts {
            let mount = Self::parse(text)?;
            if mounts.iter().any(|other| other.target == mount.target) {
                return Err(Failure::usage(format!(
                    "two inputs at {}: give each its own place, as in {}:/inputs/other",
                    mount.target, mount.source
                )));
            }
            mounts.push(mount);
        }
        Ok(mounts)
    }
}

fn in_context(text: &str, error: &SourceError) -> Failure {
    Failure::usage(format!("input {text}: {error}"))
}

/// At the last `:` before a single `/`: a URL has others, before its `//` and before its port.
fn split(text: &str) -> (&str, Option<&str>) {
    let colon = text.rmatch_indices(":/").map(|(at, _)| at).find(|at| !text[at + 1..].starts_with("//"));
    match colon {
        Some(at) if at > 0 => (&text[..at], Some(&text[at + 1..])),
        _ => (text, None),
    }
}

fn without_slash(path: &str) -> &str {
    match path.trim_end_matches('/') {
        "" => path,
        trimmed => trimmed,
    }
}

/// Reads `NAME:PATH` of an output.
///
/// # Errors
/// When one of the two is missing.
pub(super) fn parse_output(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((name, path)) if !name.is_empty() && path.starts_with('/') => {
            Ok((name.into(), without_slash(path).into()))
        }
        _ => Err(format!("{text:?} is not NAME:PATH with an absolute path, as in report:/report")),
    }
}

/// Reads `KEY=VALUE` of the environment.
///
/// # Errors
/// When there is no value: the caller's environment is never handed on by itself.
pub(super) fn parse_env(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.into(), value.into())),
        _ => Err(format!(
            "{text:?} is not KEY=VALUE; the program sees nothing of your own environment, so write the value out"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        ];
        for (text, expected) in table {
            assert_eq!(split(text), expected, "{text}");
        }
    }

    #[test]
    fn places_by_default() {
        assert_eq!(Mount::parse("src").unwrap().target, "/inputs");
        assert_eq!(Mount::parse("Cargo.toml").unwrap().target, "/inputs/Cargo.toml");
        assert_eq!(Mount::parse("http://host:1/a/b.csv?q=1").unwrap().target, "/inputs/b.csv");
        assert_eq!(Mount::parse("src:/in/").unwrap().target, "/in");
        assert!(Mount::parse("http://host/").unwrap_err().message.contains("no file name"));
        assert!(
            Mount::parse_all(&["src".into(), "tests".into()]).unwrap_err().message.contains("two inputs at /inputs")
        );
    }

    #[test]
    fn outputs_and_environment() {
        assert_eq!(parse_output("report:/out/r/"), Ok(("report".into(), "/out/r".into())));
        assert!(parse_output("report").is_err());
        assert!(parse_output(":/x").is_err());
        assert!(parse_output("a:relative").is_err());
        assert_eq!(parse_env("A=b=c"), Ok(("A".into(), "b=c".into())));
        assert_eq!(parse_env("A="), Ok(("A".into(), String::new())));
        assert!(parse_env("HOME").unwrap_err().contains("your own environment"));
    }
}
