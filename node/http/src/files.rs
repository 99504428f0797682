//! File server for a directory. `ServeDir` handles bytes and ranges; this module decides what is visible, and validates
//! cached versions.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    RANGE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;
use tower_http::services::ServeDir;

/// Serves the files below `dir`.
pub(super) fn router(dir: &Path) -> io::Result<Router> {
    let root: Arc<Path> = dir.canonicalize()?.into();
    if !root.is_dir() {
        return Err(io::Error::new(io::ErrorKind::NotADirectory, "only directories are served"));
    }
    let files = ServeDir::new(&root).append_index_html_on_directories(false);
    Ok(Router::new().fallback_service(files).layer(from_fn_with_state(root, guard)))
}

async fn guard(State(root): State<Arc<Path>>, mut request: Request, next: Next) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET, HEAD")], "this is read-only\n").into_response();
    }
    let is_archive = Path::new(request.uri().path()).extension().is_some_and(|kind| kind == "car");
    let tag = match relative(request.uri().path()) {
        Some(path) => tokio::task::spawn_blocking(move || tag(&root, &path)).await.ok().flatten(),
        None => None,
    };
    let Some((tag, modified)) = tag else { return (StatusCode::NOT_FOUND, "not found\n").into_response() };
    let mut response = match fit(request.headers_mut(), &tag, modified.as_deref()) {
        Fit::Same => StatusCode::NOT_MODIFIED.into_response(),
        Fit::Other => next.run(request).await,
    };
    let headers = response.headers_mut();
    if is_archive && headers.contains_key(CONTENT_TYPE) {
        // The cached entry is for an older file of this name.
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/vnd.ipld.car"));
    }
    let fixed: [(HeaderName, &'static str); 3] = [
        // Results are untrusted data: browsers must not execute them.
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"),
        (CACHE_CONTROL, "no-cache"),
    ];
    headers.extend(fixed.map(|(name, value)| (name, HeaderValue::from_static(value))));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(ETAG, tag);
    }
    response
}

/// The path below the served directory that `path` of a URL names; `None` where it names none, or a hidden one.
fn relative(path: &str) -> Option<PathBuf> {
    let path = percent_decode_str(path).decode_utf8().ok()?;
    let path = path.strip_prefix('/')?;
    let is_plain = |name: &str| !matches!(name, "" | "." | "..") && !name.contains(['\0', '\\']);
    // Only the first name must not be hidden, because drafts and locks of publishers have such names. Below are names
    // of results.
    (path.split('/').all(is_plain) && !path.starts_with('.')).then(|| path.into())
}

/// Tag and date of the file at `path`; `None` without one, also when a link points outside of `root`.
fn tag(root: &Path, path: &Path) -> Option<(String, Option<String>)> {
    let path = root.join(path).canonicalize().ok()?;
    let below = path.strip_prefix(root).ok()?;
    if below.as_os_str().as_encoded_bytes().starts_with(b".") {
        return None;
    }
    let metadata = path.metadata().ok().filter(std::fs::Metadata::is_file)?;
    let tag = format!("\"{:x}-{:x}-{:x}\"", metadata.ino(), metadata.len(), nanoseconds(&metadata));
    Some((tag, metadata.modified().ok().map(httpdate::fmt_http_date)))
}

fn nanoseconds(metadata: &std::fs::Metadata) -> i128 {
    i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec())
}

/// Comparison with the client's version.
enum Fit {
    /// Unchanged.
    Same,
    /// Something else, or a part.
    Other,
}

/// Evaluates the client's conditional headers, and keeps those that still apply.
fn fit(headers: &mut HeaderMap, tag: &str, modified: Option<&str>) -> Fit {
    if let Some(held) = headers.remove(IF_NONE_MATCH) {
        // Tags take precedence over dates.
        headers.remove(IF_MODIFIED_SINCE);
        let held = held.to_str().unwrap_or_default();
        let is_same = |other: &str| other == "*" || other.trim_start_matches("W/") == tag;
        if held.split(',').map(str::trim).any(is_same) {
            return Fit::Same;
        }
    }
    if let Some(part_of) = headers.remove(IF_RANGE)
        && part_of != tag
        && modified.is_none_or(|modified| part_of != modified)
    {
        headers.remove(RANGE);
    }
    Fit::Other
}
