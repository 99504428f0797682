//! The entries of a directory.

use super::name;
use super::node_error::NodeError;
use crate::Cid;
use crate::dag_pb::Link;

/// Maximum entries of a directory: more than one block can hold; a HAMT of 100 MiB.
pub const MAX_DIR_ENTRIES: usize = 1_000_000;

/// Names and CIDs, in byte order of the names.
#[derive(Debug, Default)]
pub(super) struct Listing(Vec<(Box<str>, Cid)>);

impl Listing {
    /// The entries of a directory of one block.
    ///
    /// # Errors
    /// Names the entry that may not be in a directory.
    pub(super) fn of_links(links: &[Link]) -> Result<Self, NodeError> {
        let entries = links.iter().map(|link| Ok((checked(&link.name)?, link.cid)));
        Self::of_entries(entries.collect::<Result<_, NodeError>>()?)
    }

    /// The entries of a directory, in any order.
    ///
    /// # Errors
    /// When there are too many, or a name is there twice.
    pub(super) fn of_entries(mut entries: Vec<(Box<str>, Cid)>) -> Result<Self, NodeError> {
        if entries.len() > MAX_DIR_ENTRIES {
            return Err(NodeError::Entries(entries.len()));
        }
        if !entries.is_sorted_by(|(a, _), (b, _)| a <= b) {
            sort(&mut entries);
        }
        match entries.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            Some(pair) => Err(NodeError::Repeated(pair[0].0.clone())),
            None => Ok(Self(entries)),
        }
    }

    /// The CID of `name`.
    pub(super) fn find(&self, name: &str) -> Option<&Cid> {
        self.index_of(name).map(|index| &self.0[index].1)
    }

    /// Where `name` is among the entries.
    pub(super) fn index_of(&self, name: &str) -> Option<usize> {
        self.0.binary_search_by(|(entry, _)| (**entry).cmp(name)).ok()
    }

    /// All entries.
    pub(super) fn entries(&self) -> &[(Box<str>, Cid)] {
        &self.0
    }

    /// About how many bytes of memory it takes.
    pub(super) fn weight(&self) -> usize {
        self.0.iter().map(|(name, _)| name.len() + 16 + size_of::<(Box<str>, Cid)>()).sum()
    }
}

/// Sorts by name. Entries are large and their names lie elsewhere, so small keys are sorted first: the beginning of a name,
/// behind what all have in common, and the number of the entry.
fn sort(entries: &mut Vec<(Box<str>, Cid)>) {
    let Some((first, _)) = entries.first() else { return };
    let common = |name: &str| first.bytes().zip(name.bytes()).take_while(|(a, b)| a == b).count();
    let common = entries.iter().map(|(name, _)| common(name)).min().unwrap_or_default();
    let key = |name: &str| {
        let mut key = [0; 8];
        let rest = name.as_bytes()[common..].iter().take(key.len());
        key.iter_mut().zip(rest).for_each(|(key, byte)| *key = *byte);
        u64::from_be_bytes(key)
    };
    let mut order: Vec<(u64, usize)> =
        entries.iter().enumerate().map(|(index, (name, _))| (key(name), index)).collect();
    order.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| entries[a.1].0.cmp(&entries[b.1].0)));
    let mut unsorted: Vec<_> = std::mem::take(entries).into_iter().map(Some).collect();
    entries.extend(order.into_iter().filter_map(|(_, index)| unsorted[index].take()));
}

/// A valid name of a directory entry as text.
///
/// # Errors
/// The name and the reason.
pub(super) fn checked(name: &[u8]) -> Result<Box<str>, NodeError> {
    let shown = || String::from_utf8_lossy(&name[..name.len().min(255)]).into_owned();
    name::check(name).map(Into::into).map_err(|why| NodeError::Name { shown: shown(), why })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Block, Code};

    fn link(name: &'static [u8]) -> Link {
        Link { cid: *Block::of(Code::Raw, name).cid(), name: name.into(), total_size: 1 }
    }

    #[test]
    fn names_are_sorted_and_found() {
        let listing = Listing::of_links(&[&b"b"[..], b"\xc3\xbc", b"a"].map(link)).unwrap();
        let names: Vec<_> = listing.entries().iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["a", "b", "ü"]);
        assert_eq!(listing.find("b"), Some(&link(b"b").cid));
        assert_eq!(listing.find("c"), None);
    }

    #[test]
    fn what_may_not_be_in_a_directory_is_said() {
        let refused = |names: [&'static [u8]; 2]| Listing::of_links(&names.map(link)).unwrap_err().to_string();
        assert!(refused([b"a", b"a"]).contains(r#"the name "a" is in the directory twice"#));
        assert!(refused([b"a", b".."]).contains(r#"the name "..": it refers"#));
        assert!(refused([b"a", b"\xff"]).contains("not UTF-8"));
    }

    #[test]
    fn the_order_is_that_of_the_bytes_whatever_names_have_in_common() {
        for names in [
            &["dir-9", "dir-10", "dir-", "dir-100000000-b", "dir-100000000-a", "dir-100000000"][..],
            &["same-beginning-2", "same-beginning-1"],
            &["ü", "z", "a", "", "aa", "a\u{1}"],
        ] {
            let cid = link(b"a").cid;
            let listing = Listing::of_entries(names.iter().map(|name| ((*name).into(), cid)).collect()).unwrap();
            let mut sorted = names.to_vec();
            sorted.sort_unstable();
            assert_eq!(listing.entries().iter().map(|(name, _)| &**name).collect::<Vec<_>>(), sorted);
        }
    }

    #[test]
    fn too_many_entries_are_refused() {
        let cid = link(b"a").cid;
        let entries = (0..=MAX_DIR_ENTRIES).map(|number| (number.to_string().into(), cid)).collect();
        assert!(Listing::of_entries(entries).unwrap_err().to_string().contains("at most 1000000"));
    }
}
