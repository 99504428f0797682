//! Pins results at a pinning service: one request a step, each of which is idempotent.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use multiaddr::Multiaddr;

use super::pinning_error::PinningError;
use super::service::PinningService;
use super::wire::{MAX_ADDRS, MAX_NAME, PinStatus, Status};
use super::{Pin, origins};
use crate::dag;
use crate::ledger::{Entry, Next, PublicationTask, PublisherState, StepError};
use bacalhau_cas::store::Store;
use bacalhau_job::ExecutionId;
use bacalhau_p2p::Dialer;

/// Minimum and maximum poll interval, which grows with the elapsed time.
const POLLS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));
/// Poll interval as a fraction of the elapsed time.
const PART: u32 = 10;
/// Timeout of a pin. Its request stays with the service.
const LONGEST: Duration = Duration::from_hours(30 * 24);
/// Maximum times that the service may lose a request.
const MOST_LOST: u32 = 3;
/// Pause before a lost request is repeated.
const AFTER_LOSS: Duration = Duration::from_secs(5);

/// Advances publications by pins.
pub(crate) struct PinTask {
    service: PinningService,
    store: Arc<Store>,
    origins: Vec<String>,
    dial: Option<Dialer>,
}

impl PinTask {
    /// Pins with `service`, which fetches data in `store` from `peers`, or over connections that `dial` opens.
    pub(crate) fn new(service: PinningService, store: Arc<Store>, peers: &[String], dial: Option<Dialer>) -> Self {
        let origins = origins::origins(peers, service.endpoint());
        Self { service, store, origins, dial }
    }

    /// Looks up the pin at the service, and requests it if absent.
    fn find_or_make(&self, entry: &mut Entry, pin: &mut Pin, now_ms: u64) -> Result<PinStatus, PinningError> {
        let (cid, name) = (pin.cid.cid(), name(entry.execution));
        // It was requested before a crash, or the answer was lost.
        if let Some(found) = self.service.find(cid, &name)? {
            return Ok(found);
        }
        if self.service.takes_archives() && !pin.uploaded {
            match dag::archive(&self.store, cid, |car| self.service.upload(cid, &name, car)) {
                Ok(()) => entry.step(now_ms, "uploaded", format!("to {}", self.service.host())),
                // Without an upload, the service fetches the data from us.
                Err(PinningError::Absent(why)) => entry.step(
                    now_ms,
                    "not uploaded",
                    format!(
                        "the service has no add-car \
                    ({why})"
                    ),
                ),
                Err(other) => return Err(other),
            }
            pin.uploaded = true;
        }
        let meta = BTreeMap::from([
            ("app", "bacalhau".to_owned()),
            ("job", entry.execution.job.to_string()),
            ("h1", entry.h1.clone()),
        ]);
        self.service.add(cid, &name, &self.origins, meta)
    }

    /// Starts connecting to the service's nodes, which may be unable to reach us. A failed connection is not an error.
    fn connect(&self, delegates: &[String]) {
        let Some(dial) = &self.dial else { return };
        for addr in delegates.iter().take(MAX_ADDRS).filter_map(|text| text.parse::<Multiaddr>().ok()) {
            dial(&addr);
        }
    }

    fn heard(&self, entry: &mut Entry, pin: &mut Pin, status: &PinStatus, now_ms: u64) -> Next {
        pin.request = Some(status.request.clone());
        let details = status.details().map_or_else(String::new, |details| format!(": {details}"));
        let text = format!("request {} at {}{details}", status.request, self.service.host());
        entry.step(now_ms, &status.status.to_string(), text);
        if matches!(status.status, Status::Pinned | Status::Failed) {
            return Next::Ended;
        }
        self.connect(&status.delegates);
        let passed = Duration::from_millis(now_ms.saturating_sub(pin.began_ms));
        if passed > LONGEST {
            entry.fail(now_ms, "it was not pinned within 30 days");
            return Next::Ended;
        }
        Next::In((passed / PART).clamp(POLLS.0, POLLS.1))
    }
}

impl PublicationTask for PinTask {
    fn advance(&self, entry: &mut Entry, now_ms: u64) -> Result<Next, StepError> {
        let PublisherState::Estuary(pin) = &entry.state else {
            return Err(StepError::OtherPublisher("it is not a pin"));
        };
        let mut pin = pin.clone();
        let asked = pin.request.clone();
        let answer = match &asked {
            Some(request) => self.service.status(request),
            None => self.find_or_make(entry, &mut pin, now_ms),
        };
        let next = match answer {
            Ok(status) => Ok(self.heard(entry, &mut pin, &status, now_ms)),
            Err(PinningError::Refused(why)) => {
                entry.fail(now_ms, why);
                Ok(Next::Ended)
            }
            Err(PinningError::Absent(why)) if asked.is_none() => {
                let endpoint = self.service.endpoint();
                entry.fail(now_ms, format!("no pinning service at {endpoint} ({why}): set estuary.endpoint"));
                Ok(Next::Ended)
            }
            Err(PinningError::Absent(why)) if pin.lost >= MOST_LOST => {
                entry.fail(now_ms, format!("the service has lost the request repeatedly ({why})"));
                Ok(Next::Ended)
            }
            Err(PinningError::Absent(why)) => {
                entry.step(now_ms, "lost", format!("the service has lost the request ({why})"));
                (pin.request, pin.lost) = (None, pin.lost + 1);
                Ok(Next::In(AFTER_LOSS))
            }
            Err(PinningError::Later(why, Some(pause))) => {
                entry.wait(now_ms, why);
                Ok(Next::In(pause))
            }
            Err(PinningError::Later(why, None)) => Err(StepError::Temporary(why)),
        };
        entry.state = PublisherState::Estuary(pin);
        next
    }
}

/// Name of the pin, unique for each execution.
fn name(execution: ExecutionId) -> String {
    let ExecutionId { job, shard, number } = execution;
    let name = format!("bacalhau-{job}-{shard}-{number}");
    debug_assert!(name.len() <= MAX_NAME, "{name}");
    name
}

impl fmt::Debug for PinTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PinCourse")
            .field("service", &self.service)
            .field("origins", &self.origins)
            .finish_non_exhaustive()
    }
}
