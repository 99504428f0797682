//! The configuration as text: the commented default file and the effective values.

use std::fmt::Write as _;

use super::keys::{Config, KEYS, SECTIONS};
use super::layers::{Layers, Origin};
use super::table::Key;
use super::value::{Arity, RawValue};

/// The default file: every key with purpose, type, variable and commented default.
pub fn default_file() -> String {
    commented(&Layers::default())
}

/// A file like [`default_file`], in which the values of flags are set.
pub fn file_of_flags(layers: &Layers) -> String {
    commented(layers)
}

fn commented(layers: &Layers) -> String {
    let mut text = String::from(
        "# Every configuration key with its default. Remove the # to change a value.\n\
         # Precedence: flag, environment, file; a later file overrides an earlier one.\n\
         # A size in kB, MB, GB or TB counts in powers of 1000; one in KiB, MiB, GiB, TiB, or with a letter alone (64m), of 1024.\n",
    );
    for (section, about) in SECTIONS {
        text.push('\n');
        for line in *about {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "#{line}");
        }
        let _ = writeln!(text, "[{section}]");
        for key in KEYS.iter().filter(|key| key.section == *section) {
            push_key(&mut text, key, layers.flag_value(key.path));
        }
    }
    text
}

fn push_key(text: &mut String, key: &Key, set: Option<&RawValue>) {
    text.push('\n');
    for line in key.doc {
        let _ = writeln!(text, "#{line}");
    }
    let names: Vec<String> = std::iter::once(key.env()).chain(key.also.iter().map(ToString::to_string)).collect();
    let flag = key.flag.filter(|_| !key.hidden).map_or_else(String::new, |flag| format!("  flag: --{flag}"));
    let _ = writeln!(text, "# type: {}  env: {}{flag}", kind(key), names.join(", "));
    if let Some(raw) = set {
        let _ = writeln!(text, "{} = {}", key.name, toml(raw, key.bare));
        return;
    }
    let raw = match key.arity {
        Arity::Many => RawValue::Many(key.default.split(',').filter(|word| !word.is_empty()).map(Into::into).collect()),
        Arity::One | Arity::Switch => RawValue::One(key.default.into()),
    };
    let _ = writeln!(text, "# {} = {}", key.name, toml(&raw, key.bare));
}

/// Description of the accepted values of a key.
pub fn kind(key: &Key) -> String {
    if key.arity == Arity::Many { format!("list of: {}", key.kind) } else { key.kind.into() }
}

/// A value in TOML.
fn toml(raw: &RawValue, bare: bool) -> String {
    match raw {
        RawValue::One(text) if bare => text.clone(),
        RawValue::One(text) => toml::Value::String(text.clone()).to_string(),
        RawValue::Many(texts) => {
            let items: Vec<String> = texts.iter().map(|text| toml::Value::String(text.clone()).to_string()).collect();
            format!("[{}]", items.join(", "))
        }
    }
}

/// A key with its effective value and source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InForce {
    /// The key.
    pub key: &'static Key,
    /// The value in TOML.
    pub toml: String,
    /// Source of the value.
    pub origin: Origin,
}

/// Every key with its effective value and source.
pub fn in_force(layers: &Layers, config: &Config) -> Vec<InForce> {
    let value = |(path, raw)| {
        let key = KEYS.iter().find(|key| key.path == path)?;
        Some(InForce { key, toml: toml(&raw, key.bare), origin: layers.origin(path)?.clone() })
    };
    config.values().into_iter().filter_map(value).collect()
}
