//! `bacalhau version`: the version of the program and of its profile.

use std::collections::BTreeMap;

use bacalhau_runtime::{ENGINE, Profile};
use clap::Args;
use serde::Serialize;

use super::exit::{Exit, Failure};
use super::output::{self, Format, Lines, Paint, Render};

const EXAMPLES: &str = "Examples:
  bacalhau version
  bacalhau version --output json";

/// Show the version and the profile under which results are claimed
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Version {
    /// Output format
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,
}

#[derive(Debug, Serialize)]
struct Facts {
    version: &'static str,
    platform: String,
    profile: &'static str,
    profile_id: String,
    profiles: BTreeMap<&'static str, String>,
    engine: &'static str,
}

impl Version {
    /// Prints the versions.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let facts = Facts {
            version: env!("CARGO_PKG_VERSION"),
            platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            profile: Profile::V1.name,
            profile_id: Profile::V1.id().to_string(),
            profiles: Profile::ALL.iter().map(|profile| (profile.name, profile.id().to_string())).collect(),
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
        for (name, id) in &self.profiles {
            lines.add("profile", format!("{name} ({id})"));
        }
        lines.add("engine", self.engine);
        lines.into_text()
    }
}
