//! Fields of CSV output (RFC 4180). It does not read CSV: `csv-report` does, with the `csv` crate.

use std::borrow::Cow;

/// The field as CSV holds it: quoted only when it must be.
pub fn csv_field(field: &str) -> Cow<'_, str> {
    if field.contains(['"', ',', '\n', '\r']) {
        Cow::Owned(format!("\"{}\"", field.replace('"', "\"\"")))
    } else {
        Cow::Borrowed(field)
    }
}

#[cfg(test)]
mod tests {
    use super::csv_field;

    #[test]
    fn quotes_only_what_must_be_quoted() {
        assert_eq!(csv_field("plain name.txt"), "plain name.txt");
        assert_eq!(csv_field("a,b"), "\"a,b\"");
        assert_eq!(csv_field("say \"hi\""), "\"say \"\"hi\"\"\"");
    }
}
