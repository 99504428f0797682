//! Converts given bytes to a binary module: text is assembled, other formats are recognized and rejected.
//!
//! Examines only the first bytes. `proposals` validates the module.

use std::borrow::Cow;

use wasmparser::{Parser, Payload};

use super::{
    check_size,
    refusal::{Refusal, RefusalKind},
};

const MAGIC: &[u8; 4] = b"\0asm";

/// Maximum text size. Assembling takes about 50 times its size in memory.
const MAX_TEXT_BYTES: u64 = 16 << 20;

/// The binary of a module given as binary or WebAssembly text (`.wat`).
///
/// Text is recognized by an opening parenthesis as its first character after blanks and comments. `max_bytes` bounds
/// the input.
///
/// # Errors
/// When the input is too large (16 MiB for text), invalid text, or neither text nor module: then with the recognized
/// format.
pub fn to_binary(bytes: &[u8], max_bytes: u64) -> Result<Cow<'_, [u8]>, Refusal> {
    check_size(bytes, max_bytes)?;
    if !looks_like_wat(bytes) {
        require_module(bytes)?;
        return Ok(Cow::Borrowed(bytes));
    }
    check_text_size(bytes)?;
    let wasm = assemble(bytes)?;
    require_module(&wasm)?;
    Ok(Cow::Owned(wasm))
}

#[cfg(feature = "text")]
fn assemble(text: &[u8]) -> Result<Vec<u8>, Refusal> {
    wat::parse_bytes(text).map(Cow::into_owned).map_err(|error| text_error(text, &error))
}

#[cfg(not(feature = "text"))]
fn assemble(_: &[u8]) -> Result<Vec<u8>, Refusal> {
    let message = "the module is WebAssembly text, which this program cannot assemble: give the binary module, or build the \
        program with the feature `text` of bacalhau-runtime";
    Err(not_a_module(message.into()))
}

fn check_text_size(bytes: &[u8]) -> Result<(), Refusal> {
    let size = bytes.len() as u64;
    if size <= MAX_TEXT_BYTES {
        return Ok(());
    }
    Err(Refusal::new(
        RefusalKind::TooLarge,
        format!(
            "the WebAssembly text has {size} bytes, and at most {MAX_TEXT_BYTES} are assembled: give the binary module"
        ),
    ))
}

/// Size of the code section in bytes. 0 without one, or for other bytes.
pub(crate) fn code_bytes(wasm: &[u8]) -> u64 {
    let code = |payload| match payload {
        Ok(Payload::CodeSectionStart { size, .. }) => Some(u64::from(size)),
        _ => None,
    };
    Parser::new(0).parse_all(wasm).find_map(code).unwrap_or(0)
}

/// Checks the header of a binary core module.
pub(super) fn require_module(bytes: &[u8]) -> Result<(), Refusal> {
    if !bytes.starts_with(MAGIC) {
        return Err(not_a_module(what_else(bytes)));
    }
    match bytes.get(4..8) {
        None => {
            Err(not_a_module("the file ends inside the header of a WebAssembly module: fetch or copy it again".into()))
        }
        Some([1, 0, 0, 0]) => Ok(()),
        Some([_, _, 1, 0]) => Err(not_a_module(COMPONENT.into())),
        Some(version) => Err(not_a_module(format!(
            "the file is WebAssembly of an unknown version (header {version:02x?}; modules have version 1): build it \
             with a current compiler"
        ))),
    }
}

const COMPONENT: &str = "the file is a WebAssembly component, and jobs are core modules: \
     lower it with `bacalhau wasm lower`, or build for wasm32-wasip1 instead of wasm32-wasip2";

fn not_a_module(message: String) -> Refusal {
    Refusal::new(RefusalKind::NotAModule, message)
}

#[cfg(feature = "text")]
fn text_error(bytes: &[u8], error: &wat::Error) -> Refusal {
    let inner = after_blanks(bytes).get(1..).map_or(&[][..], after_blanks);
    if inner.starts_with(b"component") {
        return not_a_module(COMPONENT.into());
    }
    not_a_module(format!("the WebAssembly text has a mistake: {error}"))
}

fn looks_like_wat(bytes: &[u8]) -> bool {
    after_blanks(bytes).first() == Some(&b'(')
}

/// Skips blanks, line comments `;; …` and block comments `(; … ;)`, which nest.
fn after_blanks(mut bytes: &[u8]) -> &[u8] {
    loop {
        bytes = bytes.trim_ascii_start();
        if bytes.starts_with(b";;") {
            let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
            bytes = &bytes[end..];
        } else if bytes.starts_with(b"(;") {
            bytes = after_block_comment(bytes);
        } else {
            return bytes;
        }
    }
}

fn after_block_comment(mut bytes: &[u8]) -> &[u8] {
    let mut depth = 0_usize;
    loop {
        let step = match bytes {
            [b'(', b';', ..] => {
                depth += 1;
                2
            }
            [b';', b')', ..] => {
                depth -= 1;
                2
            }
            [] => return bytes,
            _ => 1,
        };
        bytes = &bytes[step..];
        if depth == 0 {
            return bytes;
        }
    }
}

/// Magic bytes of other formats, and what to do about each.
const KNOWN: [(&[u8], &str); 14] = [
    (b"\x7fELF", "an ELF file, a native program or a module compiled ahead of time (.cwasm): give the .wasm itself"),
    (b"\xcf\xfa\xed\xfe", "a native program for macOS: build for wasm32-wasip1"),
    (b"\xca\xfe\xba\xbe", "a native program for macOS or a Java class: build for wasm32-wasip1"),
    (b"MZ", "a program for Windows: build for wasm32-wasip1"),
    (b"!<arch>", "a static library: link it into a module"),
    (b"BC\xc0\xde", "LLVM bitcode: compile and link it into a module"),
    (b"\x1f\x8b", "compressed with gzip: unpack it first"),
    (b"PK\x03\x04", "a zip archive (or a .jar, .whl): unpack it and give the .wasm in it"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd: unpack it first"),
    (b"\xfd7zXZ\0", "compressed with xz: unpack it first"),
    (b"BZh", "compressed with bzip2: unpack it first"),
    (b"#!", "a script: a job needs a program compiled to WebAssembly, for example its interpreter"),
    (b"<?xml", "XML: was an error page saved in place of the file?"),
    (b"{", "JSON: give the module itself; a job file goes to `bacalhau create`"),
];

/// Describes a file that is not WebAssembly.
fn what_else(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "the module is empty: is the build or the download finished?".into();
    }
    if MAGIC.starts_with(bytes) {
        return "the file ends inside the header of a WebAssembly module: fetch or copy it again".into();
    }
    let start = bytes.trim_ascii_start();
    let known = KNOWN.iter().find(|(magic, _)| start.starts_with(magic) || bytes.starts_with(magic));
    let what = match known {
        Some((_, what)) => (*what).into(),
        None if is_html(start) => "a web page: use the link to the file itself, not to the page that shows it".into(),
        None if bytes.get(257..262) == Some(b"ustar") => "a tar archive: unpack it and give the .wasm in it".into(),
        None if is_text(bytes) => {
            "text, but not of WebAssembly, which begins with a bracket: compile it to WebAssembly first".into()
        }
        None => format!("data of an unknown kind (it begins with {:02x?})", &bytes[..bytes.len().min(4)]),
    };
    format!("the module is not WebAssembly. It looks like {what}")
}

fn is_html(start: &[u8]) -> bool {
    [&b"<!doctype"[..], b"<html", b"<head", b"<body"]
        .iter()
        .any(|tag| start.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag)))
}

/// Whether the first bytes read as UTF-8 without control characters. A character cut at the end does not matter.
fn is_text(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(1024)];
    let valid = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or(""),
        Err(_) => return false,
    };
    !valid.is_empty() && !valid.chars().any(|c| c.is_control() && !c.is_whitespace())
}
