//! Reads a configuration file into keys and raw values with their lines. An unknown key is an error, so that a misspelt
//! setting is noticed.

use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::ConfigError;
use super::keys::{KEYS, SECTIONS};
use super::suggest::nearest;
use super::table::Key;
use super::value::RawValue;

/// A setting of a file.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: &'static Key,
    pub(super) raw: RawValue,
    /// Line number, from 1.
    pub(super) line: usize,
}

/// All settings of `text`. `path` is used in messages.
pub(super) fn read(path: &Path, text: &str) -> Result<Vec<Entry>, ConfigError> {
    let file = File { path, text };
    let table = DeTable::parse(text).map_err(|error| ConfigError::Syntax {
        path: path.into(),
        line: file.line(error.span().unwrap_or_default()),
        why: error.message().into(),
    })?;
    let mut entries = Vec::new();
    for (name, section) in table.get_ref() {
        let line = file.line(name.span());
        if !SECTIONS.iter().any(|(known, _)| known == name.get_ref()) {
            let names = SECTIONS.iter().map(|(name, _)| (*name, *name));
            return Err(file.unknown("section", name.get_ref(), line, names.chain(keys())));
        }
        let DeValue::Table(section) = section.get_ref() else {
            return Err(file.value(
                name.get_ref(),
                line,
                &format!("write [{0}] and its keys below it", name.get_ref()),
            ));
        };
        for (key, value) in section {
            entries.push(file.entry(name.get_ref(), key, value)?);
        }
    }
    Ok(entries)
}

/// A file and its text, for messages with line numbers.
struct File<'a> {
    path: &'a Path,
    text: &'a str,
}

impl File<'_> {
    fn entry(
        &self,
        section: &str,
        name: &Spanned<std::borrow::Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<Entry, ConfigError> {
        let line = self.line(name.span());
        let path = format!("{section}.{}", name.get_ref());
        let key = KEYS.iter().find(|key| key.path == path);
        let key = key.ok_or_else(|| self.unknown("key", &path, line, keys()))?;
        let wrong = || self.value(&path, line, &format!("write {}", key.kind));
        let raw = match value.get_ref() {
            DeValue::Array(items) => {
                RawValue::Many(items.iter().map(|item| word(item.get_ref())).collect::<Option<_>>().ok_or_else(wrong)?)
            }
            other => RawValue::One(word(other).ok_or_else(wrong)?),
        };
        Ok(Entry { key, raw, line })
    }

    fn line(&self, span: Range<usize>) -> usize {
        self.text.bytes().take(span.start).filter(|byte| *byte == b'\n').count() + 1
    }

    fn value(&self, key: &str, line: usize, why: &str) -> ConfigError {
        ConfigError::Value { origin: super::Origin::File(self.path.into(), line), key: key.into(), why: why.into() }
    }

    fn unknown(
        &self,
        what: &'static str,
        name: &str,
        line: usize,
        known: impl Iterator<Item = (&'static str, &'static str)>,
    ) -> ConfigError {
        let hint = nearest(name, known).map_or_else(String::new, |near| format!(" (did you mean {near}?)"));
        ConfigError::Unknown { path: self.path.into(), line, what, name: name.into(), hint }
    }
}

/// Every key under the names that may be searched: with and without its section.
fn keys() -> impl Iterator<Item = (&'static str, &'static str)> {
    KEYS.iter().flat_map(|key| [(key.path, key.path), (key.name, key.path)])
}

/// A scalar as text; `None` for types that no setting has.
fn word(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().replace('_', "")),
        DeValue::Float(number) => Some(number.as_str().into()),
        DeValue::Boolean(on) => Some(on.to_string()),
        _ => None,
    }
}
