//! Environment variables: the known names, and suggestions for misspelt ones.

use super::keys::KEYS;
use super::suggest::nearest;

/// Prefix of all variables.
pub const VARIABLE_PREFIX: &str = "BACALHAU_";

/// A variable with our prefix that has no effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownVariable {
    /// Its name.
    pub name: String,
    /// The most similar known name.
    pub meant: Option<String>,
}

/// The variables of `set` that have our prefix and no effect. `others` are known names in addition to those of the
/// keys.
pub fn unknown_variables(set: impl Iterator<Item = String>, others: &[String]) -> Vec<UnknownVariable> {
    let own = KEYS.iter().map(super::Key::env);
    let also = KEYS.iter().flat_map(|key| key.also.iter().map(ToString::to_string));
    let known: Vec<String> = own.chain(also).chain(others.iter().cloned()).collect();
    let known = || known.iter().filter_map(|name| Some((name.strip_prefix(VARIABLE_PREFIX)?, name.as_str())));
    let unknown = set.filter_map(|name| {
        let rest = name.strip_prefix(VARIABLE_PREFIX)?;
        let is_known = known().any(|(known, _)| known == rest);
        (!is_known).then(|| UnknownVariable { meant: nearest(rest, known()).map(str::to_owned), name: name.clone() })
    });
    let mut unknown: Vec<UnknownVariable> = unknown.collect();
    unknown.sort_by(|one, other| one.name.cmp(&other.name));
    unknown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found_and_what_is_read_is_not() {
        let set =
            ["HOME", "BACALHAU_API_HOST", "BACALHAU_SWARM_MDNS", "BACALHAU_OTHER", "BACALHAU_API_HOTS", "BACALHAU_X"];
        let unknown = unknown_variables(set.into_iter().map(str::to_owned), &["BACALHAU_OTHER".into()]);
        let told: Vec<_> = unknown.iter().map(|it| (it.name.as_str(), it.meant.as_deref())).collect();
        assert_eq!(told, [("BACALHAU_API_HOTS", Some("BACALHAU_API_HOST")), ("BACALHAU_X", None)]);
    }
}
