//! `bacalhau config`: the commented default file, and what is in force and who says so.

use clap::{Args, Subcommand};
use serde::Serialize;

use super::exit::{Exit, Failure};
use super::output::{self, Format, Paint, Render};
use super::settings::Files;
use crate::config;

const DEFAULT_EXAMPLES: &str = "\
Examples:
  bacalhau config default > config.toml
      take the # away where something is to be otherwise, then: bacalhau serve --config config.toml";

const SHOW_EXAMPLES: &str = "\
Examples:
  bacalhau config show
  bacalhau config show --origin --config site.toml --config host.toml
      who says each value: a line of a file, a variable, or nobody";

/// The verbs.
#[derive(Debug, Subcommand)]
pub(super) enum Config {
    Default(DefaultFile),
    Show(Show),
}

/// Print the configuration that changes nothing, with every key and what it is for
#[derive(Args, Debug)]
#[command(after_help = DEFAULT_EXAMPLES)]
pub(super) struct DefaultFile {}

/// Show the values that are in force, from files and environment
#[derive(Args, Debug)]
#[command(after_help = SHOW_EXAMPLES)]
pub(super) struct Show {
    /// Say where each value comes from
    #[arg(long)]
    origin: bool,

    /// How they are printed
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,

    #[command(flatten)]
    files: Files,
}

/// What is in force.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct InForce {
    entries: Vec<Entry>,
}

/// One key.
#[derive(Debug, Serialize)]
struct Entry {
    key: &'static str,
    /// As a file has it.
    value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
}

impl Config {
    /// Does what the verb says.
    ///
    /// # Errors
    /// The verb's own.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        match self {
            Self::Default(_) => output::write(config::default_file().as_bytes())?,
            Self::Show(show) => show.run()?,
        }
        Ok(Exit::Success)
    }
}

impl Show {
    fn run(&self) -> Result<(), Failure> {
        let layers = self.files.layers()?;
        let entries = config::in_force(&layers, &layers.config()?).into_iter().map(|line| Entry {
            key: line.key.path,
            value: line.toml,
            origin: self.origin.then(|| line.origin.to_string()),
        });
        output::print(self.output, &InForce { entries: entries.collect() })
    }
}

/// A file that says the same.
impl Render for InForce {
    fn table(&self, paint: Paint) -> String {
        let mut text = String::new();
        let mut section = "";
        for Entry { key, value, origin } in &self.entries {
            let (own, name) = key.split_once('.').unwrap_or_default();
            if own != section {
                text.extend([if section.is_empty() { "[" } else { "\n[" }, own, "]\n"]);
                section = own;
            }
            let line = format!("{name} = {value}");
            match origin.as_deref() {
                Some("default") => text.extend([&format!("{line:<60}"), "  # default\n"]),
                Some(origin) => text.extend([&format!("{line:<60}  "), &*paint.green(&format!("# {origin}")), "\n"]),
                None => text.extend([&line, "\n"]),
            }
        }
        text
    }
}
