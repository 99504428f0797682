//! Values of settings: how each type is written in a file, in the environment and on the command line. All three are
//! read by the same rules, so what works in one place works in the others.

use std::fmt::Display;
use std::net::SocketAddr;
use std::path::PathBuf;

use libp2p::{Multiaddr, PeerId};

use super::amounts::{Epochs, Fil};
use super::types::{Cpu, HostName, Label, Listed, LogFilter, Percent, Span};
use super::{LogFormat, LogLevel};
use crate::cas::unixfs::import::Profile;
use crate::compute::Locality;
use crate::job::{Distinct, DrawMode};
use crate::publisher::filecoin::Address;
use crate::storage::{Fetch, Template, UnsealedVerify};
use bacalhau_values::{Secret, Size};

/// What is written for a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Raw {
    /// One text; numbers and switches too.
    One(String),
    /// A list of texts.
    Many(Vec<String>),
}

/// How many values a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One.
    One,
    /// One of `true` and `false`.
    Switch,
    /// As many as one likes; in a single text they are separated by commas.
    Many,
}

/// A type that settings may have.
pub(super) trait Setting: Sized {
    /// What may be written, in words that fit behind "write".
    const KIND: &'static str;
    /// How many values.
    const FORM: Form = Form::One;
    /// Whether a file has it without quotes.
    const BARE: bool = false;

    /// Reads it, or says what is wrong with it.
    fn parse(raw: &Raw) -> Result<Self, String>;

    /// As it would be written.
    fn shown(&self) -> Raw;
}

/// A type of a single text.
trait Word: Sized {
    /// See [`Setting::KIND`].
    const WHAT: &'static str;
    /// Whether it is `true` or `false`.
    const SWITCH: bool = false;
    /// See [`Setting::BARE`].
    const PLAIN: bool = false;
    fn read(text: &str) -> Result<Self, String>;
    fn write(&self) -> String;
}

impl<T: Word> Setting for T {
    const KIND: &'static str = T::WHAT;
    const FORM: Form = if T::SWITCH { Form::Switch } else { Form::One };
    const BARE: bool = T::PLAIN;

    fn parse(raw: &Raw) -> Result<Self, String> {
        match raw {
            Raw::One(text) => T::read(text),
            Raw::Many(_) => Err(format!("a list is too much: write {}", T::WHAT)),
        }
    }

    fn shown(&self) -> Raw {
        Raw::One(self.write())
    }
}

/// Absent where nothing is written.
impl<T: Word> Setting for Option<T> {
    const KIND: &'static str = T::WHAT;

    fn parse(raw: &Raw) -> Result<Self, String> {
        match raw {
            Raw::One(text) if text.is_empty() => Ok(None),
            _ => <T as Setting>::parse(raw).map(Some),
        }
    }

    fn shown(&self) -> Raw {
        Raw::One(self.as_ref().map_or_else(String::new, Word::write))
    }
}

impl<T: Word> Setting for Vec<T> {
    const KIND: &'static str = T::WHAT;
    const FORM: Form = Form::Many;

    fn parse(raw: &Raw) -> Result<Self, String> {
        let texts: Vec<&str> = match raw {
            Raw::One(text) => text.split(',').map(str::trim).collect(),
            Raw::Many(texts) => texts.iter().map(String::as_str).collect(),
        };
        texts.into_iter().filter(|text| !text.is_empty()).map(T::read).collect()
    }

    fn shown(&self) -> Raw {
        Raw::Many(self.iter().map(Word::write).collect())
    }
}

fn read<T: std::str::FromStr>(text: &str, kind: &str) -> Result<T, String>
where
    T::Err: Display,
{
    text.parse().map_err(|error| format!("{text:?} does not fit ({error}): write {kind}"))
}

/// Types that are read and written by their own rules.
macro_rules! words {
    ($($type:ty: $kind:literal $(plain $plain:literal)?;)+) => {$(
        impl Word for $type {
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
    String: "a text";
    SocketAddr: "an address and a port, as in 127.0.0.1:1234 or [::]:1234";
    Multiaddr: "a multiaddr, as in /ip4/0.0.0.0/tcp/1235";
    PeerId: "a peer ID, as in 12D3KooW…";
    Size: "a size, as in 512MiB or 32GiB";
    Cpu: "cores or thousandths of one, as in 2, 0.5 or 500m";
    Percent: "a number from 1 to 100" plain true;
    Span: "a duration, as in 30s, 10m or 1h";
    Label: "KEY=VALUE";
    Listed: "NAME=PEER_ID, as in example.org=12D3KooW…";
    Distinct: "none, prefix or operator";
    DrawMode: "fast or fair";
    HostName: "a host name without a port, as in jobs.example.org";
    LogFilter: "a log filter, as in info,bacalhau_p2p=debug";
    Address: "an address of Filecoin, as in f01000 or f1…";
    Epochs: "a duration, as in 180d, or a number of epochs";
    Fil: "an amount in FIL, as in 0.07";
    Profile: "kubo-cidv1, unixfs-v0-2015 or unixfs-v1-2025";
}

impl Word for bool {
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

impl Word for PathBuf {
    const WHAT: &'static str = "a path";

    fn read(text: &str) -> Result<Self, String> {
        if text.is_empty() { Err(format!("there is nothing: write {}", Self::WHAT)) } else { Ok(text.into()) }
    }

    fn write(&self) -> String {
        self.display().to_string()
    }
}

/// Shown as what it is, and never itself.
impl Word for Secret {
    const WHAT: &'static str = "a secret of one word";

    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|why| format!("{why}: write {}", Self::WHAT))
    }

    fn write(&self) -> String {
        Self::SHOWN.into()
    }
}

impl Word for Template {
    const WHAT: &'static str = "a template, as in /var/lib/data/{{.Cid}}";

    fn read(text: &str) -> Result<Self, String> {
        Self::parse(text).map_err(|error| error.to_string())
    }

    fn write(&self) -> String {
        self.to_string()
    }
}

/// Types of which there are a few values, each with a name.
macro_rules! names {
    ($($type:ident: $kind:literal { $($name:literal => $variant:ident),+ })+) => {$(
        impl Word for $type {
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
        T::parse(&Raw::One(text.into()))
    }

    #[test]
    fn lists_are_separated_by_commas_or_written_as_lists() {
        let many = Raw::Many(vec!["a=1".into(), "b=2".into()]);
        assert_eq!(one::<Vec<Label>>("a=1, b=2,"), Vec::<Label>::parse(&many));
        assert_eq!(one::<Vec<Label>>(""), Ok(Vec::new()));
        assert!(one::<Vec<Label>>("a").unwrap_err().contains("write KEY=VALUE"));
        assert!(u16::parse(&many).unwrap_err().contains("a list is too much"));
    }

    #[test]
    fn what_does_not_fit_says_what_would() {
        assert!(one::<u16>("65536").unwrap_err().contains("write a number from 0 to 65535"));
        assert!(one::<bool>("yes").unwrap_err().contains("write true or false"));
        assert!(one::<Locality>("Local").unwrap_err().contains("write local or anywhere"));
        assert!(one::<SocketAddr>("1234").unwrap_err().contains("127.0.0.1:1234"));
        assert!(one::<Option<Template>>("/x/{{.Sid}}").unwrap_err().contains("column"));
        assert_eq!(one::<Option<u16>>(""), Ok(None));
        assert!(one::<u16>("").is_err());
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(cpu: u32, span in 0_u64..1 << 40, bytes: u64, port: u16, on: bool) {
            let (cpu, span) = (Cpu(cpu.into()), Span(std::time::Duration::from_millis(span)));
            prop_assert_eq!(Cpu::parse(&cpu.shown()), Ok(cpu));
            prop_assert_eq!(Span::parse(&span.shown()), Ok(span));
            prop_assert_eq!(Size::parse(&Size(bytes).shown()), Ok(Size(bytes)));
            prop_assert_eq!(u16::parse(&port.shown()), Ok(port));
            prop_assert_eq!(Option::<bool>::parse(&Some(on).shown()), Ok(Some(on)));
        }

        #[test]
        fn no_text_is_too_much(text in "\\PC{0,40}") {
            let _ = (one::<Cpu>(&text), one::<Span>(&text), one::<Label>(&text), one::<Vec<Multiaddr>>(&text));
        }
    }
}
