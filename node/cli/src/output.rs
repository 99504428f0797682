//! Prints results of commands on standard output: a table for people, JSON and YAML for programs, all of the same
//! value.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};

use clap::ValueEnum;
use serde::Serialize;

use super::exit::{Exit, Failure};

/// Output format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Text for people.
    #[default]
    Table,
    /// JSON: one object, keys in `snake_case`.
    Json,
    /// YAML with the same content.
    Yaml,
}

/// A printable result.
pub(super) trait Render: Serialize {
    /// Text for people, ending in a newline.
    fn table(&self, paint: Paint) -> String;
}

/// Prints `value` on standard output.
///
/// # Errors
/// When standard output cannot be written. A closed pipe is not an error.
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
/// When standard output cannot be written.
pub(super) fn line(text: &str) -> Result<(), Failure> {
    write(format!("{text}\n").as_bytes())
}

/// Writes `bytes` to standard output.
///
/// # Errors
/// When standard output cannot be written.
pub(super) fn write(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(internal(&error)),
        _ => Ok(()),
    }
}

/// YAML with maps in place of tags for enums, to match the JSON.
fn yaml(value: &impl Serialize) -> Result<String, Failure> {
    let mut text = Vec::new();
    let mut serializer = serde_yaml_ng::Serializer::new(&mut text);
    serde_yaml_ng::with::singleton_map_recursive::serialize(value, &mut serializer)
        .map_err(|error| internal(&error))?;
    String::from_utf8(text).map_err(|error| internal(&error))
}

/// `value` as YAML for people. Empty when it cannot be serialized.
pub(super) fn yaml_text(value: &impl Serialize) -> String {
    yaml(value).unwrap_or_default()
}

fn internal(error: &dyn std::error::Error) -> Failure {
    Failure::new(Exit::Internal, format!("cannot print the result: {error}"))
}

/// Whether to colour text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint(bool);

impl Paint {
    /// Colours on a terminal that supports control sequences, unless `NO_COLOR` is set.
    pub(super) fn for_stdout() -> Self {
        Self(io::stdout().is_terminal() && obeys() && colours_wanted())
    }

    /// The same setting for standard error.
    pub(super) fn for_stderr() -> Self {
        Self(io::stderr().is_terminal() && obeys() && colours_wanted())
    }

    /// Success.
    pub(super) fn green(self, text: &str) -> String {
        self.with("32", text)
    }

    /// Warning.
    pub(super) fn yellow(self, text: &str) -> String {
        self.with("33", text)
    }

    /// Failure.
    pub(super) fn red(self, text: &str) -> String {
        self.with("31", text)
    }

    fn with(self, colour: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.into() }
    }
}

/// Whether the terminal supports control sequences, by `TERM`.
pub(super) fn obeys() -> bool {
    std::env::var_os("TERM").is_none_or(|kind| kind != "dumb")
}

fn colours_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Labelled lines.
#[derive(Debug, Default)]
pub(super) struct Lines(String);

impl Lines {
    /// Adds one line.
    pub(super) fn add(&mut self, label: &str, text: impl AsRef<str>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{label:<10} {}", text.as_ref());
    }

    /// The text so far.
    pub(super) fn into_text(self) -> String {
        self.0
    }
}
