//! What the examples share, so that each of them shows only its own work:
//!
//! - [`job`]: where inputs and outputs are, the arguments, and the frame around `main`;
//! - [`files`]: the tree of input files in one fixed order, and output files;
//! - [`problem`]: why a guest gave up, in words for its user, with an exit code;
//! - [`text`]: fields of CSV output.
//!
//! It does not parse arguments (each example does, with `lexopt`) and knows nothing of the host.

pub mod files;
pub mod job;
pub mod problem;
pub mod text;

pub use files::InputFile;
pub use job::{Job, run};
pub use problem::{Problem, Result};
