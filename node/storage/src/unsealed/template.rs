//! The path template of unsealed copies: the subset of Go's `text/template` that names paths. It renders text; `place`
//! checks the path.
//!
//! Supported: `{{.Cid}}` `{{.CID}}` `{{.PieceCid}}` `{{.PieceCidV1}}` `{{.Number}}` `{{.Name}}` `{{.Path}}` `{{index .Metadata "k"}}` `{{.Metadata.k}}`, string
//! literals,
//! `{{- -}}` trimming, comments, and pipelines of `lower`, `upper`, `printf`, `print`, `slice`, `urlquery`. Everything
//! else is rejected, with the column.

mod lex;
mod parse;

use std::collections::BTreeMap;
use std::fmt;

use parse::Segment;

/// The fields of a template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// The CID in its canonical text.
    pub cid: String,
    /// The piece CID of version 2, of a piece.
    pub piece_cid: String,
    /// The piece CID of version 1, of a piece.
    pub piece_cid_v1: String,
    /// The number of a piece, such as that of its sector.
    pub number: String,
    /// Name of the input, where it has one.
    pub name: String,
    /// Where the guest sees the input.
    pub path: String,
    /// Metadata of the job.
    pub metadata: BTreeMap<String, String>,
}

/// A template that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    text: String,
    pieces: Vec<Segment>,
}

/// Why a text is not a valid template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("template {text:?}, column {column}: {why}")]
pub struct TemplateError {
    text: String,
    /// Counted in characters from 1.
    pub column: usize,
    why: String,
}

/// Why a template makes no text of an input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("template {text:?} cannot be filled in: {why}")]
pub struct RenderError {
    text: String,
    why: RenderFault,
}

/// A part of a template that makes no text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum RenderFault {
    /// The field has no value.
    #[error("{0} is empty")]
    Empty(String),
    /// The bounds of a slice are beyond this text.
    #[error("slice exceeds the length of {0:?}")]
    Slice(String),
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// The problem and its column.
    ///
    /// ```
    /// use bacalhau_storage::{Fields, Template};
    ///
    /// let template = Template::parse("/var/lib/data/{{.Cid}}").unwrap();
    /// let fields = Fields { cid: "bafkqaaa".into(), ..Fields::default() };
    /// assert_eq!(template.render(&fields).unwrap(), "/var/lib/data/bafkqaaa");
    /// assert_eq!(Template::parse("/data/{{.Sid}}").unwrap_err().column, 9);
    /// ```
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let pieces = lex::lex(text).and_then(|tokens| parse::parse(&tokens)).map_err(|problem| TemplateError {
            text: text.into(),
            column: text[..problem.at].chars().count() + 1,
            why: problem.why,
        })?;
        Ok(Self { text: text.into(), pieces })
    }

    /// Renders the text for one input.
    ///
    /// # Errors
    /// When a function does not accept its arguments, or a used field has no value, because the path would be wrong.
    pub fn render(&self, fields: &Fields) -> Result<String, RenderError> {
        let render = |piece: &Segment| piece.render(fields);
        self.pieces
            .iter()
            .map(render)
            .collect::<Result<String, _>>()
            .map_err(|why| RenderError { text: self.text.clone(), why })
    }

    /// Whether the text depends on the number of a piece.
    pub fn uses_number(&self) -> bool {
        self.pieces.iter().any(Segment::uses_number)
    }

    /// The text before the first thing that depends on the input.
    pub fn fixed_part(&self) -> &str {
        match self.pieces.first() {
            Some(Segment::Text(text)) => text,
            _ => "",
        }
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The problem and its byte offset.
#[derive(Debug)]
struct Problem {
    at: usize,
    why: String,
}

impl Problem {
    fn new(at: usize, why: impl Into<String>) -> Self {
        Self { at, why: why.into() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fields() -> Fields {
        Fields {
            cid: "bafyCID".into(),
            piece_cid: "bafkPIECE".into(),
            piece_cid_v1: "bagaPIECE".into(),
            number: "42".into(),
            name: "photos".into(),
            path: "/inputs".into(),
            metadata: BTreeMap::from([("piece".into(), "baga".into()), ("odd key".into(), "x".into())]),
        }
    }

    #[test]
    fn what_people_write() {
        let table = [
            ("/var/lib/data/{{.Cid}}", "/var/lib/data/bafyCID"),
            ("/var/lib/data/{{ .CID }}.car", "/var/lib/data/bafyCID.car"),
            ("/d/{{.PieceCid}}/{{.PieceCidV1}}", "/d/bafkPIECE/bagaPIECE"),
            ("/d/s-t01000-{{.Number}}", "/d/s-t01000-42"),
            ("/d/{{.Name}}-{{.Cid}}", "/d/photos-bafyCID"),
            ("/d{{.Path}}/x", "/d/inputs/x"),
            ("/d/{{index .Metadata \"piece\"}}.car", "/d/baga.car"),
            ("/d/{{index .Metadata `odd key`}}", "/d/x"),
            ("/d/{{.Metadata.piece}}", "/d/baga"),
            ("/d/{{.Cid | upper}}", "/d/BAFYCID"),
            ("/d/{{lower .Cid}}", "/d/bafycid"),
            ("/d/{{slice .Cid 0 4}}/{{.Cid}}", "/d/bafy/bafyCID"),
            ("/d/{{.Cid | printf \"%s.%s\" .Name}}", "/d/photos.bafyCID"),
            ("/d/{{printf \"a%%b-%v\" .Cid}}", "/d/a%b-bafyCID"),
            ("/d/{{print .Name (index .Metadata \"piece\")}}", "/d/photosbaga"),
            ("/d/ {{- /* no spaces */ -}} /x", "/d//x"),
            ("/d/{{/* a note */}}x", "/d/x"),
            ("/d/ {{- .Cid -}} /x", "/d/bafyCID/x"),
            ("/d/{{\"a\\tb\\\"\"}}", "/d/a\tb\""),
            ("/ünï/{{.Cid}}", "/ünï/bafyCID"),
            ("/d/a}}b", "/d/a}}b"),
        ];
        for (text, expected) in table {
            assert_eq!(Template::parse(text).unwrap().render(&fields()).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_template_is_said_with_the_column() {
        let table = [
            ("/d/{{.Cid", 4, "is not closed"),
            ("/ünï/{{.Sid}}", 8, "unknown field .Sid"),
            ("/d/{{}}", 6, "a value is missing between"),
            ("/d/{{if .Cid}}x{{end}}", 6, "unknown function `if`"),
            ("/d/{{.Cid | nope}}", 13, "unknown function `nope`"),
            ("/d/{{.Cid | .Name}}", 13, "a field takes no value"),
            ("/d/{{index .Metadata}}", 6, "index"),
            ("/d/{{index .Cid \"k\"}}", 12, ".Metadata"),
            ("/d/{{\"open}}", 6, "is not closed"),
            ("/d/{{.Cid .Name}}", 11, "unexpected argument"),
            ("/d/{{$x := .Cid}}", 6, "'$'"),
            ("/d/{{.Metadata}}", 6, "has no text"),
            ("/d/{{(.Cid}}", 6, "is not closed"),
            ("/d/{{.Cid)}}", 10, "is not opened"),
            ("/d/{{.Cid | }}", 13, "a value is missing"),
            ("/d/{{printf \"%d\" .Cid}}", 13, "%d"),
            ("/d/{{printf \"%s\"}}", 13, "number of arguments"),
            ("/d/{{/* a note}}", 6, "comment"),
            ("/d/{{slice .Cid \"a\"}}", 6, "slice"),
            ("/d/{{.}}", 6, "field"),
        ];
        for (text, column, why) in table {
            let error = Template::parse(text).unwrap_err();
            assert_eq!(error.column, column, "{error}");
            assert!(error.to_string().contains(why), "{error}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| format!("/d/{{{{{}.Cid{}}}}}", "(".repeat(depth), ")".repeat(depth));
        let piped = |steps: usize| format!("/d/{{{{.Cid{}}}}}", " | lower".repeat(steps));
        for text in [nested(32), piped(32)] {
            Template::parse(&text).unwrap().render(&fields()).expect(&text);
        }
        for text in [nested(33), piped(33), nested(1_000_000), "/d/{{".to_owned() + &"(".repeat(1_000_000)] {
            assert!(Template::parse(&text).unwrap_err().why.contains("more than 32") || !text.contains("}}"));
        }
    }

    #[test]
    fn a_hole_in_a_path_is_an_error() {
        let render = |text| Template::parse(text).unwrap().render(&Fields::default()).unwrap_err().to_string();
        assert!(render("/d/{{.Cid}}").contains(".Cid is empty"));
        assert!(render("/d/{{.PieceCid}}").contains(".PieceCid is empty"));
        assert!(render("/d/{{index .Metadata \"piece\"}}").contains("\"piece\""));
        assert!(render("/d/{{slice \"abc\" 2 9}}").contains("slice"));
    }

    #[test]
    fn a_number_is_found_wherever_it_stands() {
        for text in
            ["/d/{{.Number}}", "/d/{{.Cid}}/{{printf \"s-t01000-%s\" .Number}}", "/d/{{.Number | upper | lower}}"]
        {
            assert!(Template::parse(text).unwrap().uses_number(), "{text}");
        }
        assert!(!Template::parse("/d/Number{{slice .Cid 0 4}}").unwrap().uses_number());
    }

    #[test]
    fn the_fixed_part_ends_where_the_input_begins() {
        let fixed = |text| Template::parse(text).unwrap().fixed_part().to_owned();
        assert_eq!(fixed("/var/lib/data/{{.Cid}}/x"), "/var/lib/data/");
        assert_eq!(fixed("{{.Cid}}"), "");
        assert_eq!(fixed("/d/{{/* note */}}x/{{.Cid}}"), "/d/x/");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[ -~ü]{0,12}(\\{\\{[ -~ü]{0,24}\\}\\}){0,3}") {
            if let Ok(template) = Template::parse(&text) {
                let _ = template.render(&fields());
            }
        }
    }
}
