//! Meaning of the node's statuses: temporary, or permanent with advice.

use super::BackendError;
use bacalhau_http::HttpError;

/// Classifies the answer `error` to `what`.
pub(super) fn backend_error(what: &str, error: &HttpError) -> BackendError {
    let HttpError::Status { status, said, retry_after } = error else {
        return BackendError::later(format!("the PDP node cannot be reached: {error}"));
    };
    let said = match said.trim() {
        "" => String::new(),
        said => format!(": {said}"),
    };
    match advice(status.as_u16()) {
        Some(todo) => BackendError::never(format!("the PDP node rejects {what} ({status}){said}"), todo),
        None => {
            BackendError::Later { why: format!("the PDP node answers {what} with {status}{said}"), after: *retry_after }
        }
    }
}

/// Advice for a permanent error; `None` for temporary ones.
fn advice(status: u16) -> Option<&'static str> {
    Some(match status {
        401 | 403 => {
            "set pdp.token_file to an access token of the provider, and pdp.key_file to the key of the payer or a session \
             key"
        }
        404 => {
            "check that pdp.url is the URL of a provider that runs Curio with PDP and has the data set of pdp.data_set"
        }
        409 => "set pdp.data_set and pdp.client_data_set to a data set that has not ended",
        413 => "reduce the results, or use another publisher",
        // Slow, overloaded or failing servers. A transaction that would fail also comes as 500: funds may arrive.
        408 | 425 | 429 | 500.. => return None,
        _ => "check the keys of [pdp], and that the provider's version of Curio has this API",
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ureq::http::StatusCode;

    use super::*;

    fn answer(status: u16) -> BackendError {
        let status = StatusCode::from_u16(status).unwrap();
        let retry_after = Some(Duration::from_secs(7));
        backend_error("it", &HttpError::Status { status, said: "no".into(), retry_after })
    }

    #[test]
    fn refusals_say_why_and_what_to_do() {
        for status in [400, 401, 403, 404, 405, 409, 413, 418] {
            let BackendError::Never { why, todo } = answer(status) else { panic!("{status}") };
            assert!(why.contains(&status.to_string()) && why.ends_with(": no") && !todo.is_empty(), "{why}");
        }
    }

    #[test]
    fn what_may_pass_is_waited_for() {
        for status in [408, 429, 500, 502, 503, 504] {
            assert!(matches!(answer(status), BackendError::Later { after: Some(_), .. }), "{status}");
        }
        let silent = backend_error("it", &HttpError::Silent(Duration::from_secs(1)));
        assert!(matches!(silent, BackendError::Later { after: None, .. }));
    }
}
