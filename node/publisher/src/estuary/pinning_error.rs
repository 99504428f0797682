//! Errors of a pinning service, by their remedy: reconfiguration, waiting, or a repeated request.

use std::time::Duration;

use super::wire::Refusal;
use bacalhau_cas::DataError;
use bacalhau_http::HttpError;
use bacalhau_values::Secret;

/// Minimum and maximum of a pause that a service requests.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_hours(1));

/// An error of a pinning service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PinningError {
    /// Permanent refusal.
    Refused(String),
    /// Temporary error. The service may name a pause.
    Later(String, Option<Duration>),
    /// The object does not exist.
    Absent(String),
}

/// A store error may be temporary.
impl From<DataError> for PinningError {
    fn from(error: DataError) -> Self {
        Self::Later(error.to_string(), None)
    }
}

impl PinningError {
    /// Classifies `error` of a service that received `token`.
    pub(super) fn of(error: &HttpError, token: &Secret) -> Self {
        let HttpError::Status { status, said, retry_after } = error else {
            return Self::Later(error.to_string(), None);
        };
        // Some servers echo their input.
        let said = said.replace(token.expose(), Secret::SHOWN);
        let reason = serde_json::from_str::<Refusal>(&said).map(|refusal| refusal.error.to_string()).unwrap_or(said);
        let said = if reason.is_empty() { format!("{status}") } else { format!("{status}, {reason}") };
        let pause = retry_after.map(|pause| pause.clamp(PAUSES.0, PAUSES.1));
        match status.as_u16() {
            401 | 403 => Self::Refused(format!(
                "the service rejects the access token ({said}): set BACALHAU_ESTUARY_TOKEN or estuary.token_file to a \
                 token of this service"
            )),
            404 => Self::Absent(said),
            409 => Self::Refused(format!("the service reports insufficient funds ({said})")),
            408 | 425 | 429 | 500..=599 => Self::Later(format!("the service answered {said}"), pause),
            300..=399 => Self::Refused(format!(
                "the service answered {said}: redirects are not followed, so set estuary.endpoint to the target of the \
                 redirect"
            )),
            _ => Self::Refused(format!("the service refused it ({said})")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, said: &str, retry_after: Option<u64>) -> PinningError {
        let error = HttpError::Status {
            status: status.try_into().unwrap(),
            said: said.into(),
            retry_after: retry_after.map(Duration::from_secs),
        };
        PinningError::of(&error, &"s3cr3t".parse().unwrap())
    }

    #[test]
    fn what_there_is_to_do_follows_from_the_status() {
        let funds = "{\"error\": {\"reason\": \"INSUFFICIENT_FUNDS\", \"details\": \"pay\"}}";
        assert_eq!(
            of(409, funds, None),
            PinningError::Refused(
                "the service reports insufficient funds (409 Conflict, INSUFFICIENT_FUNDS: pay)".into()
            )
        );
        for status in [401, 403] {
            let PinningError::Refused(why) = of(status, "", None) else { panic!("{status}") };
            assert!(why.contains("BACALHAU_ESTUARY_TOKEN"), "{why}");
        }
        assert!(matches!(of(404, "", None), PinningError::Absent(_)));
        for status in [301, 400, 405, 413, 418, 422] {
            assert!(matches!(of(status, "", None), PinningError::Refused(_)), "{status}");
        }
        for status in [408, 425, 429, 500, 502, 503, 504, 599] {
            assert!(matches!(of(status, "", None), PinningError::Later(_, None)), "{status}");
        }
        for (asked, waited) in [(0, 1), (7, 7), (u64::MAX / 2, 3600)] {
            let PinningError::Later(_, Some(wait)) = of(429, "", Some(asked)) else { panic!("{asked}") };
            assert_eq!(wait, Duration::from_secs(waited));
        }
    }

    #[test]
    fn what_a_service_repeats_of_the_token_is_not_said() {
        let PinningError::Refused(why) = of(401, "no such token: Bearer s3cr3t", None) else { panic!("it is refused") };
        assert!(why.contains("Bearer (secret)") && !why.contains("s3cr3t"), "{why}");
    }
}
