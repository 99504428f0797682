//! `bacalhau version`: what this program is, and under which rules it runs jobs.

use bacalhau_runtime::{ENGINE, Profile};
use clap::Args;
use serde::Serialize;

use super::exit::{Exit, Failure};
use super::output::{self, Format, Lines, Paint, Render};

const EXAMPLES: &str = "\
Examples:
  bacalhau version
  bacalhau version --output json";

/// Show the version and the rules that results are claimed under
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Version {
    /// How it is printed
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,
}

#[derive(Debug, Serialize)]
struct Facts {
    version: &'static str,
    platform: String,
    profile: &'static str,
    profile_id: String,
    engine: &'static str,
}

impl Version {
    /// Prints them.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let facts = Facts {
            version: env!("CARGO_PKG_VERSION"),
            platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            profile: Profile::V1.name,
            profile_id: Profile::V1.id().to_string(),
            engine: ENGINE,
        };
        output::print(self.output, &facts)?;
        Ok(Exit::Success)
    }
}

impl Render for Facts {
    fn table(&self, _paint: Paint) -> String {
        let mut lines = Lines::default();
        lines.add("bacalhau", self.version);
        lines.add("platform", &self.platform);
        lines.add("profile", format!("{} ({})", self.profile, self.profile_id));
        lines.add("engine", self.engine);
        lines.into_text()
    }
}
