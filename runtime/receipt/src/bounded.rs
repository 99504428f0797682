//! Bounded deserialization of lists and maps from outside. An element costs memory beside its bytes, so a byte limit
//! alone does not bound allocation.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Maximum elements reserved before they are read.
const MOST_PROMISED: usize = 64;

/// Reads a list of at most `MOST` elements, for `deserialize_with`.
///
/// # Errors
/// At the first element above the limit.
pub fn list<'de, D, T, const MOST: usize>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    deserializer.deserialize_seq(List::<T, MOST>(PhantomData))
}

/// Reads a map of at most `MOST` entries, for `deserialize_with`.
///
/// # Errors
/// As for [`list`].
pub fn map<'de, D, T, const MOST: usize>(deserializer: D) -> Result<BTreeMap<String, T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    deserializer.deserialize_map(Map::<T, MOST>(PhantomData))
}

struct List<T, const MOST: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for List<T, MOST> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {MOST} elements")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Vec<T>, A::Error> {
        let mut list = Vec::with_capacity(elements.size_hint().unwrap_or(0).min(MOST_PROMISED));
        while let Some(element) = elements.next_element()? {
            if list.len() == MOST {
                return Err(A::Error::custom(format!("a list has more than {MOST} elements")));
            }
            list.push(element);
        }
        Ok(list)
    }
}

struct Map<T, const MOST: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for Map<T, MOST> {
    type Value = BTreeMap<String, T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a map of at most {MOST} names")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<BTreeMap<String, T>, A::Error> {
        let mut map = BTreeMap::new();
        while let Some((name, value)) = entries.next_entry()? {
            if map.len() == MOST {
                return Err(A::Error::custom(format!("a map has more than {MOST} names")));
            }
            map.insert(name, value);
        }
        Ok(map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    struct Bounded {
        #[serde(default, deserialize_with = "list::<_, _, 3>")]
        list: Vec<String>,
        #[serde(default, deserialize_with = "map::<_, _, 2>")]
        map: BTreeMap<String, String>,
    }

    #[test]
    fn the_first_element_too_many_ends_the_reading() {
        let read = |text: &str| serde_json::from_str::<Bounded>(text).map(|read| (read.list.len(), read.map.len()));
        assert_eq!(read("{}").unwrap(), (0, 0));
        assert_eq!(read(r#"{"list": ["", "", ""], "map": {"a": "", "b": ""}}"#).unwrap(), (3, 2));
        let error = read(r#"{"list": ["", "", "", "", "#).unwrap_err().to_string();
        assert!(error.contains("more than 3 elements"), "{error}");
        let error = read(r#"{"map": {"a": "", "b": "", "c": "", "#).unwrap_err().to_string();
        assert!(error.contains("more than 2 names"), "{error}");
    }
}
