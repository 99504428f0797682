//! Default directories, by the XDG convention.

use std::env;
use std::path::PathBuf;

/// Default data directory: `bacalhau` in `$XDG_DATA_HOME` or in ~/.local/share. `None` when there is no home directory.
pub fn default_data_dir() -> Option<PathBuf> {
    Some(base("XDG_DATA_HOME", ".local/share")?.join("bacalhau"))
}

/// Path of the default configuration file: `bacalhau/config.toml` in `$XDG_CONFIG_HOME` or in ~/.config. `None` when
/// there is no home directory.
pub fn default_file_path() -> Option<PathBuf> {
    Some(base("XDG_CONFIG_HOME", ".config")?.join("bacalhau/config.toml"))
}

/// The default configuration file, if it exists.
pub fn default_files() -> Vec<PathBuf> {
    default_file_path().into_iter().filter(|file| file.exists()).collect()
}

fn base(variable: &str, below_home: &str) -> Option<PathBuf> {
    let absolute = |dir: PathBuf| dir.is_absolute().then_some(dir);
    let named = env::var_os(variable).map(PathBuf::from).and_then(absolute);
    named.or_else(|| env::home_dir().and_then(absolute).map(|home| home.join(below_home)))
}
