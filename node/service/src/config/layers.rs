//! Configuration layers: defaults, files, environment, flags. Later layers override earlier ones, and each value keeps
//! its source.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::keys::{Config, KEYS};
use super::table::Key;
use super::value::RawValue;
use super::{ConfigError, file};

/// Maximum size of a configuration file in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Source of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The default.
    Default,
    /// A line of a file, from 1.
    File(PathBuf, usize),
    /// An environment variable.
    Environment(String),
    /// A flag, without the dashes.
    Flag(&'static str),
}

/// The effective values with their sources.
#[derive(Clone)]
pub struct Layers(BTreeMap<&'static str, (RawValue, Origin)>);

impl Default for Layers {
    fn default() -> Self {
        Self(KEYS.iter().map(|key| (key.path, (RawValue::One(key.default.into()), Origin::Default))).collect())
    }
}

impl Layers {
    /// Loads defaults, files in order, and environment. Apply flags afterwards with [`flag`](Self::flag).
    ///
    /// # Errors
    /// When a file cannot be read or has unknown keys, or a value is invalid.
    pub fn load(files: &[PathBuf], env: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut layers = Self::default();
        for file in files {
            layers.file(file)?;
        }
        layers.environment(env)?;
        Ok(layers)
    }

    fn file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let failed = |why| ConfigError::Read { path: path.into(), why };
        let size = std::fs::metadata(path).map_err(failed)?.len();
        if size > MAX_FILE_BYTES {
            return Err(failed(std::io::Error::other(format!("file is too large for a configuration ({size} bytes)"))));
        }
        self.text(path, &std::fs::read_to_string(path).map_err(failed)?)
    }

    /// Applies `text`, the content of the file at `path`.
    ///
    /// # Errors
    /// When it is invalid, as for [`load`](Self::load).
    pub fn text(&mut self, path: &Path, text: &str) -> Result<(), ConfigError> {
        for entry in file::read(path, text)? {
            self.set(entry.key, entry.raw, Origin::File(path.into(), entry.line))?;
        }
        Ok(())
    }

    /// Applies environment variables. An empty variable counts as unset.
    fn environment(&mut self, env: impl Fn(&str) -> Option<String>) -> Result<(), ConfigError> {
        for key in KEYS {
            let own = key.env();
            let names = std::iter::once(own.as_str()).chain(key.also.iter().copied());
            let found = names.filter_map(|name| Some((name, env(name)?))).find(|(_, text)| !text.is_empty());
            if let Some((name, text)) = found {
                self.set(key, RawValue::One(text), Origin::Environment(name.into()))?;
            }
        }
        Ok(())
    }

    /// Applies the value of a flag.
    ///
    /// # Errors
    /// When the value is invalid.
    pub fn flag(&mut self, key: &'static Key, flag: &'static str, raw: RawValue) -> Result<(), ConfigError> {
        self.set(key, raw, Origin::Flag(flag))
    }

    fn set(&mut self, key: &'static Key, raw: RawValue, origin: Origin) -> Result<(), ConfigError> {
        if let Err(why) = (key.check)(&raw) {
            return Err(ConfigError::Value { origin, key: key.path.into(), why });
        }
        self.0.insert(key.path, (raw, origin));
        Ok(())
    }

    /// Source of the key with this path; `None` for an unknown key.
    pub fn origin(&self, path: &str) -> Option<&Origin> {
        self.0.get(path).map(|(_, origin)| origin)
    }

    /// The value of the key with this path, if a flag set it.
    pub(super) fn flag_value(&self, path: &str) -> Option<&RawValue> {
        self.0.get(path).filter(|(_, origin)| matches!(origin, Origin::Flag(_))).map(|(raw, _)| raw)
    }

    /// The typed configuration.
    ///
    /// # Errors
    /// When values contradict each other.
    pub fn config(&self) -> Result<Config, ConfigError> {
        let value = |path| self.0.get(path).map_or_else(|| RawValue::One(String::new()), |(raw, _)| raw.clone());
        let config = Config::read(value).map_err(ConfigError::Together)?;
        config.check()?;
        Ok(config)
    }
}

/// Prints sources without values, because some are secret.
impl fmt::Debug for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(path, (_, origin))| (path, origin))).finish()
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Environment(name) => f.write_str(name),
            Self::Flag(name) => write!(f, "--{name}"),
        }
    }
}
