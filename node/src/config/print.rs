//! The configuration as text: the commented default file, and what is in force.

use std::fmt::Write as _;

use super::keys::{Config, KEYS, SECTIONS};
use super::layers::{Layers, Origin};
use super::table::Key;
use super::value::{Form, Raw};

/// The file that changes nothing: every key with what it is for, its variable, and its default behind a `#`.
pub fn default_file() -> String {
    let mut text = String::from(
        "# Everything that `bacalhau serve` can be told, with its default. Take the # away to change a value.\n\
         # A flag is stronger than the environment, the environment than a file, a later file than an earlier one.\n\
         # A size in kB, MB, GB or TB counts in powers of 1000; one in KiB, MiB, GiB, TiB, or with a letter alone (64m), of 1024.\n",
    );
    for (section, about) in SECTIONS {
        text.push('\n');
        for line in *about {
            // Writing to a string does not fail.
            let _ = writeln!(text, "#{line}");
        }
        let _ = writeln!(text, "[{section}]");
        for key in KEYS.iter().filter(|key| key.section == *section) {
            push_key(&mut text, key);
        }
    }
    text
}

fn push_key(text: &mut String, key: &Key) {
    text.push('\n');
    for line in key.doc {
        let _ = writeln!(text, "#{line}");
    }
    let names: Vec<String> = std::iter::once(key.env()).chain(key.also.iter().map(ToString::to_string)).collect();
    let flag = key.flag.map_or_else(String::new, |flag| format!("  flag: --{flag}"));
    let _ = writeln!(text, "# type: {}  env: {}{flag}", kind(key), names.join(", "));
    let raw = match key.form {
        Form::Many => Raw::Many(key.default.split(',').filter(|word| !word.is_empty()).map(Into::into).collect()),
        Form::One | Form::Switch => Raw::One(key.default.into()),
    };
    let _ = writeln!(text, "# {} = {}", key.name, toml(&raw, key.bare));
}

/// What may be written for a key, in words.
pub fn kind(key: &Key) -> String {
    if key.form == Form::Many { format!("list of: {}", key.kind) } else { key.kind.into() }
}

/// A value as a file has it.
fn toml(raw: &Raw, bare: bool) -> String {
    match raw {
        Raw::One(text) if bare => text.clone(),
        Raw::One(text) => toml::Value::String(text.clone()).to_string(),
        Raw::Many(texts) => {
            let items: Vec<String> = texts.iter().map(|text| toml::Value::String(text.clone()).to_string()).collect();
            format!("[{}]", items.join(", "))
        }
    }
}

/// A key with its value and who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InForce {
    /// The key.
    pub key: &'static Key,
    /// Its value as a file has it.
    pub toml: String,
    /// Who says so.
    pub origin: Origin,
}

/// Every key, its value and who says so.
pub fn in_force(layers: &Layers, config: &Config) -> Vec<InForce> {
    let value = |(path, raw)| {
        let key = KEYS.iter().find(|key| key.path == path)?;
        Some(InForce { key, toml: toml(&raw, key.bare), origin: layers.origin(path)?.clone() })
    };
    config.values().into_iter().filter_map(value).collect()
}
