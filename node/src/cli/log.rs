//! What a server writes to standard error while it works: text for people, or an object a line for programs.

use std::io;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{fmt, registry};

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
    let filter = settings.filter.as_ref();
    let targets = filter.map_or_else(|| Targets::new().with_default(level), |filter| filter.over(level));
    let log = registry().with(targets);
    // Whoever filters by targets has to see them.
    let lines = fmt::layer().with_writer(io::stderr).with_target(filter.is_some());
    // Somebody else logs already, in a test of several servers in one process: then that stays.
    let _ = match settings.format {
        LogFormat::Text => log.with(lines.with_ansi(false)).try_init(),
        LogFormat::Json => log.with(lines.json().flatten_event(true)).try_init(),
    };
}
