//! The `OpenAPI` description, generated from the handlers. The repository has a copy, so that changes are visible in
//! review.

use std::sync::OnceLock;

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "bacalhau",
        description = "Runs WebAssembly next to data, several times, and verifies the result. Errors have a stable \
            code, a message, and where possible a hint. Answers have the header `bacalhau-api` with the version of \
            this API. To cancel a job or read its private data, the job's client sends the header `authorization: \
            Bacalhau COMMAND`, where COMMAND is base64url of JSON with `command` (`action`: `cancel` or `read`, \
            `job`, `at_ms`), `client_key` and `signature`.",
    ),
    tags(
        (name = "jobs", description = "Submit, watch and cancel jobs, and fetch results"),
        (name = "data", description = "Upload inputs"),
        (name = "executions", description = "Executions of this node as a provider"),
        (name = "nodes", description = "This node, and the nodes known to it"),
        (name = "health", description = "For supervisors and Prometheus"),
    ),
    paths(
        super::jobs::submit,
        super::jobs::list,
        super::jobs::describe,
        super::jobs::cancel,
        super::events::events,
        super::logs::logs,
        super::results::results,
        super::results::archive,
        super::data::add,
        super::executions::list,
        super::nodes::nodes,
        super::nodes::node,
        super::health::livez,
        super::health::readyz,
        super::health::healthz,
        super::health::metrics,
    )
)]
struct Document;

/// The contract as JSON.
pub fn openapi() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| {
        let mut text = Document::openapi().to_pretty_json().unwrap_or_default();
        text.push('\n');
        text
    })
}

pub(super) async fn serve() -> Response {
    ([(CONTENT_TYPE, "application/json")], openapi()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `BLESS=1` writes it anew.
    #[test]
    fn the_contract_is_as_it_was() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/openapi.json");
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(path, openapi()).unwrap();
        }
        let golden = std::fs::read_to_string(path).unwrap();
        assert!(openapi() == golden, "the API changed: look at the change with BLESS=1 and git diff");
        assert!(golden.contains("\"/api/v1/jobs/{id}/results/{shard}\""));
    }
}
