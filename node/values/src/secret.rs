//! A secret, such as an access token, that is never printed. Callers expose it explicitly.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::str::FromStr;

use bacalhau_tree::HostFailure;
use zeroize::Zeroizing;

/// Maximum size of a token file in bytes.
const MAX_FILE_BYTES: u64 = 64 << 10;

/// A secret of one line.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The text shown in its place.
    pub const SHOWN: &'static str = "(secret)";

    /// The secret value, to be sent to its service.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The one in the file at `path`, without the white space around it.
    ///
    /// # Errors
    /// When the file cannot be read, or holds no secret of one line.
    pub fn from_file(path: &Path) -> Result<Self, HostFailure> {
        let failed = |error| HostFailure::at("read the secret in", path, error);
        let mut text = Zeroizing::new(String::new());
        File::open(path).and_then(|file| file.take(MAX_FILE_BYTES).read_to_string(&mut text)).map_err(failed)?;
        text.parse().map_err(|why| HostFailure::new(format!("{}: {why}", path.display())))
    }
}

impl FromStr for Secret {
    type Err = &'static str;

    /// The error does not repeat it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.is_empty() {
            return Err("it contains no secret");
        }
        if text == Self::SHOWN {
            return Err("this is the placeholder of a hidden secret");
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("a secret is one word of visible ASCII characters, and this is not");
        }
        Ok(Self(Zeroizing::new(text.into())))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::SHOWN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_one_word_and_is_shown_nowhere() {
        let secret: Secret = " s3cr3t\n".parse().unwrap();
        assert_eq!((secret.expose(), format!("{secret:?}").as_str()), ("s3cr3t", Secret::SHOWN));
        for text in ["", " \n", Secret::SHOWN, "two words", "a\nb", "käse", "a\0b"] {
            let error = text.parse::<Secret>().unwrap_err();
            assert!(!text.trim().is_empty() || error.contains("no secret"), "{error}");
        }
    }

    #[test]
    fn a_secret_is_read_from_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        assert!(Secret::from_file(&path).unwrap_err().to_string().contains("token"));
        std::fs::write(&path, "s3cr3t\r\n").unwrap();
        assert_eq!(Secret::from_file(&path).unwrap().expose(), "s3cr3t");
        std::fs::write(&path, "s3cr3t and more").unwrap();
        let error = Secret::from_file(&path).unwrap_err().to_string();
        assert!(error.contains("token: a secret is one word") && !error.contains("s3cr3t"), "{error}");
    }
}
