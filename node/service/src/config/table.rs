//! The macro that turns a list of documented keys into a struct and a table, so that struct, environment, flags and
//! default file agree.

use super::value::{Arity, RawValue};

/// One key of the configuration.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Table of the file.
    pub section: &'static str,
    /// Name in that table.
    pub name: &'static str,
    /// `SECTION.NAME`.
    pub path: &'static str,
    /// Description of the accepted values.
    pub kind: &'static str,
    /// Number of values.
    pub arity: Arity,
    /// Flag of `serve`, without the dashes.
    pub flag: Option<&'static str>,
    /// Whether help texts and references omit the flag. It stays accepted.
    pub hidden: bool,
    /// Further environment variables, in order of precedence after [`Key::env`].
    pub also: &'static [&'static str],
    /// Default value as written in the environment.
    pub default: &'static str,
    /// Whether the TOML value is unquoted (number or boolean).
    pub bare: bool,
    /// Purpose, line by line.
    pub doc: &'static [&'static str],
    /// Validates a raw value.
    pub(super) check: fn(&RawValue) -> Result<(), String>,
}

/// Keys are equal if their paths are.
impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

impl Eq for Key {}

impl Key {
    /// Its environment variable: `BACALHAU_SECTION_NAME`.
    pub fn env(&self) -> String {
        format!("BACALHAU_{}_{}", self.section.to_uppercase(), self.name.to_uppercase())
    }

    /// The purpose on one line.
    pub fn summary(&self) -> String {
        self.doc.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
    }
}

/// Declares sections and their keys: `name: Type = "default"`, then optionally `flag "name"` or `hidden "name"` (accepted, but not in help texts), and
/// `env "NAME"`.
macro_rules! settings {
    ($(
        $(#[doc = $about:literal])+
        $section:ident: $Section:ident {
            $(
                $(#[doc = $doc:literal])+
                $key:ident: $type:ty = $default:literal $(, flag $flag:literal)? $(, hidden $hidden:literal)?
                    $(, env $env:literal)*;
            )+
        }
    )+) => {
        /// The configuration of `bacalhau serve` and of commands that talk to a server.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Config {
            $($(#[doc = $about])+ pub $section: $Section,)+
        }

        $(
            $(#[doc = $about])+
            #[derive(Clone, Debug, PartialEq)]
            pub struct $Section {
                $($(#[doc = $doc])+ pub $key: $type,)+
            }
        )+

        /// The sections with their descriptions.
        pub const SECTIONS: &[(&str, &[&str])] = &[$((stringify!($section), &[$($about),+]),)+];

        /// Every key, in the order of the default file.
        pub const KEYS: &[Key] = &[$($(Key {
            section: stringify!($section),
            name: stringify!($key),
            path: concat!(stringify!($section), ".", stringify!($key)),
            kind: <$type as Setting>::KIND,
            arity: <$type as Setting>::ARITY,
            flag: settings!(@flag $($flag)? $($hidden)?),
            hidden: settings!(@hidden $($hidden)?),
            also: &[$($env),*],
            default: $default,
            bare: <$type as Setting>::BARE,
            doc: &[$($doc),+],
            check: |raw| <$type as Setting>::parse(raw).map(drop),
        },)+)+];

        impl Config {
            /// Parses every key; `value` returns the raw value for a path.
            pub(super) fn read(value: impl Fn(&'static str) -> RawValue) -> Result<Self, String> {
                Ok(Self {
                    $($section: $Section {
                        $($key: Setting::parse(&value(concat!(stringify!($section), ".", stringify!($key))))?,)+
                    },)+
                })
            }

            /// The path and raw value of every key.
            pub(super) fn values(&self) -> Vec<(&'static str, RawValue)> {
                vec![$($((
                    concat!(stringify!($section), ".", stringify!($key)),
                    self.$section.$key.shown(),
                ),)+)+]
            }
        }
    };
    (@flag) => { None };
    (@flag $flag:literal) => { Some($flag) };
    (@hidden) => { false };
    (@hidden $hidden:literal) => { true };
}

pub(super) use settings;
