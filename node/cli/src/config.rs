//! `bacalhau config`: the commented default file, and the effective configuration with sources.

use clap::{Args, Subcommand};
use serde::Serialize;

use super::exit::{Exit, Failure};
use super::output::{self, Format, Paint, Render};
use super::settings::Files;
use bacalhau_service::config;

const DEFAULT_EXAMPLES: &str = "Examples:
  bacalhau config default > config.toml
      uncomment and change values, then: bacalhau serve --config config.toml";

const SHOW_EXAMPLES: &str = "Examples:
  bacalhau config show
  bacalhau config show --origin --config site.toml --config host.toml
      with the source of each value: a line of a file, a variable, or the default";

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Config {
    Default(DefaultFile),
    Show(Show),
}

/// Print the default configuration file: every key, commented, with purpose and default
#[derive(Args, Debug)]
#[command(after_help = DEFAULT_EXAMPLES)]
pub(super) struct DefaultFile {}

/// Show the effective configuration from files and environment
#[derive(Args, Debug)]
#[command(after_help = SHOW_EXAMPLES)]
pub(super) struct Show {
    /// Show the source of each value
    #[arg(long)]
    origin: bool,

    /// Output format
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,

    #[command(flatten)]
    files: Files,
}

/// The effective configuration.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct InForce {
    entries: Vec<Entry>,
}

/// A key of the configuration.
#[derive(Debug, Serialize)]
struct Entry {
    key: &'static str,
    /// The value in TOML.
    value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
}

impl Config {
    /// Runs the command.
    ///
    /// # Errors
    /// When the command fails.
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

/// Prints a configuration file with the same values.
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
