//! The one renderer of what commands print on standard output: a table for people, JSON and YAML for programs. All
//! three show the same value.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};

use clap::ValueEnum;
use serde::Serialize;

use super::exit::{Exit, Failure};

/// How a result is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs: one object, keys in `snake_case`.
    Json,
    /// The same as YAML.
    Yaml,
}

/// A value that a command prints.
pub(super) trait Render: Serialize {
    /// The form for people, ending in a newline.
    fn table(&self, paint: Paint) -> String;
}

/// Prints `value` on standard output.
///
/// # Errors
/// When standard output cannot be written. A reader that went away is not an error.
pub(super) fn print(format: Format, value: &impl Render) -> Result<(), Failure> {
    let text = match format {
        Format::Table => value.table(Paint::for_stdout()),
        Format::Json => {
            serde_json::to_string_pretty(value).map(|text| text + "\n").map_err(|error| internal(&error))?
        }
        Format::Yaml => yaml(value)?,
    };
    write(text.as_bytes())
}

/// Prints one line on standard output.
///
/// # Errors
/// As for [`print`].
pub(super) fn line(text: &str) -> Result<(), Failure> {
    write(format!("{text}\n").as_bytes())
}

/// Writes `bytes` to standard output.
///
/// # Errors
/// As for [`print`].
pub(super) fn write(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(internal(&error)),
        _ => Ok(()),
    }
}

/// With maps where YAML has tags for enums, so that it says the same as the JSON.
fn yaml(value: &impl Serialize) -> Result<String, Failure> {
    let mut text = Vec::new();
    let mut serializer = serde_yaml_ng::Serializer::new(&mut text);
    serde_yaml_ng::with::singleton_map_recursive::serialize(value, &mut serializer)
        .map_err(|error| internal(&error))?;
    String::from_utf8(text).map_err(|error| internal(&error))
}

/// `value` as YAML, for people. Empty where that cannot be done.
pub(super) fn yaml_text(value: &impl Serialize) -> String {
    yaml(value).unwrap_or_default()
}

fn internal(error: &dyn std::error::Error) -> Failure {
    Failure { exit: Exit::Internal, message: format!("cannot print the result: {error}") }
}

/// Whether text is coloured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint(bool);

impl Paint {
    /// On a terminal that obeys control sequences, unless `NO_COLOR` is set to something.
    pub(super) fn for_stdout() -> Self {
        Self(io::stdout().is_terminal() && obeys() && colours_wanted())
    }

    /// The same for standard error.
    pub(super) fn for_stderr() -> Self {
        Self(io::stderr().is_terminal() && obeys() && colours_wanted())
    }

    /// Good news.
    pub(super) fn green(self, text: &str) -> String {
        self.with("32", text)
    }

    /// Something to look at.
    pub(super) fn yellow(self, text: &str) -> String {
        self.with("33", text)
    }

    /// Bad news.
    pub(super) fn red(self, text: &str) -> String {
        self.with("31", text)
    }

    fn with(self, colour: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.into() }
    }
}

/// Whether terminals obey control sequences: `TERM` says of what kind they are, and `dumb` does not.
pub(super) fn obeys() -> bool {
    std::env::var_os("TERM").is_none_or(|kind| kind != "dumb")
}

fn colours_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Labelled lines, one below the other.
#[derive(Debug, Default)]
pub(super) struct Lines(String);

impl Lines {
    /// Adds one line.
    pub(super) fn add(&mut self, label: &str, text: impl AsRef<str>) {
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "{label:<10} {}", text.as_ref());
    }

    /// The text so far.
    pub(super) fn into_text(self) -> String {
        self.0
    }
}
