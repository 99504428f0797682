//! Suggestions for misspelt names.

/// The second element of the pair whose first is most similar to `name`: at most a third of the letters differ, or only
/// the section does. `None` when no name is similar.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = (&'a str, &'a str)>) -> Option<&'a str> {
    let own = name.rsplit('.').next().unwrap_or(name);
    let near = known.map(|(text, meant)| (distance(name, text).min(distance(own, text)), text.len(), meant));
    let (letters, length, meant) = near.min_by_key(|(letters, ..)| *letters)?;
    (letters * 3 <= length).then_some(meant)
}

/// Damerau-Levenshtein distance of `a` and `b`.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: [Vec<usize>; 3] = [vec![0; b.len() + 1], vec![0; b.len() + 1], (0..=b.len()).collect()];
    for i in 1..=a.len() {
        rows.rotate_left(1);
        rows[2][0] = i;
        for j in 1..=b.len() {
            let changed = rows[1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = changed.min(rows[1][j] + 1).min(rows[2][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[0][j - 2] + 1);
            }
            rows[2][j] = least;
        }
    }
    rows[2][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_near_and_other_words_are_not() {
        for (a, b, letters) in [("abc", "abc", 0), ("abc", "acb", 1), ("abc", "ac", 1), ("", "abc", 3), ("ab", "ba", 1)]
        {
            assert_eq!(distance(a, b), letters, "{a} {b}");
        }
        let known = || [("compute.locality", "compute.locality"), ("locality", "compute.locality")].into_iter();
        assert_eq!(nearest("compute.localtiy", known()), Some("compute.locality"));
        assert_eq!(nearest("storage.locality", known()), Some("compute.locality"));
        assert_eq!(nearest("colour", known()), None);
    }
}
