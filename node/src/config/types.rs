//! The types of settings that nothing else has: shares of processors, durations, labels, and a few choices.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use libp2p::PeerId;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;

/// Thousandths of a core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cpu(
    /// Thousandths.
    pub u64,
);

impl FromStr for Cpu {
    type Err = String;

    /// `500m`, `2` or `0.5`, as Kubernetes writes it.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || String::from("no share of processors");
        if let Some(millis) = text.strip_suffix('m') {
            return millis.parse().map(Self).map_err(|_| wrong());
        }
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || fraction.len() > 3 {
            return Err(wrong());
        }
        let whole: u64 = whole.parse().map_err(|_| wrong())?;
        let fraction: u64 = format!("{fraction:0<3}").parse().map_err(|_| wrong())?;
        whole.checked_mul(1000).and_then(|millis| millis.checked_add(fraction)).map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(1000) { write!(f, "{}", self.0 / 1000) } else { write!(f, "{}m", self.0) }
    }
}

/// Hundredths of something, from 1 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(
    /// Hundredths.
    pub u8,
);

impl FromStr for Percent {
    type Err = &'static str;

    /// A number without a sign behind it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().ok().filter(|percent| (1..=100).contains(percent)).map(Self).ok_or("it is not from 1 to 100")
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A duration, to the millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(
    /// How long.
    pub Duration,
);

impl Span {
    /// In milliseconds.
    pub fn millis(self) -> u64 {
        u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX)
    }
}

impl FromStr for Span {
    type Err = String;

    /// `30s`, `1m 30s`, or a number of seconds.
    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(seconds) = text.parse() {
            return Ok(Self(Duration::from_secs(seconds)));
        }
        humantime::parse_duration(text).map(Self).map_err(|error| error.to_string())
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

/// Something that an operator says of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Of what kind.
    pub key: String,
    /// What.
    pub value: String,
}

impl FromStr for Label {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((key, value)) if !key.is_empty() => Ok(Self { key: key.into(), value: value.into() }),
            _ => Err("it has no = with a name before it"),
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.key, self.value)
    }
}

/// A node of an operator that is known by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The operator.
    pub name: String,
    /// One of its nodes.
    pub peer: PeerId,
}

impl FromStr for Listed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, peer)) if !name.is_empty() => {
                Ok(Self { name: name.into(), peer: peer.parse().map_err(|error| format!("{peer}: {error}"))? })
            }
            _ => Err("it has no = with a name before it".into()),
        }
    }
}

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.peer)
    }
}

/// The name of a host, without a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostName(String);

impl FromStr for HostName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match url::Host::parse(text) {
            Ok(url::Host::Domain(name)) if !name.contains('*') => Ok(Self(name)),
            Ok(url::Host::Domain(_)) => Err("patterns are not supported"),
            Ok(_) => Err("addresses are always allowed"),
            Err(_) => Err("it is not a host name"),
        }
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// What went wrong.
    Error,
    /// And what may be wrong.
    Warn,
    /// And what happens.
    Info,
    /// And why.
    Debug,
    /// Everything.
    Trace,
}

/// What is logged of which module, as `tracing` has it: `TARGET=LEVEL` or `LEVEL`, separated by commas.
#[derive(Clone, Debug)]
pub struct LogFilter {
    text: String,
    targets: Targets,
}

impl LogFilter {
    /// The filter, where `level` is that of targets which it does not name, unless it says so itself.
    pub fn over(&self, level: LevelFilter) -> Targets {
        match self.targets.default_level() {
            Some(_) => self.targets.clone(),
            None => self.targets.clone().with_default(level),
        }
    }
}

/// The same if they are written the same.
impl PartialEq for LogFilter {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for LogFilter {}

impl FromStr for LogFilter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let targets = text.parse::<Targets>().map_err(|error| error.to_string())?;
        Ok(Self { text: text.into(), targets })
    }
}

impl fmt::Display for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_processors_as_people_write_them() {
        for (text, millis) in [("2", 2000), ("0.5", 500), ("500m", 500), ("1.25", 1250), ("0", 0), ("1.005", 1005)] {
            assert_eq!(text.parse(), Ok(Cpu(millis)), "{text}");
        }
        for text in ["", "m", "-1", "1.", ".5", "1.2345", "1e3", "18446744073709551615", "two"] {
            assert!(text.parse::<Cpu>().is_err(), "{text}");
        }
        assert_eq!([Cpu(500).to_string(), Cpu(2000).to_string()], ["500m", "2"]);
    }

    #[test]
    fn a_log_filter_is_laid_over_the_level() {
        use tracing::Level;
        let filter = |text: &str| text.parse::<LogFilter>().unwrap().over(LevelFilter::INFO);
        let transport = filter("bacalhau::transport=debug,libp2p=off");
        for (target, level, enabled) in [
            ("bacalhau::transport::swarm", Level::DEBUG, true),
            ("bacalhau::daemon", Level::INFO, true),
            ("bacalhau::daemon", Level::DEBUG, false),
            ("libp2p", Level::ERROR, false),
        ] {
            assert_eq!(transport.would_enable(target, &level), enabled, "{target} {level}");
        }
        assert!(!filter("warn").would_enable("bacalhau", &Level::INFO), "its own level counts");
        assert!("bacalhau=loud".parse::<LogFilter>().is_err());
    }

    #[test]
    fn a_host_name_has_no_port_and_no_pattern() {
        assert_eq!("Jobs.Example.org".parse::<HostName>().unwrap().to_string(), "jobs.example.org");
        for text in ["", "jobs.example:1234", "http://jobs", "*.example.org", "10.0.0.1", "a b"] {
            assert!(text.parse::<HostName>().is_err(), "{text}");
        }
    }

    #[test]
    fn durations_as_people_write_them() {
        for (text, millis) in [("30s", 30_000), ("30", 30_000), ("1m 30s", 90_000), ("250ms", 250)] {
            assert_eq!(text.parse::<Span>().map(Span::millis), Ok(millis), "{text}");
        }
        assert!("soon".parse::<Span>().is_err());
    }
}
