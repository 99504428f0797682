//! Tokens that an API demands which leaves the machine: a file with one a line, and behind it `read` where it may only look.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue, Method};
use bacalhau_runtime::HostFailure;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::TOKEN_HEADER;
use super::error::{ApiError, ErrorCode};

/// Bytes of a file.
const MAX_FILE_BYTES: u64 = 1 << 20;
/// Characters of a token: what can be guessed is none.
const MIN_LENGTH: usize = 16;

/// The tokens of an API. Without any, it demands none.
#[derive(Clone, Default)]
pub struct Tokens(Vec<Token>);

#[derive(Clone)]
struct Token {
    digest: [u8; 32],
    /// Whether it does more than look.
    submits: bool,
}

impl Tokens {
    /// Those in the file at `path`.
    ///
    /// # Errors
    /// When it cannot be read, other users can read it, or a line is no token. The error does not repeat it.
    pub fn from_file(path: &Path) -> Result<Self, HostFailure> {
        let failed = |error| HostFailure::at("read the tokens in", path, error);
        let wrong = |why: String| HostFailure::new(format!("{}: {why}", path.display()));
        let file = File::open(path).map_err(failed)?;
        let mode = file.metadata().map_err(failed)?.mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(wrong(format!("other users may read the tokens in it (mode {mode:o}): chmod 600")));
        }
        let mut text = Zeroizing::new(String::new());
        file.take(MAX_FILE_BYTES).read_to_string(&mut text).map_err(failed)?;
        Self::parse(&text).map_err(wrong)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut tokens = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let mut words = line.split_whitespace();
            let Some(token) = words.next().filter(|word| !word.starts_with('#')) else { continue };
            let submits = match (words.next(), words.next()) {
                (None, None) => true,
                (Some("read"), None) => false,
                _ => return Err(format!("line {number}: write TOKEN, or TOKEN read")),
            };
            if token.len() < MIN_LENGTH || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(format!("line {number}: a token has at least {MIN_LENGTH} visible ASCII characters"));
            }
            tokens.push(Token { digest: Sha256::digest(token).into(), submits });
        }
        if tokens.is_empty() { Err("there is no token".into()) } else { Ok(Self(tokens)) }
    }

    /// Whether none is demanded.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Checks that a request has a token that may do it.
    pub(super) fn check(&self, method: &Method, headers: &HeaderMap) -> Result<(), ApiError> {
        if self.is_empty() {
            return Ok(());
        }
        let bearer = || headers.get(AUTHORIZATION)?.as_bytes().strip_prefix(b"Bearer ");
        let given = headers.get(TOKEN_HEADER).map(HeaderValue::as_bytes).or_else(bearer);
        let submits = given.and_then(|token| self.find(token)).ok_or_else(|| {
            ApiError::new(ErrorCode::NoToken, "this API needs a token").hint(
                "set BACALHAU_API_TOKEN, or client.api_token_file, or send the header authorization: Bearer TOKEN",
            )
        })?;
        if submits || matches!(*method, Method::GET | Method::HEAD) {
            return Ok(());
        }
        Err(ApiError::new(ErrorCode::ReadOnly, "this token may only read"))
    }

    /// Whether `token` is one, and submits. All are compared, by their hashes and to the end, so that time tells nothing.
    fn find(&self, token: &[u8]) -> Option<bool> {
        let digest: [u8; 32] = Sha256::digest(token).into();
        self.0.iter().fold(None, |found, known| {
            let differs = known.digest.iter().zip(digest).fold(0, |differs, (one, other)| differs | (one ^ other));
            if differs == 0 { Some(known.submits) } else { found }
        })
    }
}

/// Never shows them.
impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} tokens", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBMITS: &str = "0123456789abcdef";
    const READS: &str = "fedcba9876543210";

    #[test]
    fn a_token_may_submit_or_read_and_another_may_nothing() {
        let tokens = Tokens::parse(&format!("# of the team\n{SUBMITS}\n\n  {READS} read\n")).unwrap();
        let check = |method: Method, name: &'static str, token: &str| {
            let headers = [(name.parse().unwrap(), token.parse().unwrap())].into_iter().collect();
            tokens.check(&method, &headers).map_err(|error| error.code())
        };
        for (method, name, token, expected) in [
            (Method::POST, TOKEN_HEADER, SUBMITS.to_owned(), Ok(())),
            (Method::POST, "authorization", format!("Bearer {SUBMITS}"), Ok(())),
            (Method::GET, TOKEN_HEADER, READS.to_owned(), Ok(())),
            (Method::POST, TOKEN_HEADER, READS.to_owned(), Err(ErrorCode::ReadOnly)),
            (Method::DELETE, TOKEN_HEADER, READS.to_owned(), Err(ErrorCode::ReadOnly)),
            (Method::GET, TOKEN_HEADER, format!("{SUBMITS}0"), Err(ErrorCode::NoToken)),
            (Method::GET, "authorization", format!("Bacalhau {SUBMITS}"), Err(ErrorCode::NoToken)),
            (Method::GET, "x-other", SUBMITS.to_owned(), Err(ErrorCode::NoToken)),
        ] {
            assert_eq!(check(method, name, &token), expected, "{name} {token}");
        }
        assert!(Tokens::default().check(&Method::POST, &HeaderMap::new()).is_ok());
        for text in ["", "# none", "short", "0123456789abcdef write", "0123456789abcdef read x", "0123456789abcdé"] {
            let said = Tokens::parse(text).unwrap_err();
            assert!(!said.contains("abcd"), "{said}");
        }
    }

    #[test]
    fn a_file_that_others_can_read_has_no_tokens() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tokens");
        std::fs::write(&path, SUBMITS).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(Tokens::from_file(&path).unwrap_err().to_string().contains("chmod 600"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let tokens = Tokens::from_file(&path).unwrap();
        assert!(!tokens.is_empty() && !format!("{tokens:?}").contains(SUBMITS));
    }
}
