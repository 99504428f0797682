//! Conditions of a job on the labels of the nodes that may run it, as in `gpu=yes,zone in (a,b),!slow`.

use std::fmt;
use std::str::FromStr;

use bacalhau_receipt::bounded;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::SpecError;

/// The most conditions of a job.
pub const MAX_CONDITIONS: usize = 64;
/// The most values of a condition.
const MAX_VALUES: usize = 64;
/// Maximum bytes of a key or value.
const MAX_BYTES: usize = 256;

/// A condition on the labels of a node. All conditions of a job have to hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// Key of the label.
    pub key: String,
    /// What has to hold.
    pub is: Comparison,
    /// The values that are compared with, for `in` and `not-in`.
    #[serde(default, deserialize_with = "bounded::list::<_, _, MAX_VALUES>", skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

/// What has to hold of a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Comparison {
    /// The node has the label with one of the values.
    In,
    /// The node does not have the label with one of the values; a node without the label matches.
    NotIn,
    /// The node has the label, with any value.
    Present,
    /// The node does not have the label.
    Absent,
}

impl Condition {
    /// Whether a node with these labels fulfils it. A node may have several labels of one key.
    pub fn holds(&self, labels: &[(String, String)]) -> bool {
        let mut values = labels.iter().filter(|(key, _)| *key == self.key).map(|(_, value)| value);
        match self.is {
            Comparison::In => values.any(|value| self.values.contains(value)),
            Comparison::NotIn => !values.any(|value| self.values.contains(value)),
            Comparison::Present => values.next().is_some(),
            Comparison::Absent => values.next().is_none(),
        }
    }

    /// Validates the condition.
    pub(super) fn check(&self) -> Result<(), SpecError> {
        let wrong = |why: &str| Err(SpecError(format!("selector {self}: {why}")));
        let compares = matches!(self.is, Comparison::In | Comparison::NotIn);
        if !is_key(&self.key) {
            return wrong("a key has letters, digits, and . _ - / only");
        }
        if self.values.len() > MAX_VALUES || self.values.iter().any(|value| value.len() > MAX_BYTES) {
            return wrong("it has too many or too long values");
        }
        match (compares, self.values.is_empty()) {
            (true, true) => wrong("name at least one value"),
            (false, false) => wrong("only `in` and `not-in` have values"),
            _ => Ok(()),
        }
    }
}

/// The first of `selector` that a node with these labels does not fulfil.
pub fn unfulfilled<'a>(selector: &'a [Condition], labels: &[(String, String)]) -> Option<&'a Condition> {
    selector.iter().find(|condition| !condition.holds(labels))
}

fn is_key(key: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
    !key.is_empty() && key.len() <= MAX_BYTES && key.bytes().all(allowed)
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, values) = (&self.key, &self.values);
        match (self.is, &values[..]) {
            (Comparison::In, [value]) => write!(f, "{key}={value}"),
            (Comparison::NotIn, [value]) => write!(f, "{key}!={value}"),
            (Comparison::In, _) => write!(f, "{key} in ({})", values.join(",")),
            (Comparison::NotIn, _) => write!(f, "{key} notin ({})", values.join(",")),
            (Comparison::Present, _) => write!(f, "{key}"),
            (Comparison::Absent, _) => write!(f, "!{key}"),
        }
    }
}

/// The text is not a selector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a condition on a label: write KEY=VALUE, KEY!=VALUE, KEY in (A,B), KEY notin (A,B), KEY or !KEY")]
pub struct SelectorError(String);

/// Parses conditions that are separated by commas.
///
/// # Errors
/// The first part that is not a condition.
pub fn parse_selector(text: &str) -> Result<Vec<Condition>, SelectorError> {
    parts(text).into_iter().map(str::parse).collect()
}

/// The parts between commas that are not within parentheses.
fn parts(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut begin) = (Vec::new(), 0_usize, 0);
    for (at, char) in text.char_indices() {
        match char {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[begin..]);
    parts
}

impl FromStr for Condition {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        let wrong = || SelectorError(text.trim().into());
        let condition = |key: &str, is, values: Vec<String>| Self { key: key.trim().into(), is, values };
        let trimmed = text.trim();
        let found = if let Some((key, list)) = trimmed.strip_suffix(')').and_then(|text| text.split_once('(')) {
            let (key, word) = key.trim_end().rsplit_once(char::is_whitespace).ok_or_else(wrong)?;
            let is = match word {
                "in" => Comparison::In,
                "notin" => Comparison::NotIn,
                _ => return Err(wrong()),
            };
            condition(key, is, list.split(',').map(|value| value.trim().to_owned()).collect())
        } else if let Some((key, value)) = trimmed.split_once("!=") {
            condition(key, Comparison::NotIn, vec![value.trim().into()])
        } else if let Some((key, value)) = trimmed.split_once('=') {
            let value = value.strip_prefix('=').unwrap_or(value);
            condition(key, Comparison::In, vec![value.trim().into()])
        } else if let Some(key) = trimmed.strip_prefix('!') {
            condition(key, Comparison::Absent, Vec::new())
        } else {
            condition(trimmed, Comparison::Present, Vec::new())
        };
        let is_plain = |value: &String| !value.contains(['(', ')', '=', '!', ',']);
        if found.check().is_ok() && found.values.iter().all(is_plain) { Ok(found) } else { Err(wrong()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(text: &str) -> Vec<(String, String)> {
        let pair = |label: &str| label.split_once('=').map(|(key, value)| (key.into(), value.into())).unwrap();
        text.split_whitespace().map(pair).collect()
    }

    #[test]
    fn conditions_select_nodes_by_their_labels() {
        let table = [
            ("zone=a", "zone=a gpu=yes", true),
            ("zone==a", "zone=a", true),
            ("zone=a", "zone=b", false),
            ("zone=a", "", false),
            ("zone!=a", "zone=b", true),
            ("zone!=a", "", true),
            ("zone != a", "zone=a", false),
            ("zone in (a, b)", "zone=b", true),
            ("zone in (a,b)", "zone=c", false),
            ("zone notin (a,b)", "zone=c", true),
            ("gpu", "gpu=", true),
            ("gpu", "zone=a", false),
            ("!gpu", "zone=a", true),
            ("!gpu", "gpu=no", false),
            ("zone in (a,b),gpu=yes,!slow", "zone=a gpu=yes", true),
            ("zone in (a,b),gpu=yes,!slow", "zone=a gpu=yes slow=1", false),
            ("zone=a", "zone=b zone=a", true),
            ("k8s.io/arch=arm64", "k8s.io/arch=arm64", true),
        ];
        for (text, of_node, matches) in table {
            let selector = parse_selector(text).unwrap();
            assert_eq!(unfulfilled(&selector, &labels(of_node)).is_none(), matches, "{text} for {of_node:?}");
        }
    }

    #[test]
    fn a_condition_is_written_as_it_is_read_and_nothing_else_is_one() {
        for text in ["zone=a", "zone!=a", "zone in (a,b)", "zone notin (a,b)", "gpu", "!gpu", "zone="] {
            assert_eq!(text.parse::<Condition>().unwrap().to_string(), text);
        }
        for text in ["", "=a", "a b", "a in", "a in ()x", "a within (b)", "a=(b", "a=b=c", "!", "a!b", "ä=1", "in (a)"]
        {
            assert!(parse_selector(text).is_err(), "{text}");
        }
        let long = "x".repeat(MAX_BYTES + 1);
        assert!(parse_selector(&format!("a={long}")).is_err() && parse_selector(&long).is_err());
        let many = format!("a in ({})", vec!["x"; MAX_VALUES + 1].join(","));
        let error = parse_selector(&many).unwrap_err().to_string();
        assert!(error.contains("is not a condition on a label"), "{error}");
        let json = serde_json::to_string(&"gpu".parse::<Condition>().unwrap()).unwrap();
        assert_eq!(json, r#"{"key":"gpu","is":"present"}"#);
        assert!(serde_json::from_str::<Condition>(r#"{"key":"a","is":"in","x":1}"#).is_err());
    }
}
