//! Modules that cost much to compile.
