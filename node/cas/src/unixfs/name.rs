//! Names in directories. A directory with a name that could mean another place than its own is refused as a whole: no
//! two readers may see two trees under one CID.

/// `name` as text, if it is valid in a directory. Hosts and guests may have further restrictions.
pub(super) fn check(name: &[u8]) -> Result<&str, &'static str> {
    let name = std::str::from_utf8(name).map_err(|_| "it is not UTF-8")?;
    match name {
        "" => Err("it is empty"),
        "." | ".." => Err("it refers to another directory"),
        _ if name.contains('/') => Err("it has a slash in it"),
        _ if name.contains('\0') => Err("it has a NUL in it"),
        _ => Ok(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_mean_other_places_are_refused() {
        let table: [(&[u8], &str); 7] = [
            (b"", "empty"),
            (b".", "another directory"),
            (b"..", "another directory"),
            (b"a/b", "slash"),
            (b"/", "slash"),
            (b"a\0", "NUL"),
            (b"\xff", "UTF-8"),
        ];
        for (name, why) in table {
            assert!(check(name).unwrap_err().contains(why), "{name:?}");
        }
        for good in ["a", "...", ".a", " ", "ü", "a\\b", "a\nb"] {
            assert_eq!(check(good.as_bytes()), Ok(good));
        }
    }
}
