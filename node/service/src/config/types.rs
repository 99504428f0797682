//! Types that only settings use: CPU shares, percentages, durations, labels, and a few choices.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use libp2p::PeerId;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;

/// Most turns of one client in a round of the queue.
const MAX_TURNS: u32 = 1000;

/// A CPU share in thousandths of a core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cpu(
    /// Thousandths of a core.
    pub u64,
);

impl FromStr for Cpu {
    type Err = String;

    /// Parses `500m`, `2` or `0.5`, as in Kubernetes.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || String::from("not a CPU share");
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

/// Where executions run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dispatch {
    /// On this machine.
    #[default]
    Local,
    /// As jobs of Slurm.
    Slurm,
    /// As jobs of Kubernetes.
    Kubernetes,
}

/// A volume of Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Name of the persistent volume claim.
    pub claim: String,
    /// Where it is mounted.
    pub path: PathBuf,
}

impl FromStr for Claim {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((claim, path)) if !claim.is_empty() && path.starts_with('/') => {
                Ok(Self { claim: claim.into(), path: path.into() })
            }
            _ => Err("it has no = with a name before it and an absolute path after it"),
        }
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.claim, self.path.display())
    }
}

/// A percentage from 1 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(
    /// The percentage.
    pub u8,
);

impl FromStr for Percent {
    type Err = &'static str;

    /// Parses a number without a percent sign.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().ok().filter(|percent| (1..=100).contains(percent)).map(Self).ok_or("it is not from 1 to 100")
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A duration with millisecond precision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HumanDuration(
    /// The duration.
    pub Duration,
);

impl HumanDuration {
    /// The duration in milliseconds.
    pub fn millis(self) -> u64 {
        u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX)
    }
}

impl FromStr for HumanDuration {
    type Err = String;

    /// Parses `30s`, `1m 30s`, or a number of seconds.
    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(seconds) = text.parse() {
            return Ok(Self(Duration::from_secs(seconds)));
        }
        humantime::parse_duration(text).map(Self).map_err(|error| error.to_string())
    }
}

impl fmt::Display for HumanDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

/// A label of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Key of the label.
    pub key: String,
    /// Value of the label.
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

/// A node in the list of operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Name of the operator.
    pub name: String,
    /// Peer ID of the node.
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

/// How many turns a client has in each round of the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turns {
    /// Number of turns, at least 1.
    pub turns: u32,
    /// Id of the client.
    pub client: PeerId,
}

impl FromStr for Turns {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (turns, client) = text.split_once('=').ok_or("it has no = with a number before it")?;
        let turns = turns.parse().ok().filter(|turns| (1..=MAX_TURNS).contains(turns));
        let turns = turns.ok_or_else(|| format!("give 1 to {MAX_TURNS} turns"))?;
        Ok(Self { turns, client: client.parse().map_err(|error| format!("{client}: {error}"))? })
    }
}

impl fmt::Display for Turns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.turns, self.client)
    }
}

/// A host name without a port.
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

/// Log format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Text for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Log level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Errors.
    Error,
    /// Errors and warnings.
    Warn,
    /// Also normal events.
    Info,
    /// Also details of decisions.
    Debug,
    /// Every detail.
    Trace,
}

/// A `tracing` filter: `TARGET=LEVEL` or `LEVEL`, separated by commas.
#[derive(Clone, Debug)]
pub struct LogFilter {
    text: String,
    targets: Targets,
}

impl LogFilter {
    /// The filter. `level` applies to targets that it does not name, unless it has a level of its own.
    pub fn over(&self, level: LevelFilter) -> Targets {
        match self.targets.default_level() {
            Some(_) => self.targets.clone(),
            None => self.targets.clone().with_default(level),
        }
    }
}

/// Filters are equal if their texts are.
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
            assert!(text.parse::<Cpu>().unwrap_err().contains("not a CPU share"), "{text}");
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
        assert!("bacalhau=loud".parse::<LogFilter>().unwrap_err().contains("error parsing level"));
    }

    #[test]
    fn a_host_name_has_no_port_and_no_pattern() {
        assert_eq!("Jobs.Example.org".parse::<HostName>().unwrap().to_string(), "jobs.example.org");
        for (text, why) in [
            ("", "not a host name"),
            ("jobs.example:1234", "not a host name"),
            ("http://jobs", "not a host name"),
            ("a b", "not a host name"),
            ("*.example.org", "patterns"),
            ("10.0.0.1", "addresses"),
        ] {
            let error = text.parse::<HostName>().unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn durations_as_people_write_them() {
        for (text, millis) in [("30s", 30_000), ("30", 30_000), ("1m 30s", 90_000), ("250ms", 250)] {
            assert_eq!(text.parse::<HumanDuration>().map(HumanDuration::millis), Ok(millis), "{text}");
        }
        assert!("soon".parse::<HumanDuration>().unwrap_err().contains("expected number"));
    }

    #[test]
    fn a_client_has_between_one_and_a_thousand_turns() {
        let client = PeerId::random();
        let turns: Turns = format!("4={client}").parse().unwrap();
        assert_eq!((turns.turns, turns.client, turns.to_string()), (4, client, format!("4={client}")));
        for (text, why) in [("4", "no ="), ("0=x", "give 1 to 1000 turns"), ("1001=x", "give 1 to"), ("4=x", "x: ")] {
            let error = text.parse::<Turns>().unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
