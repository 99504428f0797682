//! Retries of requests to a busy server, or after a connection that closed before the answer. Every request is
//! idempotent: a job is named by its signed request, data by its content, and cancelling twice changes nothing.

use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::ClientError;

/// First pause if the server names none; doubled after each further answer.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// Maximum number of doublings.
const DOUBLINGS: u32 = 5;
/// Maximum requests of one call that end with a broken connection.
const MOST_BROKEN: u32 = 4;

/// Called before each pause.
type Say = Arc<dyn Fn(&str) + Send + Sync>;

/// How long a call is retried. Default: not at all.
#[derive(Clone, Default)]
pub(super) struct Retries {
    limit: Duration,
    say: Option<Say>,
}

impl Retries {
    /// Retries each call for `limit`. Calls `say` before each pause.
    pub(super) fn new(limit: Duration, say: Say) -> Self {
        Self { limit, say: Some(say) }
    }

    /// Runs `once` until it succeeds, fails permanently, or the limit is reached.
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
        Err(ClientError::Broken(base.into(), "the maximum number of retries is reached".into()))
    }

    fn pause(&self, base: &str, error: &ClientError, pause: Duration) {
        if let Some(say) = &self.say {
            let why = match error {
                ClientError::Refused { body, .. } => format!("the server at {base} is busy: {}", body.message),
                error => error.to_string(),
            };
            say(&format!("{why}; retrying in {:.1} s", pause.as_secs_f64()));
        }
        sleep(pause);
    }
}

/// A random number from 0 to 1, so that clients rejected together do not return together.
fn fraction() -> f64 {
    let mut byte = [u8::MAX / 2];
    // Without randomness, all clients wait equally long.
    getrandom::fill(&mut byte).unwrap_or_default();
    f64::from(byte[0]) / f64::from(u8::MAX)
}
