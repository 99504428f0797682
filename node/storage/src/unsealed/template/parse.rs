//! Parser and evaluator of templates.

use super::lex::{Placed, Token};
use super::{Fields, Problem, RenderFault};

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// Literal text.
    Text(String),
    /// Something that depends on the input.
    Value(Expr),
}

/// An expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expr {
    Literal(String),
    Cid,
    PieceCid,
    PieceCidV1,
    Number,
    Name,
    Path,
    Metadata(String),
    Lower(Box<Self>),
    Upper(Box<Self>),
    UrlQuery(Box<Self>),
    Slice(Box<Self>, usize, Option<usize>),
    /// Texts one after the other: `print`, and `printf` taken apart.
    Joined(Vec<Self>),
}

/// An operand of a function.
#[derive(Clone, Debug)]
enum Operand {
    Expr(Expr),
    Number(usize),
    Metadata,
}

type Argument = (usize, Operand);

/// Maximum nesting depth of `(` and `|` in one `{{ }}`, which bounds recursion.
const MAX_NESTED: usize = 32;

/// Makes sense of words.
pub(super) fn parse(tokens: &[Placed]) -> Result<Vec<Segment>, Problem> {
    check_nesting(tokens)?;
    let mut pieces = Vec::new();
    let mut rest = tokens;
    while let Some(((at, token), after)) = rest.split_first() {
        rest = after;
        if let Token::Text(text) = token {
            pieces.push(Segment::Text(text.clone()));
            continue;
        }
        let value = pipeline(*at, &mut rest)?;
        expect_end(&mut rest)?;
        pieces.push(Segment::Value(value));
    }
    Ok(pieces)
}

fn check_nesting(tokens: &[Placed]) -> Result<(), Problem> {
    let mut nested = 0;
    for (at, token) in tokens {
        match token {
            Token::Open => nested = 0,
            Token::Left | Token::Pipe => nested += 1,
            _ => {}
        }
        if nested > MAX_NESTED {
            return Err(Problem::new(*at, format!("there are more than {MAX_NESTED} ( and | before this")));
        }
    }
    Ok(())
}

/// Up to `}}` or `)`, which is left where it is. `open` is where it was opened.
fn pipeline(open: usize, rest: &mut &[Placed]) -> Result<Expr, Problem> {
    let mut value: Option<Argument> = None;
    loop {
        value = Some(command(open, rest, value)?);
        match rest.first() {
            Some((_, Token::Pipe)) => *rest = &rest[1..],
            _ => break,
        }
    }
    match value {
        Some((_, Operand::Expr(expr))) => Ok(expr),
        Some((at, Operand::Metadata)) => Err(Problem::new(at, ".Metadata has no text: write index .Metadata \"key\"")),
        Some((at, Operand::Number(_))) => Err(Problem::new(at, "a number is not a text")),
        None => Err(Problem::new(open, "a value is missing")),
    }
}

/// One command of a pipeline, with the value of the one before as its last argument.
fn command(open: usize, rest: &mut &[Placed], piped: Option<Argument>) -> Result<Argument, Problem> {
    let Some((at, first)) = rest.first() else { return Err(Problem::new(open, "this {{ is not closed")) };
    if let Token::Word(name) = first {
        *rest = &rest[1..];
        let mut arguments = Vec::new();
        while let Some(argument) = operand(rest)? {
            arguments.push(argument);
        }
        arguments.extend(piped);
        return call(*at, name, &arguments).map(|expr| (*at, Operand::Expr(expr)));
    }
    let Some(value) = operand(rest)? else {
        return Err(Problem::new(*at, "a value is missing between {{ and }}, or after a |"));
    };
    if piped.is_some() {
        return Err(Problem::new(*at, "a field takes no value: write a function after |"));
    }
    match rest.first() {
        None | Some((_, Token::Pipe | Token::Close | Token::Right)) => Ok(value),
        Some((at, _)) => Err(Problem::new(*at, "unexpected argument of a field")),
    }
}

fn operand(rest: &mut &[Placed]) -> Result<Option<Argument>, Problem> {
    let Some((at, token)) = rest.first() else { return Ok(None) };
    let operand = match token {
        Token::Literal(text) => Operand::Expr(Expr::Literal(text.clone())),
        Token::Number(number) => Operand::Number(*number),
        Token::Field(name) => match name.as_str() {
            "Cid" | "CID" => Operand::Expr(Expr::Cid),
            "PieceCid" => Operand::Expr(Expr::PieceCid),
            "PieceCidV1" => Operand::Expr(Expr::PieceCidV1),
            "Number" => Operand::Expr(Expr::Number),
            "Name" => Operand::Expr(Expr::Name),
            "Path" => Operand::Expr(Expr::Path),
            "Metadata" => match rest.get(1) {
                Some((next, Token::Field(key))) if *next == at + ".Metadata".len() => {
                    *rest = &rest[1..];
                    Operand::Expr(Expr::Metadata(key.clone()))
                }
                _ => Operand::Metadata,
            },
            other => {
                let why = format!(
                    "unknown field .{other}: write .Cid, .PieceCid, .PieceCidV1, .Number, .Name, .Path or index .Metadata \"key\""
                );
                return Err(Problem::new(*at, why));
            }
        },
        Token::Left => {
            *rest = &rest[1..];
            let value = pipeline(*at, rest)?;
            return match rest.first() {
                Some((_, Token::Right)) => {
                    *rest = &rest[1..];
                    Ok(Some((*at, Operand::Expr(value))))
                }
                _ => Err(Problem::new(*at, "this ( is not closed")),
            };
        }
        Token::Word(name) => return Err(Problem::new(*at, format!("put {name} and its arguments into ( )"))),
        Token::Text(_) | Token::Open | Token::Close | Token::Pipe | Token::Right => return Ok(None),
    };
    *rest = &rest[1..];
    Ok(Some((*at, operand)))
}

fn expect_end(rest: &mut &[Placed]) -> Result<(), Problem> {
    match rest.split_first() {
        Some(((_, Token::Close), after)) => {
            *rest = after;
            Ok(())
        }
        Some(((at, Token::Right), _)) => Err(Problem::new(*at, "this ) is not opened")),
        Some(((at, _), _)) => Err(Problem::new(*at, "unexpected argument")),
        None => Err(Problem::new(0, "the template ends too soon")),
    }
}

fn call(at: usize, name: &str, arguments: &[Argument]) -> Result<Expr, Problem> {
    match (name, arguments) {
        ("index", [(_, Operand::Metadata), (_, Operand::Expr(Expr::Literal(key)))]) => Ok(Expr::Metadata(key.clone())),
        ("index", [(at, Operand::Expr(_)), _]) => Err(Problem::new(*at, "only .Metadata can be indexed")),
        ("index", _) => Err(Problem::new(at, "write index .Metadata \"key\"")),
        ("lower", [(_, Operand::Expr(value))]) => Ok(Expr::Lower(Box::new(value.clone()))),
        ("upper", [(_, Operand::Expr(value))]) => Ok(Expr::Upper(Box::new(value.clone()))),
        ("urlquery", [(_, Operand::Expr(value))]) => Ok(Expr::UrlQuery(Box::new(value.clone()))),
        ("lower" | "upper" | "urlquery", _) => Err(Problem::new(at, format!("{name} takes one text"))),
        ("slice", [(_, Operand::Expr(value)), (_, Operand::Number(from))]) => {
            Ok(Expr::Slice(Box::new(value.clone()), *from, None))
        }
        ("slice", [(_, Operand::Expr(value)), (_, Operand::Number(from)), (_, Operand::Number(to))]) => {
            Ok(Expr::Slice(Box::new(value.clone()), *from, Some(*to)))
        }
        ("slice", _) => Err(Problem::new(at, "write slice TEXT FROM TO, as in slice .Cid 0 4")),
        ("print", values) => values.iter().map(text).collect::<Result<_, _>>().map(Expr::Joined),
        ("printf", [(at, Operand::Expr(Expr::Literal(format))), values @ ..]) => printf(*at, format, values),
        ("printf", _) => Err(Problem::new(at, "printf begins with a format, as in printf \"%s.car\" .Cid")),
        (other, _) => {
            let known = "index, lower, upper, slice, print, printf and urlquery are";
            Err(Problem::new(at, format!("unknown function `{other}`; {known}")))
        }
    }
}

fn text((at, operand): &Argument) -> Result<Expr, Problem> {
    match operand {
        Operand::Expr(expr) => Ok(expr.clone()),
        Operand::Number(number) => Ok(Expr::Literal(number.to_string())),
        Operand::Metadata => Err(Problem::new(*at, ".Metadata has no text: write index .Metadata \"key\"")),
    }
}

/// `%s` and `%v` with a text each, `%%` for a `%`.
fn printf(at: usize, format: &str, values: &[Argument]) -> Result<Expr, Problem> {
    let mut parts = Vec::new();
    let mut values = values.iter();
    let too_few = || Problem::new(at, "the number of arguments differs from that of %s in the format");
    let mut plain = String::new();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        match c {
            '%' => match chars.next() {
                Some('%') => plain.push('%'),
                Some('s' | 'v') => {
                    parts.push(Expr::Literal(std::mem::take(&mut plain)));
                    parts.push(text(values.next().ok_or_else(too_few)?)?);
                }
                verb => {
                    let verb = verb.map_or_else(String::new, String::from);
                    return Err(Problem::new(at, format!("unknown verb %{verb}: write %s, %v or %%")));
                }
            },
            c => plain.push(c),
        }
    }
    parts.push(Expr::Literal(plain));
    if values.next().is_some() { Err(too_few()) } else { Ok(Expr::Joined(parts)) }
}

impl Segment {
    /// The text of this part.
    pub(super) fn render(&self, fields: &Fields) -> Result<String, RenderFault> {
        match self {
            Self::Text(text) => Ok(text.clone()),
            Self::Value(value) => value.render(fields),
        }
    }
}

impl Segment {
    /// Whether this part depends on the number of a piece.
    pub(super) fn uses_number(&self) -> bool {
        matches!(self, Self::Value(value) if value.uses_number())
    }
}

impl Expr {
    fn uses_number(&self) -> bool {
        match self {
            Self::Number => true,
            Self::Lower(value) | Self::Upper(value) | Self::UrlQuery(value) | Self::Slice(value, ..) => {
                value.uses_number()
            }
            Self::Joined(parts) => parts.iter().any(Self::uses_number),
            Self::Literal(_)
            | Self::Cid
            | Self::PieceCid
            | Self::PieceCidV1
            | Self::Name
            | Self::Path
            | Self::Metadata(_) => false,
        }
    }

    fn render(&self, fields: &Fields) -> Result<String, RenderFault> {
        let present = |name: &str, value: &str| {
            if value.is_empty() { Err(RenderFault::Empty(name.into())) } else { Ok(value.to_owned()) }
        };
        match self {
            Self::Literal(text) => Ok(text.clone()),
            Self::Cid => present(".Cid", &fields.cid),
            Self::PieceCid => present(".PieceCid", &fields.piece_cid),
            Self::PieceCidV1 => present(".PieceCidV1", &fields.piece_cid_v1),
            Self::Number => present(".Number", &fields.number),
            Self::Name => present(".Name", &fields.name),
            Self::Path => present(".Path", &fields.path),
            Self::Metadata(key) => {
                let value = fields.metadata.get(key).map_or("", String::as_str);
                present(&format!("the metadata {key:?}"), value)
            }
            Self::Lower(value) => Ok(value.render(fields)?.to_lowercase()),
            Self::Upper(value) => Ok(value.render(fields)?.to_uppercase()),
            Self::UrlQuery(value) => Ok(percent_encode(&value.render(fields)?)),
            Self::Slice(value, from, to) => {
                let text = value.render(fields)?;
                let part = text.get(*from..to.unwrap_or(text.len()));
                part.map(str::to_owned).ok_or_else(|| RenderFault::Slice(text.clone()))
            }
            Self::Joined(parts) => parts.iter().map(|part| part.render(fields)).collect(),
        }
    }
}

/// As Go's `urlquery`: all but letters, digits and `-_.~` in percent form, a space as `+`.
fn percent_encode(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        b' ' => "+".into(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(encode).collect()
}
