//! Configuration of a server. Precedence: flag, environment, file; a later file overrides an earlier one. `keys`
//! declares every key once with type, default and purpose; the struct, the environment variables, the flags of `serve`
//! and the commented default file follow from it. An unknown key is an error. This module opens and starts nothing.

mod amounts;
mod beacon;
mod check;
mod component_configs;
mod dirs;
mod error;
mod file;
mod filecoin;
mod keys;
mod layers;
mod machine;
mod pdp;
mod print;
mod suggest;
mod table;
#[cfg(test)]
mod tests;
mod types;
mod value;
mod variables;

pub use amounts::{Epochs, Fil};
pub use dirs::{default_data_dir, default_file_path, default_files};
pub use error::ConfigError;
pub use keys::{
    AnnounceSettings, ApiSettings, ClientSettings, ClusterSettings, ComputeSettings, Config, DockerSettings,
    EstuarySettings, FilecoinSettings, KEYS, KubernetesSettings, LogSettings, NodeSettings, PdpSettings,
    PublisherSettings, RequesterSettings, SECTIONS, SlurmSettings, StorageSettings, SwarmSettings,
};
pub use layers::{Layers, Origin};
pub use machine::{FileSystem, file_system, machine};
pub use print::{InForce, default_file, file_of_flags, in_force, kind};
pub use table::Key;
pub use types::{Claim, Cpu, Dispatch, HostName, HumanDuration, Label, Listed, LogFilter, LogFormat, LogLevel, Turns};
pub use value::{Arity, RawValue};
pub use variables::{UnknownVariable, VARIABLE_PREFIX, unknown_variables};
