//! What a server writes to standard error while it works: text for people, or an object a line for programs.

use std::io;

use tracing::level_filters::LevelFilter;

use crate::config::{LogFormat, LogLevel, LogSettings};

/// From now on, what is logged goes to standard error as `settings` say.
pub(super) fn begin(settings: &LogSettings) {
    let level = match settings.level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let log = tracing_subscriber::fmt().with_max_level(level).with_writer(io::stderr).with_target(false);
    // Somebody else logs already, in a test of several servers in one process: then that stays.
    let _ = match settings.format {
        LogFormat::Text => log.with_ansi(false).try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
}
