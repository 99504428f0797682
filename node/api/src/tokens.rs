//! Access tokens of the API, from a file with one a line; ` read` after a token makes it read-only. A token that is
//! removed from the file is rejected from then on.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue, Method};
use bacalhau_tree::HostFailure;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::TOKEN_HEADER;
use super::error::{ApiError, ErrorCode};
use super::reloaded::Reloaded;

/// Maximum size of the file in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;
/// Minimum length of a token, so that it cannot be guessed.
const MIN_LENGTH: usize = 16;

/// The access tokens of an API: at least one.
#[derive(Clone)]
pub struct Tokens(Vec<Token>);

#[derive(Clone)]
struct Token {
    digest: [u8; 32],
    /// Whether it allows more than reading.
    submits: bool,
}

impl Tokens {
    /// The tokens in the file at `path`, read again when it changes.
    ///
    /// # Errors
    /// When it cannot be read, other users can read it, or a line is not a valid token. The error does not contain the
    /// line.
    pub fn watched(path: &Path) -> Result<Reloaded<Self>, HostFailure> {
        let file = path.to_owned();
        Reloaded::new(vec![file.clone()], move || Self::from_file(&file))
    }

    /// The tokens that the file at `path` has now.
    ///
    /// # Errors
    /// As for [`watched`](Self::watched).
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
        if tokens.is_empty() { Err("it contains no token".into()) } else { Ok(Self(tokens)) }
    }

    /// Checks that a request has a sufficient token.
    pub(super) fn check(&self, method: &Method, headers: &HeaderMap) -> Result<(), ApiError> {
        let is_read = matches!(*method, Method::GET | Method::HEAD);
        let bearer = || headers.get(AUTHORIZATION)?.as_bytes().strip_prefix(b"Bearer ");
        let given = headers.get(TOKEN_HEADER).map(HeaderValue::as_bytes).or_else(bearer).map(<[u8]>::to_vec);
        // A browser adds a password by itself, also where another page makes it send a request: it only reads.
        let given = given.map(Zeroizing::new).or_else(|| password(headers).filter(|_| is_read));
        let submits = given.and_then(|token| self.find(&token)).ok_or_else(|| {
            ApiError::new(ErrorCode::NoToken, "this API needs an access token").hint(
                "set BACALHAU_API_TOKEN, or client.api_token_file, or send the header authorization: Bearer TOKEN",
            )
        })?;
        if submits || is_read {
            return Ok(());
        }
        Err(ApiError::new(ErrorCode::ReadOnly, "this token is read-only"))
    }

    /// Whether `token` is valid, and whether it may submit. Compares all hashes in constant time.
    fn find(&self, token: &[u8]) -> Option<bool> {
        let digest: [u8; 32] = Sha256::digest(token).into();
        self.0.iter().fold(None, |found, known| {
            let differs = known.digest.iter().zip(digest).fold(0, |differs, (one, other)| differs | (one ^ other));
            if differs == 0 { Some(known.submits) } else { found }
        })
    }
}

/// The password of the scheme `Basic`, which browsers ask their users for.
fn password(headers: &HeaderMap) -> Option<Zeroizing<Vec<u8>>> {
    let encoded = headers.get(AUTHORIZATION)?.as_bytes().strip_prefix(b"Basic ")?;
    let credentials = Zeroizing::new(STANDARD.decode(encoded).ok()?);
    let colon = credentials.iter().position(|byte| *byte == b':')?;
    Some(Zeroizing::new(credentials[colon + 1..].to_vec()))
}

/// Prints no tokens.
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

    fn basic(password: &str) -> String {
        format!("Basic {}", STANDARD.encode(format!("anybody:{password}")))
    }

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
            (Method::GET, "authorization", basic(SUBMITS), Ok(())),
            (Method::GET, "authorization", basic(READS), Ok(())),
            (Method::GET, "authorization", basic("wrong"), Err(ErrorCode::NoToken)),
            (Method::GET, "authorization", "Basic !!".into(), Err(ErrorCode::NoToken)),
            (Method::POST, "authorization", basic(SUBMITS), Err(ErrorCode::NoToken)),
            (Method::DELETE, "authorization", basic(SUBMITS), Err(ErrorCode::NoToken)),
        ] {
            assert_eq!(check(method, name, &token), expected, "{name} {token}");
        }
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
        assert!(!format!("{tokens:?}").contains(SUBMITS));
    }
}
