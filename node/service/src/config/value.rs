//! Types of setting values: how each is written in a file, in the environment and on the command line. All three use
//! the same parsers.

use std::fmt::Display;
use std::net::SocketAddr;
use std::path::PathBuf;

use libp2p::{Multiaddr, PeerId};

use super::amounts::{Epochs, Fil};
use super::types::{Claim, Cpu, Dispatch, HostName, HumanDuration, Label, Listed, LogFilter, Percent, Turns};
use super::{LogFormat, LogLevel};
use bacalhau_cas::unixfs::import::Profile;
use bacalhau_compute::Locality;
use bacalhau_job::{Distinct, DrawMode};
use bacalhau_objects::ObjectUrl;
use bacalhau_publisher::filecoin::Address;
use bacalhau_publisher::pdp::{EthAddress, Uint256};
use bacalhau_storage::{Fetch, Template, UnsealedVerify};
use bacalhau_values::{Secret, Size};

/// The raw value of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RawValue {
    /// A single value, also for numbers and booleans.
    One(String),
    /// A list of values.
    Many(Vec<String>),
}

/// Number of values of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arity {
    /// One value.
    One,
    /// `true` or `false`.
    Switch,
    /// Any number of values; commas separate them in a single text.
    Many,
}

/// A type of a setting.
pub(super) trait Setting: Sized {
    /// Description of the accepted values that fits after "write".
    const KIND: &'static str;
    /// Number of values.
    const ARITY: Arity = Arity::One;
    /// Whether the TOML value is unquoted.
    const BARE: bool = false;

    /// Parses a raw value.
    fn parse(raw: &RawValue) -> Result<Self, String>;

    /// The raw value that parses to this one.
    fn shown(&self) -> RawValue;
}

/// A type with a single raw value.
trait ScalarSetting: Sized {
    /// See [`Setting::KIND`].
    const WHAT: &'static str;
    /// Whether the type is a boolean.
    const SWITCH: bool = false;
    /// See [`Setting::BARE`].
    const PLAIN: bool = false;
    fn read(text: &str) -> Result<Self, String>;
    fn write(&self) -> String;
}

impl<T: ScalarSetting> Setting for T {
    const KIND: &'static str = T::WHAT;
    const ARITY: Arity = if T::SWITCH { Arity::Switch } else { Arity::One };
    const BARE: bool = T::PLAIN;

    fn parse(raw: &RawValue) -> Result<Self, String> {
        match raw {
            RawValue::One(text) => T::read(text),
            RawValue::Many(_) => Err(format!("expected a single value, got a list: write {}", T::WHAT)),
        }
    }

    fn shown(&self) -> RawValue {
        RawValue::One(self.write())
    }
}

/// An empty value is `None`.
impl<T: ScalarSetting> Setting for Option<T> {
    const KIND: &'static str = T::WHAT;

    fn parse(raw: &RawValue) -> Result<Self, String> {
        match raw {
            RawValue::One(text) if text.is_empty() => Ok(None),
            _ => <T as Setting>::parse(raw).map(Some),
        }
    }

    fn shown(&self) -> RawValue {
        RawValue::One(self.as_ref().map_or_else(String::new, ScalarSetting::write))
    }
}

impl<T: ScalarSetting> Setting for Vec<T> {
    const KIND: &'static str = T::WHAT;
    const ARITY: Arity = Arity::Many;

    fn parse(raw: &RawValue) -> Result<Self, String> {
        let texts: Vec<&str> = match raw {
            RawValue::One(text) => text.split(',').map(str::trim).collect(),
            RawValue::Many(texts) => texts.iter().map(String::as_str).collect(),
        };
        texts.into_iter().filter(|text| !text.is_empty()).map(T::read).collect()
    }

    fn shown(&self) -> RawValue {
        RawValue::Many(self.iter().map(ScalarSetting::write).collect())
    }
}

fn read<T: std::str::FromStr>(text: &str, kind: &str) -> Result<T, String>
where
    T::Err: Display,
{
    text.parse().map_err(|error| format!("{text:?} does not fit ({error}): write {kind}"))
}

/// Types with their own `FromStr` and `Display`.
macro_rules! words {
    ($($type:ty: $kind:literal $(plain $plain:literal)?;)+) => {$(
        impl ScalarSetting for $type {
            const WHAT: &'static str = $kind;
            $(const PLAIN: bool = $plain;)?

            fn read(text: &str) -> Result<Self, String> {
                read(text, $kind)
            }

            fn write(&self) -> String {
                self.to_string()
            }
        }
    )+};
}

words! {
    u16: "a number from 0 to 65535" plain true;
    u32: "a whole number" plain true;
    u64: "a whole number" plain true;
    String: "a text";
    SocketAddr: "an address and a port, as in 127.0.0.1:1234 or [::]:1234";
    Multiaddr: "a multiaddr, as in /ip4/0.0.0.0/tcp/1235";
    PeerId: "a peer ID, as in 12D3KooW…";
    Size: "a size, as in 512MiB or 32GiB";
    Cpu: "cores or thousandths of one, as in 2, 0.5 or 500m";
    Percent: "a number from 1 to 100" plain true;
    HumanDuration: "a duration, as in 30s, 10m or 1h";
    Label: "KEY=VALUE";
    Claim: "CLAIM=PATH, as in sectors=/var/lib/data";
    Listed: "NAME=PEER_ID, as in example.org=12D3KooW…";
    Turns: "TURNS=CLIENT_ID, as in 4=12D3KooW…";
    Distinct: "none, prefix or operator";
    DrawMode: "fast or fair";
    HostName: "a host name without a port, as in jobs.example.org";
    LogFilter: "a log filter, as in info,bacalhau_p2p=debug";
    Address: "an address of Filecoin, as in f01000 or f1…";
    EthAddress: "an address of Ethereum, 0x and 40 hexadecimal digits";
    Uint256: "a decimal number below 2^256";
    Epochs: "a duration, as in 180d, or a number of epochs";
    Fil: "an amount in FIL, as in 0.07";
    Profile: "kubo-cidv1, unixfs-v0-2015 or unixfs-v1-2025";
}

impl ScalarSetting for bool {
    const WHAT: &'static str = "true or false";
    const SWITCH: bool = true;
    const PLAIN: bool = true;

    fn read(text: &str) -> Result<Self, String> {
        match text {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err(format!("{text:?} does not fit: write {}", Self::WHAT)),
        }
    }

    fn write(&self) -> String {
        self.to_string()
    }
}

impl ScalarSetting for PathBuf {
    const WHAT: &'static str = "a path";

    fn read(text: &str) -> Result<Self, String> {
        if text.is_empty() { Err(format!("the value is empty: write {}", Self::WHAT)) } else { Ok(text.into()) }
    }

    fn write(&self) -> String {
        self.display().to_string()
    }
}

/// Shown masked.
impl ScalarSetting for Secret {
    const WHAT: &'static str = "a secret of one word";

    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|why| format!("{why}: write {}", Self::WHAT))
    }

    fn write(&self) -> String {
        Self::SHOWN.into()
    }
}

impl ScalarSetting for Template {
    const WHAT: &'static str = "a template, as in /var/lib/data/{{.Cid}}";

    fn read(text: &str) -> Result<Self, String> {
        Self::parse(text).map_err(|error| error.to_string())
    }

    fn write(&self) -> String {
        self.to_string()
    }
}

impl ScalarSetting for ObjectUrl {
    const WHAT: &'static str = "a prefix of an object store, as in s3://BUCKET/PREFIX";

    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|error: bacalhau_objects::ObjectUrlError| error.to_string())
    }

    fn write(&self) -> String {
        self.to_string()
    }
}

/// Types with a fixed set of named values.
macro_rules! names {
    ($($type:ident: $kind:literal { $($name:literal => $variant:ident),+ })+) => {$(
        impl ScalarSetting for $type {
            const WHAT: &'static str = $kind;

            fn read(text: &str) -> Result<Self, String> {
                match text {
                    $($name => Ok(Self::$variant),)+
                    _ => Err(format!("{text:?} does not fit: write {}", Self::WHAT)),
                }
            }

            fn write(&self) -> String {
                match self {
                    $(Self::$variant => $name.into(),)+
                }
            }
        }
    )+};
}

names! {
    Dispatch: "local, slurm or kubernetes" { "local" => Local, "slurm" => Slurm, "kubernetes" => Kubernetes }
    Locality: "local or anywhere" { "local" => Local, "anywhere" => Anywhere }
    UnsealedVerify: "never, lazy or full" { "never" => Never, "lazy" => Lazy, "full" => Full }
    Fetch: "lazy or eager" { "lazy" => Lazy, "eager" => Eager }
    LogFormat: "text or json" { "text" => Text, "json" => Json }
    LogLevel: "error, warn, info, debug or trace" {
        "error" => Error, "warn" => Warn, "info" => Info, "debug" => Debug, "trace" => Trace
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one<T: Setting>(text: &str) -> Result<T, String> {
        T::parse(&RawValue::One(text.into()))
    }

    #[test]
    fn lists_are_separated_by_commas_or_written_as_lists() {
        let many = RawValue::Many(vec!["a=1".into(), "b=2".into()]);
        assert_eq!(one::<Vec<Label>>("a=1, b=2,"), Vec::<Label>::parse(&many));
        assert_eq!(one::<Vec<Label>>(""), Ok(Vec::new()));
        assert!(one::<Vec<Label>>("a").unwrap_err().contains("write KEY=VALUE"));
        assert!(u16::parse(&many).unwrap_err().contains("expected a single value"));
    }

    #[test]
    fn what_does_not_fit_says_what_would() {
        assert!(one::<u16>("65536").unwrap_err().contains("write a number from 0 to 65535"));
        assert!(one::<bool>("yes").unwrap_err().contains("write true or false"));
        assert!(one::<Locality>("Local").unwrap_err().contains("write local or anywhere"));
        assert!(one::<SocketAddr>("1234").unwrap_err().contains("127.0.0.1:1234"));
        assert!(one::<Option<Template>>("/x/{{.Sid}}").unwrap_err().contains("column"));
        assert_eq!(one::<Option<u16>>(""), Ok(None));
        assert!(one::<u16>("").unwrap_err().contains("write a number from 0 to 65535"));
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(cpu: u32, span in 0_u64..1 << 40, bytes: u64, port: u16, on: bool) {
            let (cpu, span) = (Cpu(cpu.into()), HumanDuration(std::time::Duration::from_millis(span)));
            prop_assert_eq!(Cpu::parse(&cpu.shown()), Ok(cpu));
            prop_assert_eq!(HumanDuration::parse(&span.shown()), Ok(span));
            prop_assert_eq!(Size::parse(&Size(bytes).shown()), Ok(Size(bytes)));
            prop_assert_eq!(u16::parse(&port.shown()), Ok(port));
            prop_assert_eq!(Option::<bool>::parse(&Some(on).shown()), Ok(Some(on)));
        }

        #[test]
        fn no_text_is_too_much(text in "\\PC{0,40}") {
            let _ = (one::<Cpu>(&text), one::<HumanDuration>(&text), one::<Label>(&text), one::<Vec<Multiaddr>>(&text));
        }
    }
}
