//! One layer over the other: defaults, files, environment, flags. What is said later wins, and each value remembers who
//! said it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::keys::{Config, KEYS};
use super::table::Key;
use super::value::Raw;
use super::{ConfigError, file};

/// A configuration has some dozens of lines; what is larger than this is none.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Who says a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody: it is the default.
    Default,
    /// A line of a file, counted from 1.
    File(PathBuf, usize),
    /// A variable of the environment.
    Environment(String),
    /// A flag.
    Flag(&'static str),
}

/// Values from everywhere.
#[derive(Clone)]
pub struct Layers(BTreeMap<&'static str, (Raw, Origin)>);

impl Default for Layers {
    fn default() -> Self {
        Self(KEYS.iter().map(|key| (key.path, (Raw::One(key.default.into()), Origin::Default))).collect())
    }
}

impl Layers {
    /// Defaults, the files in their order, and the environment. Flags come last, by [`flag`](Self::flag).
    ///
    /// # Errors
    /// When a file cannot be read, has keys that there are not, or a value does not fit.
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
            return Err(failed(std::io::Error::other(format!("it has {size} bytes, which is no configuration"))));
        }
        self.text(path, &std::fs::read_to_string(path).map_err(failed)?)
    }

    /// Takes over what `text` says, the content of the file at `path`.
    ///
    /// # Errors
    /// As for [`load`](Self::load).
    pub fn text(&mut self, path: &Path, text: &str) -> Result<(), ConfigError> {
        for entry in file::read(path, text)? {
            self.set(entry.key, entry.raw, Origin::File(path.into(), entry.line))?;
        }
        Ok(())
    }

    /// An empty variable counts as none.
    fn environment(&mut self, env: impl Fn(&str) -> Option<String>) -> Result<(), ConfigError> {
        for key in KEYS {
            let own = key.env();
            let names = std::iter::once(own.as_str()).chain(key.also.iter().copied());
            let found = names.filter_map(|name| Some((name, env(name)?))).find(|(_, text)| !text.is_empty());
            if let Some((name, text)) = found {
                self.set(key, Raw::One(text), Origin::Environment(name.into()))?;
            }
        }
        Ok(())
    }

    /// Takes over what a flag says.
    ///
    /// # Errors
    /// When the value does not fit.
    pub fn flag(&mut self, key: &'static Key, flag: &'static str, raw: Raw) -> Result<(), ConfigError> {
        self.set(key, raw, Origin::Flag(flag))
    }

    fn set(&mut self, key: &'static Key, raw: Raw, origin: Origin) -> Result<(), ConfigError> {
        if let Err(why) = (key.check)(&raw) {
            return Err(ConfigError::Value { origin, key: key.path.into(), why });
        }
        self.0.insert(key.path, (raw, origin));
        Ok(())
    }

    /// Who says the value of the key with this path; `None` where there is no such key.
    pub fn origin(&self, path: &str) -> Option<&Origin> {
        self.0.get(path).map(|(_, origin)| origin)
    }

    /// All values together.
    ///
    /// # Errors
    /// When they make no sense together.
    pub fn config(&self) -> Result<Config, ConfigError> {
        let value = |path| self.0.get(path).map_or_else(|| Raw::One(String::new()), |(raw, _)| raw.clone());
        let config = Config::read(value).map_err(ConfigError::Together)?;
        config.check()?;
        Ok(config)
    }
}

/// Who says what, without the values: some are secret.
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
