//! Requests that are sent again: the server has too much to do, or hung up before it answered. Every request of the API may
//! be sent twice: a job is named by its signed request, data by its content, and a job that was cancelled stays so.

use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::ClientError;

/// Basis of the first pause where the server does not name one; doubled after each further answer.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// How often the pause is doubled.
const DOUBLINGS: u32 = 5;
/// Requests of one call whose connection may break before there is an answer.
const MOST_BROKEN: u32 = 4;

/// Told of each pause.
type Say = Arc<dyn Fn(&str) + Send + Sync>;

/// How long a call goes on asking. By default it asks once.
#[derive(Clone, Default)]
pub(super) struct Retries {
    limit: Duration,
    say: Option<Say>,
}

impl Retries {
    /// For `limit`, counted for each call. `say` is told of each pause.
    pub(super) fn new(limit: Duration, say: Say) -> Self {
        Self { limit, say: Some(say) }
    }

    /// Does `once` until it succeeds, fails for good, or the limit is reached.
    pub(super) fn run<T>(
        &self,
        base: &str,
        mut once: impl FnMut() -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        let begun = Instant::now();
        let mut broken = 0;
        for attempt in 0.. {
            let error = match once() {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            broken += u32::from(error.is_broken());
            let left = self.limit.saturating_sub(begun.elapsed());
            let least = error.retry_after().unwrap_or(FIRST_PAUSE);
            let is_over = !(error.is_busy() || error.is_broken()) || broken > MOST_BROKEN;
            if is_over {
                return Err(error);
            }
            if left < least {
                let seconds = begun.elapsed().as_secs();
                return Err(if seconds == 0 { error } else { ClientError::GaveUp { seconds, last: Box::new(error) } });
            }
            let spread = least.max(FIRST_PAUSE * 2_u32.pow(attempt.min(DOUBLINGS)));
            let pause = least + spread.mul_f64(fraction());
            self.pause(base, &error, pause.min(left));
        }
        // The loop has no other end.
        Err(ClientError::Broken(base.into(), "it was asked too often".into()))
    }

    fn pause(&self, base: &str, error: &ClientError, pause: Duration) {
        if let Some(say) = &self.say {
            let why = match error {
                ClientError::Refused { body, .. } => format!("the server at {base} is busy: {}", body.message),
                error => error.to_string(),
            };
            say(&format!("{why}; asking again in {:.1} s", pause.as_secs_f64()));
        }
        sleep(pause);
    }
}

/// From 0 to 1, by chance: clients that were rejected together do not come back together.
fn fraction() -> f64 {
    let mut byte = [u8::MAX / 2];
    // Without randomness, all wait for the same time.
    getrandom::fill(&mut byte).unwrap_or_default();
    f64::from(byte[0]) / f64::from(u8::MAX)
}
