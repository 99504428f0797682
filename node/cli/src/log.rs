//! The log of a server on standard error: text for people, or one JSON object a line.

use std::io;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{fmt, registry};

use bacalhau_service::config::{LogFormat, LogLevel, LogSettings};

/// Starts logging to standard error according to `settings`.
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
    // Filters refer to targets, so targets are printed.
    let lines = fmt::layer().with_writer(io::stderr).with_target(filter.is_some());
    // In tests with several servers in one process, the first logger stays.
    let _ = match settings.format {
        LogFormat::Text => log.with(lines.with_ansi(false)).try_init(),
        LogFormat::Json => log.with(lines.json().flatten_event(true)).try_init(),
    };
}
