//! Meaning of the market's codes (`mk20.DealCode`): temporary, or permanent with advice.

use super::super::BackendError;
use bacalhau_http::HttpError;

/// Classifies the answer `error` to `what`.
pub(super) fn backend_error(what: &str, error: &HttpError) -> BackendError {
    let HttpError::Status { status, said, retry_after } = error else {
        return BackendError::later(format!("the market cannot be reached: {error}"));
    };
    let said = match said.strip_prefix("Reason:").unwrap_or(said).trim() {
        "" => String::new(),
        said => format!(": {said}"),
    };
    match meaning(status.as_u16()) {
        Some((means, todo)) => {
            BackendError::never(format!("the market rejects {what} ({status}, {means}){said}"), todo)
        }
        None => {
            BackendError::Later { why: format!("the market answers {what} with {status}{said}"), after: *retry_after }
        }
    }
}

/// The meaning of a permanent error and advice; `None` for temporary ones.
fn meaning(status: u16) -> Option<(&'static str, &'static str)> {
    const OTHER: &str = "ask the provider for its terms, or set filecoin.provider and filecoin.market to another \
        provider";
    Some(match status {
        401 => (
            "it rejects the wallet's signature",
            "check this machine's clock, and ask the provider to allow the wallet of filecoin.wallet",
        ),
        400 => ("bad proposal", OTHER),
        404 => ("not found", "check that filecoin.market is the URL of a provider that runs market 2.0 of Curio"),
        422 => (
            "data source not supported",
            "set filecoin.serve_url so that the provider fetches the data, or unset it so that the data is uploaded",
        ),
        423 => ("product not supported", OTHER),
        424 => ("product not enabled", OTHER),
        425 => ("product validation failed", OTHER),
        426 => ("rejected by the market's rules", OTHER),
        430 => ("malformed data source", "check filecoin.serve_url"),
        440 => ("market not enabled", OTHER),
        441 => ("duration too short", "increase filecoin.duration"),
        // Slow, overloaded or failing servers.
        408 | 429 | 500.. => return None,
        _ => ("unknown code", OTHER),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ureq::http::StatusCode;

    use super::*;

    fn answer(status: u16, said: &str) -> BackendError {
        let status = StatusCode::from_u16(status).unwrap();
        backend_error("it", &HttpError::Status { status, said: said.into(), retry_after: Some(Duration::from_secs(7)) })
    }

    #[test]
    fn refusals_say_why_and_what_to_do() {
        for status in [400, 401, 404, 418, 422, 423, 424, 425, 426, 430, 440, 441] {
            let BackendError::Never { why, todo } = answer(status, "Reason: no") else { panic!("{status}") };
            assert!(why.contains(&status.to_string()) && why.ends_with("): no") && !todo.is_empty(), "{why}");
        }
        assert!(answer(441, "").to_string().contains("duration too short"));
    }

    #[test]
    fn what_may_pass_is_waited_for() {
        for status in [408, 429, 500, 502, 503, 504] {
            assert!(matches!(answer(status, ""), BackendError::Later { after: Some(_), .. }), "{status}");
        }
        let silent = backend_error("it", &HttpError::Silent(Duration::from_secs(1)));
        assert!(matches!(silent, BackendError::Later { after: None, .. }));
    }
}
