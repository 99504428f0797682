//! What a server is told: one struct, a flag stronger than the environment, the environment than files, a later file
//! than an earlier one. Every key is declared once, in `keys`, with its type, default and purpose; the struct, the names
//! in the environment, the flags of `serve` and the commented default file follow from that. A key that there is not is
//! refused. Nothing here opens or starts anything.

mod amounts;
mod beacon;
mod check;
mod dirs;
mod error;
mod file;
mod filecoin;
mod keys;
mod layers;
mod machine;
mod nearest;
mod print;
mod rooms;
mod table;
#[cfg(test)]
mod tests;
mod types;
mod value;
mod variables;

pub use amounts::{Epochs, Fil};
pub use dirs::{default_data_dir, default_files};
pub use error::ConfigError;
pub use keys::{
    ApiSettings, ClientSettings, ComputeSettings, Config, DockerSettings, EstuarySettings, FilecoinSettings, KEYS,
    LogSettings, NodeSettings, PublisherSettings, RequesterSettings, SECTIONS, StorageSettings, SwarmSettings,
};
pub use layers::{Layers, Origin};
pub use machine::{FileSystem, file_system, machine};
pub use print::{InForce, default_file, in_force, kind};
pub use table::Key;
pub use types::{Cpu, HostName, Label, Listed, LogFilter, LogFormat, LogLevel, Span};
pub use value::{Form, Raw};
pub use variables::{UnknownVariable, VARIABLE_PREFIX, unknown_variables};
