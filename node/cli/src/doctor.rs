//! `bacalhau doctor`: checks the configuration on this machine, before a node is started or beside it.

use clap::Args;
use serde::Serialize;

use super::exit::{Exit, Failure};
use super::output::{self, Format, Lines, Paint, Render};
use super::settings::Files;
use super::text::harmless;
use bacalhau_service::config::Config;
use bacalhau_service::doctor::{Finding, Level, bids_on, examine};

const EXAMPLES: &str = "Examples:
  bacalhau doctor
      with the default configuration file, if it exists
  bacalhau doctor --config /etc/bacalhau/config.toml --output json

Exit code 4 if there is a problem. Nothing is changed.";

/// Check the configuration of a node on this machine: data directory, disk, ports, inputs, clock, limits
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Doctor {
    /// Output format
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,

    #[command(flatten)]
    files: Files,
}

/// The findings, and the jobs on which the node would bid.
#[derive(Debug, Serialize)]
pub(super) struct Diagnosis {
    findings: Vec<Finding>,
    bids_on: Vec<String>,
}

impl Doctor {
    /// Prints the findings.
    ///
    /// # Errors
    /// When the configuration is invalid.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let diagnosis = Diagnosis::of(&self.files.layers()?.config()?);
        output::print(self.output, &diagnosis)?;
        Ok(diagnosis.exit())
    }
}

impl Diagnosis {
    /// Examines `config` on this machine.
    pub(super) fn of(config: &Config) -> Self {
        Self { findings: examine(config), bids_on: bids_on(config) }
    }

    /// The exit code.
    pub(super) fn exit(&self) -> Exit {
        let has_problem = self.findings.iter().any(|finding| finding.level == Level::Problem);
        if has_problem { Exit::Host } else { Exit::Success }
    }
}

impl Render for Diagnosis {
    fn table(&self, paint: Paint) -> String {
        let mut lines = Lines::default();
        for finding in &self.findings {
            let level = finding.level.to_string();
            let level = match finding.level {
                Level::Good => paint.green(&level),
                Level::Note => paint.yellow(&level),
                Level::Problem => paint.red(&level),
            };
            lines.add(finding.check, format!("{level}: {}", harmless(&finding.text)));
        }
        let mut text = lines.into_text();
        text.push_str("\nbids on jobs with\n");
        for line in &self.bids_on {
            text.extend(["  ", &harmless(line), "\n"]);
        }
        text
    }
}
