//! The words of a template, each with the byte where it begins.

use super::Problem;

/// A token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// Text outside of `{{ }}`, never empty.
    Text(String),
    /// The opening `{{`.
    Open,
    /// The closing `}}`.
    Close,
    /// `.Name`, or `.Metadata.key` as two of them.
    Field(String),
    /// A string literal.
    Literal(String),
    /// A number.
    Number(usize),
    /// A function, or a keyword that is refused later.
    Word(String),
    /// The pipe `|`.
    Pipe,
    /// The parenthesis `(`.
    Left,
    /// The parenthesis `)`.
    Right,
}

/// A word and where it begins.
pub(super) type Placed = (usize, Token);

/// Takes a template apart.
pub(super) fn lex(text: &str) -> Result<Vec<Placed>, Problem> {
    let mut tokens = Vec::new();
    let mut at = 0;
    let mut trim = false;
    while let Some(open) = text[at..].find("{{").map(|open| at + open) {
        let after = open + 2;
        let trims_left = text[after..].starts_with("- ");
        let plain = &text[at..open];
        push_text(&mut tokens, at, if trims_left { plain.trim_end() } else { plain }, trim);
        let inner = after + usize::from(trims_left);
        (at, trim) = action(text, open, inner, &mut tokens)?;
    }
    push_text(&mut tokens, at, &text[at..], trim);
    Ok(tokens)
}

fn push_text(tokens: &mut Vec<Placed>, at: usize, text: &str, trim: bool) {
    let text = if trim { text.trim_start() } else { text };
    // A comment between two texts leaves one text.
    match tokens.last_mut() {
        Some((_, Token::Text(before))) => before.push_str(text),
        _ if text.is_empty() => {}
        _ => tokens.push((at, Token::Text(text.into()))),
    }
}

/// Reads one `{{ }}` that begins at `open`, from `at` on. Returns its end, and whether the following text is trimmed.
fn action(text: &str, open: usize, mut at: usize, tokens: &mut Vec<Placed>) -> Result<(usize, bool), Problem> {
    let unclosed = || Problem::new(open, "this {{ is not closed by }}");
    let rest = text[at..].trim_start();
    if rest.starts_with("/*") {
        return comment(text, text.len() - rest.len());
    }
    tokens.push((open, Token::Open));
    loop {
        let rest = text[at..].trim_start();
        let spaced = rest.len() < text.len() - at;
        at = text.len() - rest.len();
        let first = rest.chars().next().ok_or_else(unclosed)?;
        let (token, length) = match first {
            '}' if rest.starts_with("}}") => {
                tokens.push((at, Token::Close));
                return Ok((at + 2, false));
            }
            '-' if spaced && rest.starts_with("-}}") => {
                tokens.push((at, Token::Close));
                return Ok((at + 3, true));
            }
            '|' => (Token::Pipe, 1),
            '(' => (Token::Left, 1),
            ')' => (Token::Right, 1),
            '"' => quoted(rest, at)?,
            '`' => {
                let end = rest[1..].find('`').ok_or_else(|| Problem::new(at, "this literal is not closed"))?;
                (Token::Literal(rest[1..=end].into()), end + 2)
            }
            '.' => {
                let name = word(&rest[1..]);
                if name.is_empty() {
                    return Err(Problem::new(at, "write a field, as in .Cid"));
                }
                (Token::Field(name.into()), 1 + name.len())
            }
            c if c.is_ascii_digit() => {
                let digits = word(rest);
                let number = digits.parse().map_err(|_| Problem::new(at, format!("{digits} is not a number")))?;
                (Token::Number(number), digits.len())
            }
            c if c.is_alphabetic() || c == '_' => (Token::Word(word(rest).into()), word(rest).len()),
            c => return Err(Problem::new(at, format!("{c:?} has no meaning here"))),
        };
        tokens.push((at, token));
        at += length;
    }
}

fn comment(text: &str, at: usize) -> Result<(usize, bool), Problem> {
    let problem = || Problem::new(at, "a comment ends in */}} or */ -}}");
    let end = at + text[at..].find("*/").ok_or_else(problem)? + 2;
    let rest = &text[end..];
    if rest.starts_with("}}") {
        Ok((end + 2, false))
    } else if rest.starts_with(" -}}") {
        Ok((end + 4, true))
    } else {
        Err(problem())
    }
}

fn quoted(rest: &str, at: usize) -> Result<(Token, usize), Problem> {
    let mut literal = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((index, c)) = chars.next() {
        match c {
            '"' => return Ok((Token::Literal(literal), index + 1)),
            '\\' => match chars.next() {
                Some((_, 'n')) => literal.push('\n'),
                Some((_, 't')) => literal.push('\t'),
                Some((_, c @ ('\\' | '"'))) => literal.push(c),
                _ => return Err(Problem::new(at + index, "write \\\\, \\\", \\n or \\t")),
            },
            c => literal.push(c),
        }
    }
    Err(Problem::new(at, "this literal is not closed"))
}

fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}
