//! What makes a list of documented keys into a struct with a field for each and a table of all of them, so that struct,
//! environment, flags and the default file cannot say different things.

use super::value::{Form, Raw};

/// One key of the configuration.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The table of the file in which it stands.
    pub section: &'static str,
    /// Its name there.
    pub name: &'static str,
    /// `SECTION.NAME`.
    pub path: &'static str,
    /// What may be written, in words.
    pub kind: &'static str,
    /// How many values it takes.
    pub form: Form,
    /// Its flag of `serve`, without the dashes.
    pub flag: Option<&'static str>,
    /// Environment variables beside [`Key::env`] that set it too, the strongest first.
    pub also: &'static [&'static str],
    /// Its value unless somebody says otherwise, as it would be written in the environment.
    pub default: &'static str,
    /// Whether numbers and switches stand in the file, which need no quotes.
    pub bare: bool,
    /// What it is for, line by line.
    pub doc: &'static [&'static str],
    /// Says what is wrong with a value.
    pub(super) check: fn(&Raw) -> Result<(), String>,
}

/// Two keys are the same if their paths are.
impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

impl Eq for Key {}

impl Key {
    /// The environment variable that sets it: `BACALHAU_SECTION_NAME`.
    pub fn env(&self) -> String {
        format!("BACALHAU_{}_{}", self.section.to_uppercase(), self.name.to_uppercase())
    }

    /// What it is for, as one line.
    pub fn summary(&self) -> String {
        self.doc.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
    }
}

/// Declares sections and their keys: `name: Type = "default"`, then perhaps `flag "name"` and `env "NAME"`.
macro_rules! settings {
    ($(
        $(#[doc = $about:literal])+
        $section:ident: $Section:ident {
            $(
                $(#[doc = $doc:literal])+
                $key:ident: $type:ty = $default:literal $(, flag $flag:literal)? $(, env $env:literal)*;
            )+
        }
    )+) => {
        /// What `bacalhau serve` is told, and what commands that talk to a server are.
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

        /// The sections, and what each is about.
        pub const SECTIONS: &[(&str, &[&str])] = &[$((stringify!($section), &[$($about),+]),)+];

        /// Every key, in the order of the default file.
        pub const KEYS: &[Key] = &[$($(Key {
            section: stringify!($section),
            name: stringify!($key),
            path: concat!(stringify!($section), ".", stringify!($key)),
            kind: <$type as Setting>::KIND,
            form: <$type as Setting>::FORM,
            flag: settings!(@flag $($flag)?),
            also: &[$($env),*],
            default: $default,
            bare: <$type as Setting>::BARE,
            doc: &[$($doc),+],
            check: |raw| <$type as Setting>::parse(raw).map(drop),
        },)+)+];

        impl Config {
            /// Reads every key as `value` has it by its path.
            pub(super) fn read(value: impl Fn(&'static str) -> Raw) -> Result<Self, String> {
                Ok(Self {
                    $($section: $Section {
                        $($key: Setting::parse(&value(concat!(stringify!($section), ".", stringify!($key))))?,)+
                    },)+
                })
            }

            /// Every key's path, and its value as it would be written.
            pub(super) fn values(&self) -> Vec<(&'static str, Raw)> {
                vec![$($((
                    concat!(stringify!($section), ".", stringify!($key)),
                    self.$section.$key.shown(),
                ),)+)+]
            }
        }
    };
    (@flag) => { None };
    (@flag $flag:literal) => { Some($flag) };
}

pub(super) use settings;
