//! Where things are that nobody named: the directories of the XDG convention.

use std::env;
use std::path::PathBuf;

/// Where a node keeps its data: `bacalhau` in `$XDG_DATA_HOME` or in ~/.local/share. `None` where no home is known.
pub fn default_data_dir() -> Option<PathBuf> {
    Some(base("XDG_DATA_HOME", ".local/share")?.join("bacalhau"))
}

/// The configuration that is read when none is named, if it is there: `bacalhau/config.toml` in `$XDG_CONFIG_HOME` or
/// in ~/.config.
pub fn default_files() -> Vec<PathBuf> {
    let file = base("XDG_CONFIG_HOME", ".config").map(|dir| dir.join("bacalhau/config.toml"));
    file.into_iter().filter(|file| file.exists()).collect()
}

fn base(variable: &str, below_home: &str) -> Option<PathBuf> {
    let absolute = |dir: PathBuf| dir.is_absolute().then_some(dir);
    let named = env::var_os(variable).map(PathBuf::from).and_then(absolute);
    named.or_else(|| env::home_dir().and_then(absolute).map(|home| home.join(below_home)))
}
