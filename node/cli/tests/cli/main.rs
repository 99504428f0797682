//! The command as a user meets it: the real binary, in a directory of its own, with tiny programs written here.
#![allow(clippy::unwrap_used, reason = "a test stops at the first thing that is not as it should be")]

mod again;
mod archives;
mod backup;
mod combo;
mod components;
mod config;
mod damage;
mod estuary;
mod faults;
mod gateway;
mod get;
mod hash;
mod help;
mod hostile;
mod ipfs;
mod jobs;
mod lazy;
mod leftovers;
mod names;
mod operator;
mod optimize;
mod piece;
mod pieces;
mod pins;
mod profiles;
mod publish;
mod py_run;
mod routing;
mod server;
mod terminal;
mod unsealed;
mod url;
mod validate;
mod verify;
mod wasm_run;
