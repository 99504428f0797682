//! What can go wrong with a service, by what there is to do about it: nothing but what its operator changes, wait, or ask
//! anew.

use std::time::Duration;

use super::wire::Refusal;
use crate::cas::DataError;
use crate::http::HttpError;
use bacalhau_values::Secret;

/// The shortest and the longest wait that a service may ask for.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_hours(1));

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It will not do it, however often it is asked.
    Refused(String),
    /// Not now. The service may say when.
    Later(String, Option<Duration>),
    /// There is no such thing there.
    Absent(String),
}

/// A store that fails may do so for the moment only.
impl From<DataError> for Trouble {
    fn from(error: DataError) -> Self {
        Self::Later(error.to_string(), None)
    }
}

impl Trouble {
    /// What `error` means of the service that was sent `token`.
    pub(super) fn of(error: &HttpError, token: &Secret) -> Self {
        let HttpError::Status { status, said, retry_after } = error else {
            return Self::Later(error.to_string(), None);
        };
        // Some servers repeat what they were sent.
        let said = said.replace(token.expose(), Secret::SHOWN);
        let reason = serde_json::from_str::<Refusal>(&said).map(|refusal| refusal.error.to_string()).unwrap_or(said);
        let said = if reason.is_empty() { format!("{status}") } else { format!("{status}, {reason}") };
        let pause = retry_after.map(|pause| pause.clamp(PAUSES.0, PAUSES.1));
        match status.as_u16() {
            401 | 403 => Self::Refused(format!(
                "the service does not take the access token ({said}): set BACALHAU_ESTUARY_TOKEN or estuary.token_file \
                 to one of this service"
            )),
            404 => Self::Absent(said),
            409 => Self::Refused(format!("the service says that there are no funds for it ({said})")),
            408 | 425 | 429 | 500..=599 => Self::Later(format!("the service answered {said}"), pause),
            300..=399 => Self::Refused(format!(
                "the service answered {said}: set estuary.endpoint to where it redirects to, since what is sent is sent to \
                 nobody else"
            )),
            _ => Self::Refused(format!("the service refused it ({said})")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, said: &str, retry_after: Option<u64>) -> Trouble {
        let error = HttpError::Status {
            status: status.try_into().unwrap(),
            said: said.into(),
            retry_after: retry_after.map(Duration::from_secs),
        };
        Trouble::of(&error, &"s3cr3t".parse().unwrap())
    }

    #[test]
    fn what_there_is_to_do_follows_from_the_status() {
        let funds = "{\"error\": {\"reason\": \"INSUFFICIENT_FUNDS\", \"details\": \"pay\"}}";
        assert_eq!(
            of(409, funds, None),
            Trouble::Refused(
                "the service says that there are no funds for it (409 Conflict, INSUFFICIENT_FUNDS: pay)".into()
            )
        );
        for status in [401, 403] {
            let Trouble::Refused(why) = of(status, "", None) else { panic!("{status}") };
            assert!(why.contains("BACALHAU_ESTUARY_TOKEN"), "{why}");
        }
        assert!(matches!(of(404, "", None), Trouble::Absent(_)));
        for status in [301, 400, 405, 413, 418, 422] {
            assert!(matches!(of(status, "", None), Trouble::Refused(_)), "{status}");
        }
        for status in [408, 425, 429, 500, 502, 503, 504, 599] {
            assert!(matches!(of(status, "", None), Trouble::Later(_, None)), "{status}");
        }
        for (asked, waited) in [(0, 1), (7, 7), (u64::MAX / 2, 3600)] {
            let Trouble::Later(_, Some(wait)) = of(429, "", Some(asked)) else { panic!("{asked}") };
            assert_eq!(wait, Duration::from_secs(waited));
        }
    }

    #[test]
    fn what_a_service_repeats_of_the_token_is_not_said() {
        let Trouble::Refused(why) = of(401, "no such token: Bearer s3cr3t", None) else { panic!("it is refused") };
        assert!(why.contains("Bearer (secret)") && !why.contains("s3cr3t"), "{why}");
    }
}
