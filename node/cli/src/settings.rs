//! Flags that override the configuration: the files to read, and one flag for every key that has one, generated from
//! the table of keys.

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches};

use super::exit::{Exit, Failure};
use bacalhau_service::config::{Arity, ConfigError, KEYS, Key, Layers, RawValue, default_files};

/// The configuration files to read.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct Files {
    /// Configuration file in TOML; `bacalhau config default` prints one. May be given several times; later files
    /// override earlier ones [default: `bacalhau/config.toml` in `$XDG_CONFIG_HOME` or in ~/.config, if it exists]
    #[arg(long = "config", value_name = "FILE", env = "BACALHAU_CONFIG", value_delimiter = ',')]
    files: Vec<PathBuf>,
}

impl Files {
    /// Defaults, files and environment.
    ///
    /// # Errors
    /// When a file cannot be read, or a value is invalid.
    pub(super) fn layers(&self) -> Result<Layers, Failure> {
        let files = if self.files.is_empty() { default_files() } else { self.files.clone() };
        Ok(Layers::load(&files, |name| std::env::var(name).ok())?)
    }
}

/// A flag for every key that has one. Absent flags leave files and environment in effect.
#[derive(Clone, Default)]
pub(super) struct Settings(Vec<(&'static Key, &'static str, RawValue)>);

/// Prints the names of the given flags without values: some are secret.
impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(_, flag, _)| flag)).finish()
    }
}

impl Settings {
    /// Applies the flags to `layers`.
    ///
    /// # Errors
    /// When a value is invalid.
    pub(super) fn lay_over(&self, layers: &mut Layers) -> Result<(), Failure> {
        for (key, flag, raw) in &self.0 {
            layers.flag(key, flag, raw.clone())?;
        }
        Ok(())
    }
}

impl Settings {
    /// Sets the key with this path, unless a flag did.
    ///
    /// # Errors
    /// When there is no such key or it has no flag, which is an internal error.
    pub(super) fn answer(&mut self, path: &str, text: &str) -> Result<(), Failure> {
        let key = KEYS.iter().find(|key| key.path == path);
        let unknown = || Failure::new(Exit::Internal, format!("internal error: no flag sets {path}"));
        let (key, flag) = key.and_then(|key| Some((key, key.flag?))).ok_or_else(unknown)?;
        let raw = match key.arity {
            Arity::Many => RawValue::Many(text.split(',').map(|word| word.trim().to_owned()).collect()),
            Arity::One | Arity::Switch => RawValue::One(text.into()),
        };
        self.0.push((key, flag, raw));
        Ok(())
    }

    /// Whether a flag sets the key with this path.
    pub(super) fn sets(&self, path: &str) -> bool {
        self.0.iter().any(|(key, ..)| key.path == path)
    }
}

impl Args for Settings {
    fn augment_args(command: Command) -> Command {
        augment(command, |_| true, |key| !key.hidden)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Settings {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut settings = Self::default();
        settings.update_from_arg_matches(matches)?;
        Ok(settings)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = read(matches, |_| true)?;
        Ok(())
    }
}

/// Adds the flags of the keys that `is_of` selects. Help texts contain those that `shown` selects.
fn augment(command: Command, is_of: impl Fn(&Key) -> bool, shown: impl Fn(&Key) -> bool) -> Command {
    let flags = KEYS.iter().filter(|key| is_of(key)).filter_map(|key| Some((key, key.flag?)));
    flags.fold(command, |command, (key, flag)| command.arg(argument(key, flag, shown(key))))
}

/// The given flags among them.
fn read(matches: &ArgMatches, is_of: impl Fn(&Key) -> bool) -> Result<Settings, Error> {
    let mut settings = Settings::default();
    for key in KEYS.iter().filter(|key| is_of(key)) {
        let Some(flag) = key.flag else { continue };
        let values = matches.try_get_many::<String>(flag).map_err(|error| Error::raw(ErrorKind::Io, error))?;
        let Some(values) = values else { continue };
        let values: Vec<String> = values.cloned().collect();
        let raw = if key.arity == Arity::Many { RawValue::Many(values) } else { RawValue::One(values.concat()) };
        settings.0.push((key, flag, raw));
    }
    Ok(settings)
}

/// The flags of the asynchronous publishers, for commands that publish with local nodes.
#[derive(Clone, Debug, Default)]
pub(super) struct PublishingSettings(Settings);

impl PublishingSettings {
    const SECTIONS: [&str; 3] = ["estuary", "filecoin", "pdp"];

    /// Applies the flags to `layers`.
    ///
    /// # Errors
    /// When a value is invalid.
    pub(super) fn lay_over(&self, layers: &mut Layers) -> Result<(), Failure> {
        self.0.lay_over(layers)
    }

    fn is_of(key: &Key) -> bool {
        Self::SECTIONS.contains(&key.section)
    }
}

impl Args for PublishingSettings {
    fn augment_args(command: Command) -> Command {
        augment(command, Self::is_of, |_| true)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for PublishingSettings {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        read(matches, Self::is_of).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn argument(key: &Key, flag: &'static str, is_shown: bool) -> Arg {
    let default = match (key.default, key.arity) {
        ("", _) => String::new(),
        (default, Arity::Many) => format!(" [default: {}]", default.replace(',', ", ")),
        (default, _) => format!(" [default: {default}]"),
    };
    let doc = key.summary();
    let arg = Arg::new(flag).long(flag).help(format!("{}{default}", doc.trim_end_matches('.')));
    let arg = arg.help_heading(heading(key.section)).value_name(value_name(key)).hide(!is_shown);
    match key.arity {
        Arity::One => arg.action(ArgAction::Set),
        Arity::Switch => arg.action(ArgAction::Set).num_args(0..=1).require_equals(true).default_missing_value("true"),
        Arity::Many => arg.action(ArgAction::Append).value_delimiter(','),
    }
}

fn value_name(key: &Key) -> &'static str {
    let names = [
        ("a number", "N"),
        ("a whole number", "N"),
        ("a size", "SIZE"),
        ("a duration", "DURATION"),
        ("a multiaddr", "MULTIADDR"),
        ("a peer ID", "PEER"),
        ("a path", "PATH"),
        ("a template", "TEMPLATE"),
        ("cores", "CPU"),
        ("KEY=VALUE", "KEY=VALUE"),
        ("true or false", "BOOL"),
        ("a log filter", "FILTER"),
        ("a text", "TEXT"),
        ("a secret", "SECRET"),
        ("an address of Filecoin", "ADDRESS"),
        ("an amount in FIL", "FIL"),
    ];
    names.into_iter().find(|(kind, _)| key.kind.starts_with(kind)).map_or("NAME", |(_, name)| name)
}

fn heading(section: &str) -> &'static str {
    match section {
        "node" => "Node",
        "api" => "API",
        "swarm" => "Peer-to-peer network",
        "compute" => "Running jobs (provider)",
        "docker" => "Containers",
        "cluster" => "Cluster",
        "slurm" => "Slurm",
        "kubernetes" => "Kubernetes",
        "requester" => "Managing jobs (requester)",
        "storage" => "Data by CID",
        "announce" => "Announcing data",
        "publisher" => "Publishing",
        "filecoin" => "Publishing by filecoin",
        "estuary" => "Publishing by estuary",
        "pdp" => "Publishing by pdp",
        "log" => "Log",
        _ => "Others",
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::usage(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use bacalhau_compute::Locality;
    use bacalhau_service::config::Config;

    #[derive(Parser)]
    struct Only {
        #[command(flatten)]
        settings: Settings,
    }

    fn config(line: &str) -> Result<Config, String> {
        let only = Only::try_parse_from(line.split_whitespace()).map_err(|error| error.to_string())?;
        let mut layers = Layers::default();
        only.settings.lay_over(&mut layers).map_err(|failure| failure.message)?;
        layers.config().map_err(|error| error.to_string())
    }

    #[test]
    fn flags_reach_their_keys() {
        let line = "x --peer none --job-selection-data-locality anywhere --job-selection-reject-stateless --mdns=false \
                    --limit-job-memory 1g --filecoin-unsealed-path /data/{{.Cid}} --labels a=1,b=2 --labels c=3";
        let config = config(line).unwrap();
        assert_eq!((config.compute.locality, config.compute.reject_stateless), (Locality::Anywhere, true));
        assert_eq!((config.swarm.peers.len(), config.swarm.mdns), (1, false));
        assert_eq!(config.compute.job_memory.unwrap().0, 1 << 30);
        assert!(config.storage.filecoin_unsealed_path.is_some());
        assert_eq!(config.node.labels.len(), 3);
    }

    #[test]
    fn what_is_not_given_stays_and_what_does_not_fit_is_named() {
        assert_eq!(config("x").unwrap(), Layers::default().config().unwrap());
        let error = config("x --limit-total-cpu many").unwrap_err();
        assert!(error.contains("--limit-total-cpu: compute.total_cpu: \"many\" does not fit"), "{error}");
        assert!(config("x --job-selection-data-locality").unwrap_err().contains("a value is required"));
    }

    #[test]
    fn every_section_with_flags_has_a_heading() {
        for key in KEYS.iter().filter(|key| key.flag.is_some()) {
            assert_ne!(heading(key.section), "Others", "{}", key.section);
        }
    }
}
