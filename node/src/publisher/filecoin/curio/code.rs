//! What a market means by its codes (`mk20.DealCode`), which of them may be others later, and what to do about the rest.

use super::super::Trouble;
use crate::http::HttpError;

/// What is meant by the answer `error` to `what`.
pub(super) fn trouble(what: &str, error: &HttpError) -> Trouble {
    let HttpError::Status { status, said, retry_after } = error else {
        return Trouble::later(format!("the market cannot be reached: {error}"));
    };
    let said = match said.strip_prefix("Reason:").unwrap_or(said).trim() {
        "" => String::new(),
        said => format!(": {said}"),
    };
    match meaning(status.as_u16()) {
        Some((means, todo)) => Trouble::never(format!("the market refuses {what} ({status}, {means}){said}"), todo),
        None => Trouble::Later { why: format!("the market answers {what} by {status}{said}"), after: *retry_after },
    }
}

/// In words, and what to do; nothing, where the same may be answered otherwise later.
fn meaning(status: u16) -> Option<(&'static str, &'static str)> {
    const OTHER: &str = "ask the provider what it takes, or set filecoin.provider and filecoin.market to another one's";
    Some(match status {
        401 => (
            "it does not take the wallet's signature",
            "check this machine's clock, and ask the provider to allow the wallet of filecoin.wallet",
        ),
        400 => ("bad proposal", OTHER),
        404 => ("not found", "check that filecoin.market is the URL of a provider that runs market 2.0 of Curio"),
        422 => (
            "data source not supported",
            "set filecoin.serve_url so that the provider fetches the data, or leave it out so that the data is uploaded",
        ),
        423 => ("product not supported", OTHER),
        424 => ("product not enabled", OTHER),
        425 => ("product validation failed", OTHER),
        426 => ("rejected by the market's rules", OTHER),
        430 => ("malformed data source", "check filecoin.serve_url"),
        440 => ("market not enabled", OTHER),
        441 => ("duration too short", "set filecoin.duration to more"),
        // Slowness, overload and what a server does when it fails.
        408 | 429 | 500.. => return None,
        _ => ("of no known meaning", OTHER),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ureq::http::StatusCode;

    use super::*;

    fn answer(status: u16, said: &str) -> Trouble {
        let status = StatusCode::from_u16(status).unwrap();
        trouble("it", &HttpError::Status { status, said: said.into(), retry_after: Some(Duration::from_secs(7)) })
    }

    #[test]
    fn refusals_say_why_and_what_to_do() {
        for status in [400, 401, 404, 418, 422, 423, 424, 425, 426, 430, 440, 441] {
            let Trouble::Never { why, todo } = answer(status, "Reason: no") else { panic!("{status}") };
            assert!(why.contains(&status.to_string()) && why.ends_with("): no") && !todo.is_empty(), "{why}");
        }
        assert!(answer(441, "").to_string().contains("duration too short"));
    }

    #[test]
    fn what_may_pass_is_waited_for() {
        for status in [408, 429, 500, 502, 503, 504] {
            assert!(matches!(answer(status, ""), Trouble::Later { after: Some(_), .. }), "{status}");
        }
        let silent = trouble("it", &HttpError::Silent(Duration::from_secs(1)));
        assert!(matches!(silent, Trouble::Later { after: None, .. }));
    }
}
